"""Featurizers alone on plain arrays and tables: scikit-learn's full checks, and their kin."""

from __future__ import annotations

import pytest
from sklearn.utils import estimator_checks as checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from ibmea_sklearn.featurizers import (
    AttributeValues,
    FeatureDropoutNoise,
    NameEncoder,
    TextEncoder,
)

# Tables with and without names are mixed on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")


class Lengths:
    """A model that can be pickled, and whose name is the same in each process: it names tests."""

    def __call__(self, texts):
        return [[len(text), 1.0] for text in texts]

    def __repr__(self):
        return "Lengths()"


ESTIMATORS = [
    AttributeValues(16),
    FeatureDropoutNoise(0.3),
    NameEncoder(n_components=16),
    TextEncoder(n_components=16),
    TextEncoder(n_components=None),
    TextEncoder(Lengths(), verbose=0),
]
# scikit-learn runs these on its own estimators, besides those of parametrize_with_checks.
MORE_CHECKS = [
    checks.check_dataframe_column_names_consistency,
    checks.check_get_feature_names_out_error,
    checks.check_global_output_transform_pandas,
    checks.check_global_set_output_transform_polars,
    checks.check_inplace_ensure_writeable,
    checks.check_set_output_transform,
    checks.check_set_output_transform_pandas,
    checks.check_set_output_transform_polars,
    checks.check_transformer_get_feature_names_out,
    checks.check_transformer_get_feature_names_out_pandas,
]


@parametrize_with_checks(ESTIMATORS)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("check", MORE_CHECKS, ids=lambda check: check.__name__)
def test_more_checks_of_scikit_learn(estimator, check):
    check(type(estimator).__name__, estimator)
