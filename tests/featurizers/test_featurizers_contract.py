"""What scikit-learn asks of every estimator, by those of its checks that need no 2-D input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks as checks
from sklearn.utils import get_tags

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import (
    AttributeAbstract,
    AttributeValues,
    BagOfAttributes,
    BagOfRelations,
    Diffusion,
    FeatureDropoutNoise,
    ImageEncoder,
    LabelPropagation,
    ModalityFeaturizer,
    NameEncoder,
    NameNGrams,
    NeighborMeanImputer,
    TextEncoder,
)

FEATURIZERS = [
    AttributeAbstract(),
    AttributeValues(16, min_support=1, min_gain=0.0),
    BagOfAttributes(),
    BagOfRelations(),
    Diffusion("price", 48, width=8),
    FeatureDropoutNoise(0.5),
    ImageEncoder(lambda batch: batch.mean((2, 3)), image_size=2, verbose=0),
    LabelPropagation(48, label_width=8),
    ModalityFeaturizer(),
    NameEncoder(n_components=4),
    NameNGrams(),
    NeighborMeanImputer("price"),
    TextEncoder(source="values", n_components=4),
]
# The others take arrays too, and are held to all checks there is of scikit-learn, elsewhere.
VIEW_ONLY = (
    BagOfAttributes,
    BagOfRelations,
    Diffusion,
    LabelPropagation,
    ModalityFeaturizer,
    NameNGrams,
    NeighborMeanImputer,
)
CHECKS = [
    checks.check_estimator_cloneable,
    checks.check_estimator_repr,
    checks.check_get_params_invariance,
    checks.check_no_attributes_set_in_init,
    checks.check_parameters_default_constructible,
    checks.check_set_params,
]

every = pytest.mark.parametrize("featurizer", FEATURIZERS, ids=lambda f: type(f).__name__)


@pytest.fixture
def X():
    pytest.importorskip("PIL", reason="Pillow is not installed (extra [images])")
    kg = KnowledgeGraph(
        [("a", "p", "b"), ("b", "q", "c")],
        {"a": {"born": 1}, "b": {"born": 2}, "c": {"born": 3}},
        images={i: np.full((2, 2, 3), value, np.uint8) for i, value in (("a", 9), ("b", 99))},
        names={"a": "Anna", "c": ["Carl", "Charles"]},
        features={"price": [[1.0], [2.0], [3.0]], "image": {"c": [1.0, 0.0, 0.0]}},
        entities=["a", "b", "c"],
    )
    return SeedPairs(kg, kg, [("a", "a"), ("b", "b"), ("c", "c")])


@every
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_checks_of_scikit_learn(featurizer, check):
    check(type(featurizer).__name__, featurizer)


@every
def test_tags(featurizer):
    is_view_only = isinstance(featurizer, VIEW_ONLY)
    assert get_tags(featurizer).no_validation == is_view_only
    if is_view_only:
        assert not get_tags(featurizer).input_tags.two_d_array


@every
def test_fit_returns_self_and_changes_nothing(featurizer, X):
    featurizer = clone(featurizer)
    params = featurizer.get_params()
    before = dict(X.kg1.features)
    assert featurizer.fit(X) is featurizer
    new = featurizer.transform(X)
    assert featurizer.get_params() == params
    assert dict(X.kg1.features) == before
    assert isinstance(new, SeedPairs) and (new.pairs == X.pairs).all()
    assert (new.kg2.relation_triples == X.kg2.relation_triples).all()


@every
def test_fit_then_transform_is_fit_transform(featurizer, X):
    if isinstance(featurizer, LabelPropagation):
        pytest.skip("cross-fitted: test_label_propagation_featurizer.py says what is the same")
    one = clone(featurizer).fit(X).transform(X)
    two = clone(featurizer).fit_transform(X)
    assert one.kg1.features.keys() == two.kg1.features.keys()
    for modality, expected in one.kg1.features.items():
        difference = abs(expected.values - two.kg1.features[modality].values)
        assert difference.max() == 0
        np.testing.assert_array_equal(expected.mask, two.kg1.features[modality].mask)


@every
def test_names_are_as_many_as_columns(featurizer, X):
    featurizer = clone(featurizer)
    with pytest.raises(NotFittedError):
        featurizer.get_feature_names_out()
    with pytest.raises(NotFittedError):
        featurizer.transform(X)
    new = featurizer.fit_transform(X).kg1.features
    written = [getattr(featurizer, "writes", getattr(featurizer, "modality", None))]
    width = sum(f.values.shape[1] for m, f in new.items() if written == [None] or m in written)
    assert len(featurizer.get_feature_names_out()) == width
