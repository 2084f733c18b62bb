"""ModalityFeaturizer as a citizen of scikit-learn: a test for each thing that is promised."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import Binarizer, StandardScaler

from ibmea_sklearn import IBMEAAligner, ModalityFeaturizer, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import BagOfRelations, TextEncoder

TINY = {
    "training__max_epochs": 2,
    "rounds__n_rounds": 1,
    "features__n_components": 8,
    "graph__n_components": 8,
    "propagation__n_components": 16,
    "propagation__label_width": 8,
    "rounds__validation_fraction": 0.0,
    "random_state": 0,
    "verbose": 0,
}
SAID = {"said": TextEncoder(source="values", modality="said", n_components=32)}


@pytest.fixture(scope="module")
def X():
    kg1, kg2, links = make_mmkg_pair(50, random_state=0)
    return SeedPairs(kg1, kg2, links)


def stacked(view, modality):
    both = [kg.features[modality] for kg in (view.kg1, view.kg2)]
    return np.concatenate([f.values[f.mask] for f in both])


# Parameters


def test_nested_parameters_reach_inside(X):
    pipeline = make_pipeline(ModalityFeaturizer(image=PCA()), IBMEAAligner.from_preset(**TINY))
    pipeline.set_params(modalityfeaturizer__image__n_components=3)
    assert pipeline[0].fit_transform(X).kg1.features["image"].values.shape[1] == 3
    pipeline.set_params(
        modalityfeaturizer__image=make_pipeline(StandardScaler(), PCA()),
        modalityfeaturizer__image__pca__n_components=4,
    )
    assert pipeline[0].fit_transform(X).kg1.features["image"].values.shape[1] == 4


def test_a_modality_in_one_line_and_its_beta_in_a_search(X):
    pipeline = make_pipeline(
        ModalityFeaturizer(transformers=SAID), IBMEAAligner.from_preset(**TINY)
    )
    grid = {
        "ibmeaaligner__betas": [{"said": 0.0}, {"said": 100.0}],
        "modalityfeaturizer__said__n_components": [16],
    }
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X)
    best = search.best_estimator_
    assert len(search.cv_results_["params"]) == 2
    assert "said" in best[-1].modalities_
    assert best[0].transform(X).kg1.features["said"].values.shape[1] == 16
    other = {"said": 100.0 - search.best_params_["ibmeaaligner__betas"]["said"]}
    changed = pipeline.set_params(**{**search.best_params_, "ibmeaaligner__betas": other}).fit(X)
    losses = {p[-1].betas["said"]: p[-1].history_[-1]["train_loss"] for p in (best, changed)}
    assert losses[100.0] > losses[0.0] + 1, "a beta weighs the divergence of its modality"


# The rest


@pytest.mark.parametrize(
    ("remainder", "expected"),
    [
        ("default", {"relation", "attribute", "image", "value", "price"}),
        ("drop", {"relation"}),
        ("passthrough", {"relation", "image", "price"}),
    ],
)
def test_remainder_by_word(X, remainder, expected):
    price = np.ones((50, 2), np.float32)
    X = X.with_graphs(X.kg1.with_features(price=price), X.kg2.with_features(price=price))
    featurizer = ModalityFeaturizer(BagOfRelations(4), remainder=remainder).fit(X)
    new = featurizer.transform(X)
    assert set(new.kg1.features) == set(new.kg2.features) == expected
    assert set(featurizer.n_features_out_) == expected
    for modality in expected & {"price", "image"}:
        assert new.kg1.features[modality] is X.kg1.features[modality]


def test_remainder_by_a_transformer(X):
    featurizer = ModalityFeaturizer(
        BagOfRelations(4), attribute="drop", value="default", remainder=TruncatedSVD(random_state=0)
    )
    new = featurizer.set_params(remainder__n_components=3).fit_transform(X)
    assert {m: f.values.shape[1] for m, f in new.kg1.features.items()} == {
        "relation": 4,
        "image": 3,
        "value": 3,
    }
    alone = ModalityFeaturizer("drop", image=TruncatedSVD(3, random_state=0)).fit_transform(X)
    np.testing.assert_allclose(stacked(new, "image"), stacked(alone, "image"), atol=1e-5)


def test_a_remainder_of_no_kind(X):
    with pytest.raises(ValueError, match="'passthrough' or a transformer; found 'pass'"):
        ModalityFeaturizer(remainder="pass").fit(X)
    with pytest.raises(TypeError, match="an object with fit and transform"):
        ModalityFeaturizer(remainder=5).fit(X)


@pytest.mark.parametrize("name", ["remainder", "verbose", "a__b", "", 3])
def test_names_that_no_modality_can_have(X, name):
    featurizer = ModalityFeaturizer()
    featurizer.transformers = {name: "drop"}
    with pytest.raises(ValueError, match="strings without '__' that are no parameters"):
        featurizer.fit(X)


# Any transformer


@pytest.mark.parametrize(
    ("modality", "transformer", "width"),
    [
        ("image", make_pipeline(make_pipeline(StandardScaler(), PCA(5)), PCA(2)), 2),
        ("image", FeatureUnion([("a", PCA(2)), ("b", TruncatedSVD(3))]), 5),
        ("image", ColumnTransformer([("first", StandardScaler(), slice(0, 2))]), 2),
        ("relation", make_pipeline(TfidfTransformer(), TruncatedSVD(4)), 4),
        ("relation", make_pipeline(BagOfRelations(9), "passthrough", TruncatedSVD(4)), 4),
    ],
    ids=["nested", "union", "columns", "raw", "ours first"],
)
def test_transformers_of_transformers(X, modality, transformer, width):
    featurizer = ModalityFeaturizer(**{modality: transformer}).fit(X)
    new = featurizer.transform(X)
    assert [kg.features[modality].values.shape[1] for kg in (new.kg1, new.kg2)] == [width] * 2
    names = featurizer.get_feature_names_out()
    assert sum(name.startswith(f"{modality}__") for name in names) == width


# Output


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_data_frames_wanted_elsewhere_change_no_view(X, container):
    pytest.importorskip(container)
    featurizer = ModalityFeaturizer(Binarizer(), image=StandardScaler(), transformers=SAID)
    expected = featurizer.fit_transform(X)
    with config_context(transform_output=container):
        new = featurizer.fit_transform(X)
    pipeline = make_pipeline(featurizer, "passthrough").set_output(transform=container)
    for found in (new, pipeline.fit_transform(X)):
        assert isinstance(found, SeedPairs)
        for modality, features in expected.kg1.features.items():
            difference = abs(features.values - found.kg1.features[modality].values)
            assert difference.max() == 0


def test_a_lifted_transformer_may_have_its_own_output(X):
    inner = StandardScaler().set_output(transform="pandas")
    rows = stacked(ModalityFeaturizer(image=inner).fit_transform(X), "image")
    expected = StandardScaler().fit_transform(stacked(X, "image"))
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert isinstance(inner.fit_transform(expected), pd.DataFrame), "it stays as it was"


# The diagram


def shown(estimator):
    """The text of the diagram."""
    html = estimator._repr_html_()
    html = re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL)
    boxes = html[html.index("sk-toggleable__label") :]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", boxes))


def test_the_diagram_shows_modalities_side_by_side(X):
    featurizer = ModalityFeaturizer(
        image=make_pipeline(StandardScaler(), PCA(2)), transformers=SAID
    )
    pipeline = make_pipeline(featurizer, IBMEAAligner())
    assert "sk-parallel" in featurizer._repr_html_()
    for text in (shown(featurizer), shown(pipeline)):
        for word in ("StandardScaler", "PCA", "said", "TextEncoder", "remainder"):
            assert word in text
    fitted = shown(featurizer.fit(X))
    for word in ("BagOfRelations", "BagOfAttributes", "AttributeValues", "StandardScaler"):
        assert word in fitted
    assert "Lifted" not in fitted.replace("lifted", "")
