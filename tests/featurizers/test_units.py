"""Attributes in other units, found without any seed, and beyond chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.featurizers.values.coincidences import find_coincidences
from ibmea_sklearn.featurizers.values.reading import typed_values
from ibmea_sklearn.featurizers.values.units import FACTORS, find_units

MILE = 1.609344


def numbers_of(values, attribute=0):
    return pd.DataFrame({"entity": range(len(values)), "attribute": attribute, "value": values})


def sizes(n, seed=0):
    """Over four decades, as areas and populations are."""
    return np.exp(np.random.default_rng(seed).uniform(0, 9, n))


def rounded(values, digits=4):
    return np.array([float(f"{x:.{digits}g}") for x in values])


@pytest.mark.parametrize("factor", [1000.0, 1e-6, MILE, 1 / MILE, 2.58998811, 0.45359237])
def test_the_factor_is_found(factor):
    values = rounded(sizes(60))
    found = find_units(numbers_of(values), numbers_of(rounded(values * factor)[::-1]))
    assert found[["attribute_1", "attribute_2"]].to_numpy().tolist() == [[0, 0]]
    assert found["factor"].tolist() == pytest.approx([factor], rel=1e-6)
    assert np.isclose(FACTORS, factor).sum() == 1


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (sizes(200, 1), sizes(200, 2)),  # nothing in common
        (sizes(60), sizes(60)),  # the same unit
        (np.arange(1000, 2000), np.arange(1100, 2100)),  # years
        (np.arange(1, 100), 1000 * np.arange(1, 100)),  # round numbers
        (-sizes(60), -1000 * sizes(60)),  # none above zero
        (sizes(4), 1000 * sizes(4)),  # too few
        ([], 1000 * sizes(60)),
        (np.full(60, 1.234), np.full(60, 1234)),  # of which all have the same
    ],
)
def test_what_is_near_by_chance_alone_is_not(one, two):
    assert find_units(numbers_of(one), numbers_of(two)).empty


def test_each_pair_of_attributes_has_its_own():
    left = pd.concat([numbers_of(sizes(60, a), a) for a in (3, 5)])
    right = pd.concat(
        [numbers_of(sizes(60, 3) * 1000, 7), numbers_of(sizes(60, 5) / MILE, 8)]
    ).sample(frac=1, random_state=0)
    found = find_units(left, right)
    assert found[["attribute_1", "attribute_2"]].to_numpy().tolist() == [[3, 7], [5, 8]]
    np.testing.assert_allclose(found["factor"], [1000, 1 / MILE])


def test_entities_are_found_by_values_in_other_units():
    area, length = sizes(80, 1), sizes(80, 2)
    here = {f"a{i}": {"area": area[i], "length": f"{length[i]:.4g} km"} for i in range(80)}
    there = {
        f"b{i}": {"Fläche": f"{area[i] / 2.58998811:.4g} sq mi", "Länge": 1000 * length[i]}
        for i in range(79, -1, -1)
    }
    kg1, kg2 = (KnowledgeGraph(attribute_triples=said) for said in (here, there))
    pairs = find_coincidences((typed_values(kg1), typed_values(kg2)), (80, 80))
    found = {(kg1.entity_ids[i], kg2.entity_ids[j]) for i, j in pairs.tolist()}
    true = {(f"a{i}", f"b{i}") for i in range(80)}
    # Both round to three digits: some fall to either side of a half.
    assert found <= true and len(found) > 60
