"""Candidates of entities: who shares something rare; none is left out that should be there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import Blocker, KnowledgeGraph, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.matching import _keys as keys_module
from ibmea_sklearn.matching._keys import (
    Keys,
    _TopOfColumns,
    any_shared,
    largest_of_rows,
    shortlist,
    union_of,
)
from ibmea_sklearn.matching._sources import Neighbours

MANY = 10**6


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(150, name_noise=0.3, n_dangling=30, random_state=0)


def view(pair, n_seeds=50):
    kg1, kg2, links = pair
    return SeedPairs(kg1, kg2, links[:n_seeds])


def some_keys(n, m, n_keys, seed):
    random = np.random.default_rng(seed)
    sides = (sparse.random_array((s, n_keys), density=0.3, rng=random) for s in (n, m))
    return Keys(*(sparse.csr_array(side, dtype=np.float32) for side in sides))


SIZES = st.integers(1, 12), st.integers(1, 12), st.integers(1, 8), st.integers(0, 99)


# -- Keys --------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(*SIZES, st.integers(1, 5))
def test_the_list_is_a_loop_over_all_pairs(n, m, n_keys, seed, n_best):
    keys = some_keys(n, m, n_keys, seed)
    left, right = (side.toarray() for side in keys)
    shared = ((left > 0)[:, None] & (right > 0)[None]).any(axis=2)
    alike = left @ right.T

    def best(values, mask):
        inside = sorted(values[mask].tolist(), reverse=True)
        return mask & (values > inside[n_best] * (1 + 1e-5) if len(inside) > n_best else mask)

    expected = np.array([best(*row) for row in zip(alike, shared, strict=True)])
    expected |= np.array([best(*row) for row in zip(alike.T, shared.T, strict=True)]).T
    found = shortlist(keys, n_best)
    np.testing.assert_array_equal(found.toarray() > 0, expected)
    np.testing.assert_allclose(found.toarray()[expected], alike[expected], rtol=1e-4)


@settings(max_examples=20)
@given(*SIZES)
def test_vectors_choose_among_those_that_share_a_key(n, m, n_keys, seed):
    import torch

    keys = some_keys(n, m, n_keys, seed)
    random = np.random.default_rng(seed)
    left, right = (random.normal(size=(s, 4)).astype("f") for s in (n, m))
    found = shortlist(keys, m + n, (torch.from_numpy(left), torch.from_numpy(right)))
    rows, columns = found.nonzero()
    assert any_shared(keys, np.column_stack([rows, columns])).all()
    assert found.nnz == shortlist(keys, m + n).nnz
    np.testing.assert_allclose(found.data, (left @ right.T)[found.tocoo().coords], atol=1e-5)


@settings(max_examples=40)
@given(*SIZES, st.integers(1, 4))
def test_the_best_of_columns_are_those_of_the_whole_matrix(n, m, n_keys, seed, n_best):
    """Whatever the blocks: with all of a column different, no order of rows decides."""
    random = np.random.default_rng(seed)
    values = np.zeros((n, m), np.float32)
    values[random.random((n, m)) < 0.6] = 1
    values *= random.permutation(n * m).reshape(n, m) - n_keys  # some are negative
    top = _TopOfColumns(m, n_best)
    ends = np.unique([0, n, *random.integers(0, n + 1, 3)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys_module, "_ENTRIES", int(random.integers(1, 40)))
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            top.update(start, sparse.csr_array(values[start:end]))
    expected = np.zeros((n, m), np.float32)
    for column, of_column in enumerate(values.T):
        best = sorted(np.flatnonzero(of_column), key=lambda i: -of_column[i])[:n_best]
        expected[best, column] = of_column[best]
    np.testing.assert_array_equal(top.best(n).toarray(), expected)


def _entries(matrix):
    matrix = matrix.tocoo()
    places = zip(*map(np.ndarray.tolist, matrix.coords), strict=True)
    return dict(zip(places, matrix.data.tolist(), strict=True))


@settings(max_examples=40)
@given(*SIZES)
def test_the_union_has_all_places_of_both(n, m, n_keys, seed):
    random = np.random.default_rng(seed)
    values = random.integers(-2, 3, (n, m)).astype(np.float32)  # zeros may be stored, too
    one, other = (
        sparse.coo_array((values[at] + more, at), (n, m)).tocsr()
        for more, at in ((k, np.nonzero(random.random((n, m)) < 0.4)) for k in (0, 7))
    )
    # Columns of a row need not be in order.
    ends = zip(other.indptr[:-1], other.indptr[1:], strict=True)
    order = np.concatenate([np.arange(*of_row)[::-1] for of_row in ends])
    entries = other.data[order], other.indices[order], other.indptr
    backwards = sparse.csr_array(entries, other.shape)
    both = union_of(one, backwards)
    places = _entries(one).keys() | _entries(other).keys()
    found = both.tocoo()
    assert both.dtype == np.float32 and both.has_canonical_format
    assert sorted(zip(*map(np.ndarray.tolist, found.coords), strict=True)) == sorted(places)
    of_both = {**_entries(other), **_entries(one)}  # the first has its way
    expected = [of_both[at] for at in zip(*map(np.ndarray.tolist, found.coords), strict=True)]
    np.testing.assert_array_equal(found.data, expected)


def test_a_small_block_changes_nothing(monkeypatch):
    keys = some_keys(40, 30, 10, 0)
    whole = shortlist(keys, 4).toarray()
    monkeypatch.setattr("ibmea_sklearn.matching._keys.MOST_LOOKED_AT", 20)
    np.testing.assert_allclose(shortlist(keys, 4).toarray(), whole)


def test_of_equal_ones_at_the_end_none_is_kept():
    matrix = sparse.csr_array(np.array([[3, 2, 2, 1], [1, 1, 1, 1], [4, 3, 2, 1]], np.float32))
    expected = [[3, 0, 0, 0], [0, 0, 0, 0], [4, 3, 0, 0]]
    np.testing.assert_array_equal(largest_of_rows(matrix, 2).toarray(), expected)


def test_a_key_that_all_have_makes_no_pairs():
    everybody = sparse.csr_array(np.ones((300, 1), np.float32))
    assert shortlist(Keys(everybody, everybody).rare(8, 50), 10).nnz == 0


# -- Sources -----------------------------------------------------------------------------------


def reached(kg, ends):
    """Known pairs one or two steps away, as a loop."""
    around = {i: set() for i in range(kg.n_entities)}
    for head, _, tail in kg.relation_triples.tolist():
        around[head].add(tail)
        around[tail].add(head)
    numbers = {end: number for number, end in enumerate(ends.tolist())}
    steps = {i: around[i] | {k for j in around[i] for k in around[j]} for i in around}
    return {i: {numbers[j] for j in steps[i] if j in numbers} - {numbers.get(i)} for i in steps}


def test_known_pairs_near_an_entity_are_its_keys(pair):
    X = view(pair, 8)  # no more than are handed on
    keys = Neighbours(X.kg1, X.kg2).keys(X.indices, MANY)
    for kg, side, ends in zip((X.kg1, X.kg2), keys, X.indices.T, strict=True):
        expected = reached(kg, ends)
        for i in range(kg.n_entities):
            assert set(side.indices[side.indptr[i] : side.indptr[i + 1]].tolist()) == expected[i]


def test_a_seed_is_no_neighbour_of_itself():
    kg1 = KnowledgeGraph([("a", "r", "b"), ("b", "r", "c")])
    kg2 = KnowledgeGraph([("A", "r", "B"), ("B", "r", "C")])
    blocker = Blocker().fit(SeedPairs(kg1, kg2, [("a", "A")]))
    assert blocker.recall_.to_dict() == {"neighbor": 0.0, "candidates": 0.0}
    blocker.fit(SeedPairs(kg1, kg2, [("a", "A"), ("c", "C")]))  # two steps apart
    assert blocker.recall_.to_dict() == {"neighbor": 1.0, "candidates": 1.0}


def test_equal_names_and_equal_values_find_each_other():
    kg1 = KnowledgeGraph(
        attribute_triples=[("x", "born", "1912-09-11"), ("y", "born", "1800-01-01")],
        names={"x": "Żółw", "y": "Tortoise", "z": "Hare"},
    )
    kg2 = KnowledgeGraph(
        attribute_triples=[("X", "birth", "1912-09-11"), ("Y", "birth", "1700-05-05")],
        names={"X": "turtle", "Y": "zolw", "Z": "hare"},
    )
    links = [("x", "X"), ("y", "Y"), ("z", "Z")]
    by_value = Blocker(sources=["value"]).fit(SeedPairs(kg1, kg2, links))
    assert by_value.candidates().nonzero()[0].tolist() == [kg1.entity_index(["x"])[0]]
    by_name = Blocker(sources=["name"]).fit(SeedPairs(kg1, kg2, links)).candidates()
    x, y = kg1.entity_index(["x"])[0], kg2.entity_index(["Y"])[0]
    assert by_name[x, y] == by_name.max()
    assert by_value.recall_["value"] == pytest.approx(1 / 3)


def test_vectors_are_looked_up_by_features(pair):
    X = view(pair)
    blocker = Blocker(5, sources=["vector"]).fit(X)
    found = blocker.candidates()
    left, right = (kg.features["image"].values for kg in (X.kg1, X.kg2))
    exact = left @ right.T
    best = exact.argmax(axis=1)
    assert all(found[i, j] > 0 for i, j in enumerate(best.tolist()) if exact[i].max() > 0)
    assert (np.diff(found.indptr) >= 5).mean() > 0.9


# -- The estimator -----------------------------------------------------------------------------


def test_all_that_share_something_are_candidates_where_nothing_is_bounded(pair):
    X = view(pair, 8)
    blocker = Blocker(MANY, sources=["neighbor"], n_keys=MANY, max_owners=MANY).fit(X)
    near = [reached(kg, ends) for kg, ends in zip((X.kg1, X.kg2), X.indices.T, strict=True)]
    expected = [[bool(near[0][i] & near[1][j]) for j in near[1]] for i in near[0]]
    np.testing.assert_array_equal(blocker.candidates().toarray() > 0, expected)


def test_recall_is_that_of_the_seeds(pair):
    X = view(pair)
    blocker = Blocker(10).fit(X)
    found = blocker.candidates()
    among = [found[i, j] != 0 for i, j in X.indices.tolist()]
    assert blocker.recall_["candidates"] == pytest.approx(np.mean(among))
    assert blocker.recall_.index.tolist() == ["neighbor", "name", "value", "vector", "candidates"]
    assert blocker.recall_["candidates"] > 0.9


def test_without_seeds_there_is_no_recall(pair):
    blocker = Blocker().fit(view(pair, 0))
    assert blocker.recall_.isna().all() and blocker.candidates().nnz


def test_lists_grow_with_what_is_asked_for_and_swap_with_the_sides(pair):
    kg1, kg2, links = pair
    back = Blocker(3, sources=["neighbor", "name", "value"])
    few, more = (
        clone(back).set_params(n_candidates=n).fit(view(pair)).candidates() for n in (3, 9)
    )
    assert few.nnz < more.nnz <= 9 * sum(more.shape)
    there = clone(back).fit(view(pair)).candidates()
    back = back.fit(SeedPairs(kg2, kg1, links[:50, ::-1])).candidates()
    np.testing.assert_allclose(there.toarray(), back.T.toarray(), atol=1e-5)


def test_no_answer_depends_on_the_order_of_rows(pair):
    kg1, kg2, links = pair
    how = Blocker(4, sources=["neighbor", "name", "value"], n_keys=6, max_owners=8)
    found = clone(how).fit(SeedPairs(kg1, kg2, links[:50])).candidates()
    order = np.random.default_rng(0).permutation(kg1.n_entities)
    triples = kg1.entity_ids[kg1.relation_triples[:, [0, 2]]]
    other = KnowledgeGraph(
        np.column_stack([triples[:, 0], kg1.relation_triples[:, 1], triples[:, 1]])[::-1],
        np.column_stack(
            [kg1.entity_ids[kg1.attribute_triples[:, 0]], kg1.attribute_triples[:, 1],
             kg1.attribute_values]
        ),
        names=np.column_stack([kg1.entity_ids[kg1.names.entities], kg1.names.values]),
        entities=kg1.entity_ids[order],
    )  # fmt: skip
    again = how.fit(SeedPairs(other, kg2, links[:50][::-1])).candidates()
    back = other.entity_index(kg1.entity_ids)
    np.testing.assert_allclose(again[back].toarray(), found.toarray(), atol=1e-5)


def test_more_known_pairs_and_vectors_may_be_given(pair):
    kg1, kg2, links = pair
    blocker = Blocker(10, sources=["neighbor"]).fit(view(pair, 10))
    free = [kg.entity_index(ids) for kg, ids in zip((kg1, kg2), links[100:].T, strict=True)]
    few, more = (blocker.candidates(known)[tuple(free)] > 0 for known in (None, links[:100]))
    assert more.sum() > few.sum()
    random = np.random.default_rng(0)
    sides = [random.normal(size=(kg.n_entities, 6)).astype("f") for kg in (kg1, kg2)]
    rows, columns = (found := blocker.candidates(links[:100], *sides)).nonzero()
    left, right = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    expected = np.einsum("nd,nd->n", left[rows], right[columns])
    np.testing.assert_allclose(found[rows, columns], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_candidates": 0}, "n_candidates to be an integer of at least 1; found 0"),
        ({"sources": "names"}, "sources to be 'auto' or a list of names; found 'names'"),
        ({"sources": ["neighbour"]}, "found 'neighbour'. Did you mean 'neighbor'"),
        ({"max_owners": 2.5}, "max_owners to be an integer"),
    ],
)
def test_wrong_parameters_are_told(pair, params, message):
    with pytest.raises(ValueError, match=message):
        Blocker(**params).fit(view(pair))


def test_graphs_that_share_nothing_are_told():
    X = SeedPairs(KnowledgeGraph(entities=["a"]), KnowledgeGraph(entities=["b"]), [])
    with pytest.raises(ValueError, match="something to find candidates by, of neighbor, name"):
        Blocker().fit(X)


def test_no_view_no_fit_and_no_vectors_of_some(pair):
    with pytest.raises(TypeError, match=r"Blocker\.fit"):
        Blocker().fit([("a", "b")])
    with pytest.raises(NotFittedError):
        Blocker().candidates()
    with pytest.raises(ValueError, match="vectors of all entities, 180 and 180; found 3 and 3"):
        Blocker().fit(view(pair)).candidates(None, np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="unknown|no entity"):
        Blocker().fit(view(pair)).candidates([("nobody", "nobody")])
