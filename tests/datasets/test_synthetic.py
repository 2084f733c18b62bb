import hashlib
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.datasets._draws import draw_attributes, draw_triples

shares = st.floats(0, 1)
few = settings(max_examples=30)


def named_triples(kg, rename=None):
    rename = rename or {}
    names = [rename.get(i, i) for i in kg.entity_ids]
    return {(names[h], kg.relation_names[r], names[t]) for h, r, t in kg.relation_triples.tolist()}


def named_attributes(kg, rename=None):
    rename = rename or {}
    names = [rename.get(i, i) for i in kg.entity_ids]
    pairs = kg.attribute_triples.tolist()
    return {
        (names[e], kg.attribute_names[a], value)
        for (e, a), value in zip(pairs, kg.attribute_values, strict=True)
    }


def linked_images(kg1, kg2, links):
    rows1, rows2 = kg1.entity_index(links[:, 0]), kg2.entity_index(links[:, 1])
    return kg1.features["image"].values[rows1], kg2.features["image"].values[rows2]


@given(n=st.integers(1, 60), density=shares, seed=st.integers(0, 10))
@few
def test_without_noise_the_sides_are_isomorphic(n, density, seed):
    kg1, kg2, links = make_mmkg_pair(
        n,
        n_relations=5,
        mean_degree=density * (n - 1) * 5,
        structural_overlap=1,
        attribute_noise=0,
        image_noise=0,
        random_state=seed,
    )
    to_left = {right: left for left, right in links}
    assert named_triples(kg1) == named_triples(kg2, to_left)
    assert named_attributes(kg1) == named_attributes(kg2, to_left)
    np.testing.assert_array_equal(*linked_images(kg1, kg2, links))


@given(overlap=shares, noise=shares, seed=st.integers(0, 10))
@few
def test_overlap_and_attribute_noise_are_as_asked(overlap, noise, seed):
    kg1, kg2, links = make_mmkg_pair(
        100, structural_overlap=overlap, attribute_noise=noise, random_state=seed
    )
    to_left = {right: left for left, right in links}
    triples, others = named_triples(kg1), named_triples(kg2, to_left)
    assert len(triples) == len(others) == 500
    assert len(triples & others) == round(500 * overlap)
    changed = round(500 * noise)
    kept = len(named_attributes(kg1) & named_attributes(kg2, to_left))
    # What is drawn anew may come out the same, but rarely.
    assert 500 - changed <= kept <= 500 - 0.8 * changed


@given(
    dangling=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    image=st.tuples(shares, shares),
    attribute=shares,
    relation=shares,
    seed=st.integers(0, 10),
)
@few
def test_dangling_and_missing_are_as_asked(dangling, image, attribute, relation, seed):
    missing = {"image": image, "attribute": attribute, "relation": relation}
    kg1, kg2, links = make_mmkg_pair(
        40, n_dangling=dangling, missing_modalities=missing, random_state=seed
    )
    assert len(SeedPairs(kg1, kg2, links)) == 40
    for kg, extra, share in zip((kg1, kg2), dangling, image, strict=True):
        n = 40 + extra
        assert kg.n_entities == n
        assert kg.features["image"].mask.sum() == n - round(n * share)
        assert not kg.features["image"].values[~kg.features["image"].mask].any()
        assert len(set(kg.attribute_triples[:, 0])) == n - round(n * attribute)
        isolated = n - len(set(kg.relation_triples[:, [0, 2]].ravel()))
        assert isolated >= round(n * relation)


def test_dangling_entities_have_the_degree_of_others():
    kg1, _, links = make_mmkg_pair(500, n_dangling=200, random_state=0)
    degree = np.bincount(kg1.relation_triples[:, [0, 2]].ravel(), minlength=700)
    is_linked = np.isin(kg1.entity_ids, links[:, 0])
    assert is_linked.sum() == 500
    # As a head or a tail, on average 10 for all; a dangling one is the head of its own triples.
    assert degree.mean() == 10
    assert degree[~is_linked].min() >= 0
    assert degree[~is_linked].mean() > 5


def test_order_says_nothing_of_links():
    kg1, kg2, links = make_mmkg_pair(2000, random_state=0)
    left, right = kg1.entity_index(links[:, 0]), kg2.entity_index(links[:, 1])
    place = np.arange(2000)
    for a, b in ((left, right), (left, place), (right, place)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.08
    assert not set(kg1.entity_ids) & set(kg2.entity_ids)


def test_image_noise_is_the_cosine_it_says():
    kg1, kg2, links = make_mmkg_pair(2000, image_noise=1.0, image_dim=64, random_state=0)
    first, second = linked_images(kg1, kg2, links)
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, rtol=1e-5)
    assert (first * second).sum(axis=1).mean() == pytest.approx(0.5, abs=0.02)


def test_few_relations_are_frequent():
    kg1, _, _ = make_mmkg_pair(1000, random_state=0)
    uses = np.sort(np.bincount(kg1.relation_triples[:, 1]))[::-1]
    assert uses[0] > 10 * uses[-1]


def test_same_seed_same_pair_and_other_seed_another():
    one, same, other = (make_mmkg_pair(50, n_dangling=5, random_state=s) for s in (3, 3, 4))
    for side in range(2):
        assert named_triples(one[side]) == named_triples(same[side])
        assert named_attributes(one[side]) == named_attributes(same[side])
        assert named_triples(one[side]) != named_triples(other[side])
    np.testing.assert_array_equal(one[2], same[2])


def test_random_state_instance_moves_on():
    state = np.random.RandomState(0)
    first, second = (make_mmkg_pair(50, random_state=state) for _ in range(2))
    assert named_triples(first[0]) != named_triples(second[0])


def test_values_are_plain_python_of_three_kinds():
    kg1, _, _ = make_mmkg_pair(100, random_state=0)
    assert {type(v) for v in kg1.attribute_values} == {float, int, str}


def test_without_images():
    kg1, kg2, _ = make_mmkg_pair(10, mean_degree=4, image_dim=0, random_state=0)
    assert "image" not in kg1.modalities and "image" not in kg2.features


def test_a_single_entity_without_triples():
    kg1, kg2, links = make_mmkg_pair(1, mean_degree=0, random_state=0)
    assert (kg1.n_entities, kg2.n_entities, links.shape) == (1, 1, (1, 2))


def test_bunch():
    bunch = make_mmkg_pair(20, random_state=0, return_bunch=True)
    assert bunch.statistics["links"] == len(bunch.links) == 20
    assert bunch.statistics["kg1"]["entities"] == bunch.kg1.n_entities
    assert bunch.DESCR.startswith("Make a synthetic pair")


@given(n=st.integers(1, 12), relations=st.integers(1, 4), share=shares, seed=st.integers(0, 99))
@few
def test_triples_are_distinct_and_without_loops(n, relations, share, seed):
    wanted = round(share * n * (n - 1) * relations)
    triples = draw_triples(wanted, n, n, relations, np.random.default_rng(seed))
    assert triples.shape == (wanted, 3)
    assert len({tuple(t) for t in triples.tolist()}) == wanted
    assert (triples[:, 0] != triples[:, 2]).all()
    assert (triples >= 0).all() and (triples < [n, relations, n]).all()


@given(n=st.integers(0, 20), n_attributes=st.integers(1, 10), share=shares)
@few
def test_each_entity_has_an_attribute_and_none_twice(n, n_attributes, share):
    mean = 1 + share * (n_attributes - 1)
    pairs = draw_attributes(n, n_attributes, mean, np.random.default_rng(0))
    assert len(pairs) == len({tuple(p) for p in pairs.tolist()}) == round(n * mean)
    assert set(pairs[:, 0].tolist()) == set(range(n))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_entities": 0}, "n_entities to be an integer of at least 1; found 0"),
        ({"n_entities": 10.5}, "n_entities to be an integer of at least 1; found 10.5"),
        ({"n_relations": True}, "n_relations to be an integer of at least 1; found True"),
        ({"structural_overlap": 1.2}, r"structural_overlap to be a number in \[0, 1\]; found 1.2"),
        ({"attribute_noise": -1}, r"attribute_noise to be a number in \[0, 1\]; found -1"),
        ({"image_noise": np.nan}, r"image_noise to be a number in \[0, .*; found nan"),
        ({"mean_degree": 1e9}, r"mean_degree to be a number in \[0, 9980\]; found"),
        ({"mean_attributes": 50}, r"mean_attributes to be a number in \[1, 40\]; found 50"),
        ({"degree_exponent": 2}, r"degree_exponent to be a number in \(2, .*; found 2"),
        ({"degree_exponent": "2.5"}, r"degree_exponent to be a number in .*; found '2.5'"),
        ({"name_noise": 1.5}, r"name_noise to be a number in \[0, 1\].*; found 1.5"),
        ({"name_noise": -0.1}, r"name_noise to be a number in \[0, 1\].*; found -0.1"),
        ({"name_noise": True}, r"name_noise to be a number in \[0, 1\].*; found True"),
        ({"n_dangling": (1, 2, 3)}, "n_dangling as one number, or one for each side"),
        ({"n_dangling": -1}, "n_dangling to be an integer of at least 0; found -1"),
        (
            {"missing_modalities": {"sound": 0.1}},
            "'attribute', 'image'; found 'sound'",
        ),
        ({"missing_modalities": {"image": 2}}, r"missing_modalities\['image'\] to be a number"),
    ],
)
def test_wrong_parameters_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_mmkg_pair(**wrong)


# -- What makes a pair hard ------------------------------------------------------------------------


def said_in(*graphs):
    """Digest all that graphs say, in order."""
    digest = hashlib.sha256()
    for kg in graphs:
        said = [kg.relation_triples, kg.attribute_triples, kg.entity_ids, kg.attribute_values]
        digest.update(repr([a.tolist() for a in said]).encode())
    return digest.hexdigest()[:16]


def named(kg):
    return dict(zip(kg.entity_ids[kg.names.entities], kg.names.values, strict=True))


def test_defaults_give_what_they_gave_before_there_were_more_parameters():
    kg1, kg2, _ = make_mmkg_pair(random_state=0)
    assert said_in(kg1, kg2) == "b1f04167aa52a621"
    assert not len(kg1.names.values)


def test_names_change_nothing_else():
    (kg1, kg2, links), (named1, named2, same) = (
        make_mmkg_pair(50, n_dangling=5, name_noise=noise, random_state=0) for noise in (None, 0.5)
    )
    assert said_in(kg1, kg2) == said_in(named1, named2)
    np.testing.assert_array_equal(
        linked_images(kg1, kg2, links), linked_images(named1, named2, links)
    )
    assert links.tolist() == same.tolist()
    assert len(named(named1)) == len(named(named2)) == 55


@given(noise=shares, dangling=st.integers(0, 20), seed=st.integers(0, 10))
@few
def test_so_many_words_of_linked_entities_differ(noise, dangling, seed):
    kg1, kg2, links = make_mmkg_pair(
        60, name_noise=noise, n_dangling=dangling, image_dim=0, random_state=seed
    )
    left, right = named(kg1), named(kg2)
    words = [pair for a, b in links for pair in zip(left[a].split(), right[b].split(), strict=True)]
    assert len(words) == 120
    differ = sum(a != b for a, b in words)
    # A word may be drawn again, in place of itself.
    assert 0.8 * round(120 * noise) - 3 <= differ <= round(120 * noise)


def test_one_half_of_the_noise_is_in_a_letter():
    kg1, kg2, links = make_mmkg_pair(2000, name_noise=0.4, image_dim=0, random_state=0)
    left, right = named(kg1), named(kg2)
    letters = [
        sum(a != b for a, b in zip(*pair, strict=True))
        for a, b in links
        for pair in zip(left[a].split(), right[b].split(), strict=True)
    ]
    assert letters.count(1) == pytest.approx(0.2 * len(letters), rel=0.02)
    assert sum(n > 1 for n in letters) == pytest.approx(0.2 * len(letters), rel=0.05)


def test_names_are_of_few_words_and_some_of_several_entities():
    kg1, _, _ = make_mmkg_pair(5000, name_noise=0, image_dim=0, random_state=0)
    uses = Counter(kg1.names.values)
    assert all(re.fullmatch("[a-z]{8} [a-z]{8}", name) for name in uses)
    assert 0.9 * 5000 < len(uses) < 5000
    words = Counter(word for name in kg1.names.values for word in name.split())
    assert max(words.values()) > 20 * np.median(list(words.values()))


def test_names_say_nothing_by_their_order():
    kg1, kg2, links = make_mmkg_pair(500, name_noise=0, image_dim=0, random_state=0)
    left, right = named(kg1), named(kg2)
    assert all(left[a] == right[b] for a, b in links)
    same_row = np.mean(kg1.names.values == kg2.names.values)
    assert same_row < 0.02


@pytest.mark.parametrize("exponent", [2.2, 2.5, 3.0])
def test_degrees_follow_the_power_law(exponent):
    kg1, _, _ = make_mmkg_pair(
        20_000, degree_exponent=exponent, n_relations=200, image_dim=0, random_state=0
    )
    for side in (0, 2):
        degrees = np.bincount(kg1.relation_triples[:, side], minlength=20_000)
        # Hill's estimate, of the largest half percent.
        largest = np.sort(degrees)[::-1][:100].astype(float)
        found = 1 + 1 / np.mean(np.log(largest / largest[-1]))
        assert found == pytest.approx(exponent, abs=0.35)


def test_without_an_exponent_heads_are_even():
    most = [
        np.bincount(
            make_mmkg_pair(5000, degree_exponent=e, image_dim=0, random_state=0)[
                0
            ].relation_triples[:, 0]
        ).max()
        for e in (None, 2.5)
    ]
    assert most[0] < 25 < 200 < most[1]


def test_hubs_of_one_side_are_hubs_of_the_other():
    kg1, kg2, links = make_mmkg_pair(
        2000, degree_exponent=2.3, n_dangling=600, n_relations=100, random_state=0
    )
    degrees = [
        np.bincount(kg.relation_triples[:, [0, 2]].ravel(), minlength=kg.n_entities)[
            kg.entity_index(links[:, side])
        ]
        for side, kg in enumerate((kg1, kg2))
    ]
    assert np.corrcoef(*degrees)[0, 1] > 0.9


@pytest.mark.parametrize("size", [1, 2, 7])
def test_small_pairs_with_all_that_makes_them_hard(size):
    kg1, kg2, links = make_mmkg_pair(
        size,
        mean_degree=size - 1,
        degree_exponent=2.1,
        name_noise=1,
        n_dangling=(0, 3),
        n_relations=2000,
        random_state=0,
    )
    assert (kg1.n_entities, kg2.n_entities, len(links)) == (size, size + 3, size)
