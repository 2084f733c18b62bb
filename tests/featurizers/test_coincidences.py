"""Pairs that share rare values, found without any seed."""

from __future__ import annotations

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import AttributeValues
from ibmea_sklearn.featurizers.values.coincidences import find_coincidences
from ibmea_sklearn.featurizers.values.reading import typed_values


def people(prefix, born, height, order, more=None):
    """Graphs of people, whose attributes are called otherwise on either side."""
    said = {
        f"{prefix}{i}": {born: f"19{i:02d}-03-{1 + i % 28:02d}", height: 1.5 + i * 37 % 61 / 1000}
        for i in order
    }
    for i, attributes in (more or {}).items():
        said[f"{prefix}{i}"].update(attributes)
    return KnowledgeGraph(attribute_triples=said)


def found_in(kg1, kg2):
    pairs = find_coincidences((typed_values(kg1), typed_values(kg2)), _sizes(kg1, kg2))
    return {(kg1.entity_ids[i], kg2.entity_ids[j]) for i, j in pairs.tolist()}


def _sizes(kg1, kg2):
    return kg1.n_entities, kg2.n_entities


def test_who_shares_values_of_two_attributes_is_found():
    kg1 = people("a", "born", "height", range(40))
    kg2 = people("b", "Geburtstag", "Größe", range(39, -1, -1))
    assert found_in(kg1, kg2) == {(f"a{i}", f"b{i}") for i in range(40)}


def test_one_attribute_is_not_enough():
    kg1, kg2 = (
        KnowledgeGraph(attribute_triples={f"{p}{i}": {"code": f"x{i}"} for i in range(30)})
        for p in "ab"
    )
    assert found_in(kg1, kg2) == set()


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_matter(seed):
    order = np.random.default_rng(seed).permutation(40).tolist()
    # Twins can't be told from each other, whoever comes first.
    twin = {1: {"born": "1900-03-01", "height": 1.5}}
    plain = people("a", "born", "height", range(40), twin)
    shuffled = people("a", "born", "height", order, twin)
    right = people("b", "born", "height", range(40))
    assert found_in(plain, right) == found_in(shuffled, right)
    assert not {a for a, _ in found_in(plain, right)} & {"a0", "a1"}


def test_what_everybody_has_says_nothing():
    kinds = {"kind": "person", "alive": "yes"}
    kg1, kg2 = (
        KnowledgeGraph(attribute_triples={f"{p}{i}": kinds for i in range(20)}) for p in "ab"
    )
    assert found_in(kg1, kg2) == set()


def test_without_values_there_is_none():
    kg = KnowledgeGraph([("a", "knows", "b")])
    assert found_in(kg, kg) == set()


def test_values_are_compared_without_seeds():
    """Units are learnt from what coincides otherwise."""
    both = {i: {"weight": 50 + i * 17 % 61 * 1.01} for i in range(60)}
    pounds = {i: {"Gewicht": round((50 + i * 17 % 61 * 1.01) * 2.2046, 6)} for i in range(60)}
    kg1 = people("a", "born", "height", range(60), both)
    kg2 = people("b", "born", "Größe", range(60), pounds)
    featurizer = AttributeValues()
    new = featurizer.fit_transform(SeedPairs(kg1, kg2, []))
    matched = dict(featurizer.matches_[["attribute_1", "attribute_2"]].to_numpy().tolist())
    assert matched == {"born": "born", "height": "Größe", "weight": "Gewicht"}
    row = featurizer.matches_.set_index("attribute_1").loc["weight"]
    assert row["factor"] == pytest.approx(2.2046, rel=1e-3)
    one, two = (kg.features["value"].values for kg in (new.kg1, new.kg2))
    assert ((one @ two.T).argmax(axis=1) == np.arange(60)).all()


def test_many_seeds_are_enough():
    kg1, kg2 = (people(p, "born", "height", range(40)) for p in "ab")
    # Seeds that contradict what coincides: with 20 they rule, with 100 to be few they don't.
    wrong = [(f"a{i}", f"b{(i + 7) % 40}") for i in range(20)]
    pairs = SeedPairs(kg1, kg2, wrong)
    assert not len(AttributeValues(few_seeds=20, verbose=0).fit(pairs).matches_)
    assert len(AttributeValues(few_seeds=100, verbose=0).fit(pairs).matches_)
