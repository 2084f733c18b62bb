"""Bags of relations and attributes: against naive loops, golden values, and permutations."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import BagOfAttributes, BagOfRelations

names = st.sampled_from("abcdefg")
triples = st.lists(st.tuples(names, st.sampled_from("pqrs"), names), min_size=1, max_size=30)


def view(triples1, triples2, **options):
    kg1, kg2 = KnowledgeGraph(triples1, **options), KnowledgeGraph(triples2, **options)
    return SeedPairs(kg1, kg2, [])


def naive_relations(kg, names):
    rows = np.zeros((kg.n_entities, len(names)))
    for head, relation, tail in kg.relation_triples.tolist():
        name = kg.relation_names[relation]
        if name in names:
            rows[head, list(names).index(name)] += 1
            rows[tail, list(names).index(name)] += 1
    return rows


@given(triples, triples, st.booleans())
def test_relations_against_a_naive_loop(left, right, sublinear):
    X = view(left, right)
    bag = BagOfRelations(n_features=3, sublinear_tf=sublinear).fit(X)
    new = bag.transform(X)

    frequencies = Counter(
        relation for triples in (set(left), set(right)) for _, relation, _ in triples
    )
    expected = sorted(frequencies, key=lambda name: (-frequencies[name], name))[:3]
    assert bag.names_.tolist() == expected
    for before, after in ((X.kg1, new.kg1), (X.kg2, new.kg2)):
        values, mask = after.features["relation"]
        counts = naive_relations(before, expected)
        if sublinear:
            counts = [[1 + math.log(c) if c else 0 for c in row] for row in counts.tolist()]
        np.testing.assert_allclose(values.toarray(), counts, rtol=1e-6)
        assert mask.all()
        assert values.format == "csr" and values.dtype == np.float32


def test_relations_golden(golden):
    values = golden("ibmea")
    triples = values["triples"]
    kg = KnowledgeGraph(triples, entities=np.arange(60))
    bag = BagOfRelations(n_features=None, sublinear_tf=False)
    counts = bag.fit_transform(SeedPairs(kg, kg, [])).kg1.features["relation"].values.toarray()
    # A graph keeps a repeated triple once; the published code counts it each time.
    distinct, times = np.unique(triples, axis=0, return_counts=True)
    for (head, relation, tail), repeats in zip(distinct, times - 1, strict=True):
        column = bag.names_.tolist().index(relation)
        counts[head, column] += repeats
        counts[tail, column] += repeats
    # Of all columns, the 8 most frequent; which of equally frequent ones is left open.
    expected = values["rel_bag_top8"]
    ours = {tuple(column) for column in counts.T.tolist()}
    assert {tuple(column) for column in expected.T.tolist()} <= ours
    np.testing.assert_array_equal(np.sort(counts.sum(0))[-8:], np.sort(expected.sum(0)))


@given(st.lists(st.tuples(names, st.sampled_from("pqrs"), st.integers(0, 3)), min_size=1))
def test_attributes_against_a_naive_loop(rows):
    kg1 = KnowledgeGraph(attribute_triples=rows, entities=list("abcdefg"))
    kg2 = KnowledgeGraph(entities=["x"])
    bag = BagOfAttributes(n_features=2)
    new = bag.fit_transform(SeedPairs(kg1, kg2, []))

    has = {(entity, name) for entity, name, _ in rows}
    frequencies = Counter(name for _, name in has)
    expected = sorted(frequencies, key=lambda name: (-frequencies[name], name))[:2]
    assert bag.get_feature_names_out().tolist() == expected
    values, mask = new.kg1.features["attribute"]
    np.testing.assert_array_equal(
        values.toarray(), [[(entity, name) in has for name in expected] for entity in "abcdefg"]
    )
    # One who has only rare attributes still has attributes.
    assert mask.tolist() == [any((e, n) in has for n in "pqrs") for e in "abcdefg"]
    assert not new.kg2.features["attribute"].mask.any()
    assert new.kg2.features["attribute"].values.shape == (1, len(expected))


@given(triples, st.randoms(use_true_random=False))
def test_relations_commute_with_permutations(rows, random):
    order = list("abcdefg")
    random.shuffle(order)
    X = view(rows, rows, entities=list("abcdefg"))
    permuted = view(rows, rows, entities=order)
    one = BagOfRelations().fit_transform(X).kg1.features["relation"]
    two = BagOfRelations().fit_transform(permuted).kg2.features["relation"]
    place = X.kg1.entity_index(order)
    np.testing.assert_array_equal(two.values.toarray(), one.values.toarray()[place])
    np.testing.assert_array_equal(two.mask, one.mask[place])


def test_fitted_vocabulary_is_used_on_other_graphs():
    bag = BagOfRelations(sublinear_tf=False).fit(view([("a", "p", "b")], [("a", "p", "b")]))
    new = bag.transform(view([("c", "q", "d"), ("c", "p", "c")], [("x", "q", "y")]))
    np.testing.assert_array_equal(new.kg1.features["relation"].values.toarray(), [[2], [0]])
    assert new.kg1.features["relation"].mask.all()


def test_without_such_triples():
    kg = KnowledgeGraph(entities=["a"])
    with pytest.raises(ValueError, match="found no relation in either graph"):
        BagOfRelations().fit(SeedPairs(kg, kg, []))
    with pytest.raises(ValueError, match="found no attribute in either graph"):
        BagOfAttributes().fit(SeedPairs(kg, kg, []))


@pytest.mark.parametrize("n_features", [0, -1, 1.5, True, "10"])
def test_n_features_out_of_range(n_features):
    with pytest.raises(ValueError, match="n_features to be an integer of .* or None; found"):
        BagOfRelations(n_features).fit(view([("a", "p", "b")], [("a", "p", "b")]))


def test_not_a_view():
    with pytest.raises(TypeError, match=r"BagOfRelations.fit expects a view .* found list"):
        BagOfRelations().fit([("a", "b")])


def test_clone():
    bag = clone(BagOfRelations(5)).set_params(n_features=1)
    assert bag.get_params() == {"n_features": 1, "modality": "relation", "sublinear_tf": True}


@pytest.mark.parametrize("wrong", ["no", 2, None])
def test_sublinear_tf_is_a_flag(wrong):
    with pytest.raises(ValueError, match=f"sublinear_tf to be True or False; found {wrong!r}"):
        BagOfRelations(sublinear_tf=wrong).fit(view([("a", "p", "b")], [("a", "p", "b")]))


def test_pandas_output_leaves_views_alone():
    X = view([("a", "p", "b")], [("a", "q", "b")])
    with config_context(transform_output="pandas"):
        assert isinstance(BagOfRelations().fit_transform(X), SeedPairs)
