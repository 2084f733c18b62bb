"""Diffusion: the propagation of labels with any vectors; what is read, written and refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

from ibmea_sklearn import KnowledgeGraph, ModalityFeaturizer, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import Diffusion, NameNGrams, _matrices
from ibmea_sklearn.featurizers._matrices import project
from ibmea_sklearn.featurizers.structure.propagation import Propagation

SMALL = {"n_components": 64, "width": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def graphs():
    return make_mmkg_pair(60, n_dangling=(0, 7), random_state=0)


def with_features(kg, seed, modality="price"):
    random = np.random.default_rng(seed)
    values = random.standard_normal((kg.n_entities, 5)).astype(np.float32)
    values[random.random(values.shape) < 0.5] = 0
    return kg.with_features(**{modality: (values, random.random(kg.n_entities) < 0.7)})


@pytest.fixture(scope="module")
def X(graphs):
    kg1, kg2, links = graphs
    return SeedPairs(with_features(kg1, 1), with_features(kg2, 2), links[:9])


def rows_of(view, modality="diffused_price"):
    return [kg.features[modality].values for kg in (view.kg1, view.kg2)]


def test_labels_of_seeds_are_one_case(graphs):
    """Unit vectors of seeds, sent as features, give what label propagation gives."""
    kg1, kg2, links = graphs
    nodes = SeedPairs(kg1, kg2, links[:9]).indices + np.array([0, kg1.n_entities])
    propagation = Propagation(kg1, kg2, n_components=64, label_width=16)
    labels = propagation._labels(nodes, None)
    found = propagation.spread(labels.clone())
    np.testing.assert_array_equal(found, propagation(nodes))
    np.testing.assert_array_equal(propagation.spread(labels.numpy().copy()), found)
    rows = np.array([3, 70])
    np.testing.assert_array_equal(propagation.spread(labels.clone(), rows), found[rows])
    assert propagation.spread(labels, rows[:0]).shape == (0, 64)


def test_what_is_sent_is_projected_and_of_one_length(X):
    featurizer = Diffusion("price", **SMALL).fit(X)
    start = []
    for kg in (X.kg1, X.kg2):
        values, mask = kg.features["price"]
        matrix = np.random.default_rng(featurizer._seed).standard_normal((5, 16), dtype="f4")
        start.append(normalize(np.where(mask[:, None], values, 0) @ matrix))
    propagate = Propagation(X.kg1, X.kg2, n_components=64, random_state=featurizer._seed)
    expected = propagate.spread(np.concatenate(start))
    found = np.concatenate(rows_of(featurizer.transform(X)))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    new = featurizer.transform(X)
    for kg in (new.kg1, new.kg2):
        given = kg.features["diffused_price"]
        np.testing.assert_array_equal(given.mask, given.values.any(axis=1))
        assert given.mask.sum() > kg.features["price"].mask.sum()
    assert new.kg1.features["price"] is X.kg1.features["price"]


def as_sparse(kg):
    values, mask = kg.features["price"]
    return kg.with_features(price=(sparse.csr_array(values), mask))


def test_dense_sparse_and_mapped_features_give_the_same(X, tmp_path, monkeypatch):
    expected = rows_of(Diffusion("price", **SMALL).fit_transform(X))
    for blocks in (_matrices._BLOCK, 7):
        monkeypatch.setattr(_matrices, "_BLOCK", blocks)
        thin = X.with_graphs(as_sparse(X.kg1), as_sparse(X.kg2))
        mapped = []
        for name, kg in (("1", X.kg1), ("2", X.kg2)):
            np.save(tmp_path / name, kg.features["price"].values)
            values = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
            mapped.append(kg.with_features(price=(values, kg.features["price"].mask)))
        for view in (thin, X.with_graphs(*mapped)):
            for one, two in zip(
                rows_of(Diffusion("price", **SMALL).fit_transform(view)), expected, strict=True
            ):
                np.testing.assert_allclose(one, two, atol=1e-5)


def test_blocks_of_columns_are_parts_of_one_matrix(monkeypatch):
    random = np.random.default_rng(0)
    values = random.standard_normal((11, 23)).astype(np.float32)
    whole = project(values, 6, seed=3)
    drawn = np.random.default_rng(3).standard_normal((23, 6), dtype=np.float32)
    np.testing.assert_allclose(whole, values @ drawn, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(_matrices, "_BLOCK", 4)
    np.testing.assert_allclose(project(values, 6, seed=3), whole, rtol=1e-4, atol=1e-5)
    thin = project(sparse.csr_array(values), 6, seed=3)
    np.testing.assert_allclose(thin, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("as_is", [lambda v: v, sparse.csr_array])
def test_what_stands_where_there_is_no_modality_counts_for_nothing(X, as_is):
    values, mask = X.kg1.features["price"]
    dirty = np.where(mask[:, None], values, np.nan)
    view = X.with_graphs(X.kg1.with_features(price=(as_is(dirty), mask)), X.kg2)
    expected = rows_of(Diffusion("price", **SMALL).fit_transform(X))
    for one, two in zip(
        rows_of(Diffusion("price", **SMALL).fit_transform(view)), expected, strict=True
    ):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_seeds_play_no_part(X):
    some, none = (Diffusion("price", **SMALL).fit_transform(X[:n]) for n in (9, 0))
    for one, two in zip(rows_of(some), rows_of(none), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_modality_of_one_graph_alone(X, graphs):
    view = X.with_graphs(X.kg1, graphs[1])
    one, two = rows_of(Diffusion("price", **SMALL).fit_transform(view))
    assert one.any() and not two.any()  # the graphs are not connected
    assert (
        not Diffusion("price", **SMALL)
        .fit(X)
        .transform(view)
        .kg2.features["diffused_price"]
        .mask.any()
    )


def test_names_find_what_has_none():
    kg1, kg2, links = make_mmkg_pair(80, random_state=1)
    left, right = links[:40].T
    kg1 = kg1.with_names({e: f"name {i} of {i * 7}" for i, e in enumerate(left.tolist())})
    kg2 = kg2.with_names({e: f"NAME {i}, of {i * 7}" for i, e in enumerate(right.tolist())})
    X = SeedPairs(kg1, kg2, links[40:])
    new = make_pipeline(NameNGrams(), Diffusion("name", 512, device="cpu")).fit_transform(X)
    one, two = (kg.features["diffused_name"].values for kg in (new.kg1, new.kg2))
    similarity = one[X.indices[:, 0]] @ two[X.indices[:, 1]].T
    assert (similarity.argmax(axis=1) == np.arange(len(X))).mean() > 0.5


def test_beside_the_modality_in_one_featurizer(X):
    featurizer = ModalityFeaturizer(
        transformers={"diffused_price": Diffusion("price", **SMALL)}, value="drop"
    )
    new = featurizer.fit_transform(X)
    for one, two in zip(
        rows_of(new), rows_of(Diffusion("price", **SMALL).fit_transform(X)), strict=True
    ):
        np.testing.assert_array_equal(one, two)
    names = featurizer.get_feature_names_out().tolist()
    assert "diffused_price__diffused_price0" in names
    with pytest.raises(ValueError, match="which writes diffused_price"):
        ModalityFeaturizer(transformers={"other": Diffusion("price", **SMALL)}).fit(X)


def test_faults(X, graphs):
    kg1, kg2, _ = graphs
    with pytest.raises(ValueError, match="Expected colour features in a graph; found none"):
        Diffusion("colour").fit(X)
    alone = KnowledgeGraph(entities=["a"], features={"price": [[1.0]]})
    with pytest.raises(ValueError, match="Diffusion found no relation triple in either graph"):
        Diffusion("price").fit(SeedPairs(alone, alone, []))
    wide = X.with_graphs(kg1.with_features(price=np.ones((kg1.n_entities, 3))), kg2)
    with pytest.raises(ValueError, match="width 5, as in fit; found 3 in kg1|found 3 in graph"):
        Diffusion("price", **SMALL).fit(X).transform(wide)
    with pytest.raises(ValueError, match="Expected width to be an integer of at least 1; found 0"):
        Diffusion("price", width=0).fit(X)
