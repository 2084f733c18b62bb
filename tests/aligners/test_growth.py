"""Who is new in graphs that have grown, and where the others stand now."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.aligners._growth import growth_of
from ibmea_sklearn.graph import Sides
from ibmea_sklearn.graph._verdicts import NOTHING_JUDGED


def fitted(kg1, kg2, seeds):
    """What of a fitted aligner is looked at."""
    return SimpleNamespace(kg1_=kg1, kg2_=kg2, seed_indices_=seeds, judged_=NOTHING_JUDGED)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(7)), st.permutations(range(6)), st.booleans())
def test_rows_stand_where_their_entities_do(order1, order2, is_sparse):
    old = KnowledgeGraph(entities=[f"a{i}" for i in range(4)]), KnowledgeGraph(entities=range(5))
    grown = (
        KnowledgeGraph(entities=[f"a{i}" for i in order1]),
        KnowledgeGraph(entities=list(order2)),
    )
    growth = growth_of(fitted(*old, np.array([[0, 3], [2, 1]])), *grown)
    assert growth.X.pairs.tolist() == [["a0", 3], ["a2", 1]]
    numbers = [np.arange(4.0)[:, None], np.arange(5.0)[:, None]]
    new = [
        np.array([[float(str(i).removeprefix("a"))] for i in kg.entity_ids[n]]).reshape(-1, 1)
        for kg, n in zip(grown, growth.new, strict=True)
    ]
    as_told = sparse.csr_array if is_sparse else np.asarray
    joined = growth.joined(Sides(*map(as_told, numbers)), Sides(*map(as_told, new)))
    rows = [side.toarray() if is_sparse else side for side in joined]
    assert rows[0][:, 0].tolist() == list(order1) and rows[1][:, 0].tolist() == list(order2)
    assert sorted([*growth.old_nodes, *growth.new_nodes]) == list(range(13))


@pytest.mark.parametrize(
    ("grown", "said"),
    [
        (KnowledgeGraph(entities=["a0"]), "3 entities of the fit.*none called 'a1', 'a2'"),
        (KnowledgeGraph(entities=[0, 1, 2, 3]), "none called 'a0', 'a1', 'a2'"),
        (
            KnowledgeGraph([("a0", "knows", "a1"), ("a1", "hates", "a2")]),
            r"1 relation triple gone.*\('a1', 'likes', 'a2'\)",
        ),
    ],
)
def test_what_is_gone_is_named(grown, said):
    old = KnowledgeGraph([("a0", "knows", "a1"), ("a1", "likes", "a2")])
    with pytest.raises(ValueError, match=f"first graph.*{said}.*fit of its own is needed"):
        growth_of(fitted(old, old, np.empty((0, 2), int)), grown, old)
