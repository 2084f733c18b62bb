"""Featurizers that say they are local: rows of some entities need no others but neighbours."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import ModalityFeaturizer, SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.featurizers import (
    AttributeAbstract,
    Diffusion,
    LabelPropagation,
    NameEncoder,
    NeighborMeanImputer,
    TextEncoder,
)
from ibmea_sklearn.graph._around import around


@pytest.fixture(scope="module")
def view():
    kg1, kg2, links = make_mmkg_pair(
        60, missing_modalities={"image": 0.4}, name_noise=0.5, random_state=0
    )
    return SeedPairs(kg1, kg2, links[:30])


LOCAL = {
    "relation": {},
    "attribute": {},
    "value": {},
    "name": {},
    "image": {"image": make_pipeline(PCA(8, random_state=0), NeighborMeanImputer())},
    "own": {"transformers": {"own": NameEncoder("ngrams", source="names", modality="own")}},
    "said": {"transformers": {"said": TextEncoder("ngrams", source="values", modality="said")}},
    "abstract": {"transformers": {"abstract": AttributeAbstract()}},
}


def dense(values):
    return values.toarray() if sparse.issparse(values) else np.asarray(values)


@pytest.mark.parametrize("modality", LOCAL)
def test_rows_of_a_part_are_those_of_the_whole(view, modality):
    featurizer = ModalityFeaturizer(**LOCAL[modality], verbose=0).fit(view)
    maker = featurizer.transformers_[modality]
    steps = [step for _, step in maker.steps] if hasattr(maker, "steps") else [maker]
    assert all(step.is_local for step in steps)
    (one, rows1), (two, rows2) = (around(kg, np.arange(5, 12)) for kg in (view.kg1, view.kg2))
    part, whole = (maker.transform(X) for X in (SeedPairs(one, two, []), view))
    for kg, every, rows in ((part.kg1, whole.kg1, rows1), (part.kg2, whole.kg2, rows2)):
        mine, all_of_them = kg.features[modality], every.features[modality]
        assert (mine.mask[rows] == all_of_them.mask[5:12]).all()
        np.testing.assert_allclose(
            dense(mine.values[rows]), dense(all_of_them.values)[5:12], atol=1e-5
        )


def test_what_is_sent_along_relations_is_not_local():
    assert not LabelPropagation.is_local and not Diffusion.is_local
