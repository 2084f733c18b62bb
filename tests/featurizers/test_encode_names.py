"""Features of the names of two graphs, by a model that is named."""

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import NameEncoder, encode_names

KG1 = KnowledgeGraph([("dbr:Lyon", "in", "dbr:France")], names="id")
KG2 = KnowledgeGraph([("yago:Lione", "in", "yago:Francia")], names="id")


def test_they_are_those_of_the_encoder():
    found = encode_names(KG1, KG2, "ngrams", verbose=0)
    view = NameEncoder("ngrams", source="names", verbose=0).fit_transform(SeedPairs(KG1, KG2, []))
    for kg, expected in zip(found, (view.kg1, view.kg2), strict=True):
        one, other = (g.features["name"].values for g in (kg, expected))
        np.testing.assert_array_equal(
            *(v.toarray() if hasattr(v, "toarray") else v for v in (one, other))
        )
    assert found[0].relation_triples is KG1.relation_triples


@pytest.mark.parametrize(
    ("graphs", "model", "message"),
    [
        ((KG1, KG2.with_names(None)), "ngrams", "Expected name_model with two graphs whose"),
        ((KG1, KG2), "multilingul", "Did you mean 'multilingual'"),
        ((KG1, KG2), ",", "found ''"),
    ],
)
def test_wrong_inputs(graphs, model, message):
    with pytest.raises(ValueError, match=message):
        encode_names(*graphs, model, verbose=0)
