"""Warnings: each caused, and none for data that are as they should be."""

import warnings

import numpy as np
import pytest

import ibmea_sklearn
from ibmea_sklearn import AlignmentWarning, IBMEAAligner, KnowledgeGraph, PropagationAligner
from ibmea_sklearn.channels.hints import hint_at_collapse, hint_at_small_validation
from ibmea_sklearn.datasets import make_mmkg_pair

TINY = {
    "graph__n_components": 8,
    "features__n_components": 4,
    "propagation__n_components": 16,
    "propagation__label_width": 8,
    "rounds__n_rounds": 1,
    "training__max_epochs": 2,
    "random_state": 0,
    "verbose": 0,
}


def propagation(**params):
    return PropagationAligner.from_preset(
        propagation__n_components=16, rounds__n_rounds=1, random_state=0, verbose=0, **params
    )


def assert_fits_without_warning(aligner, *data):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        aligner.fit(*data)
    assert not besides_calibration(caught)


def besides_calibration(caught):
    """What is said besides that there are few seeds: here there always are."""
    said = [str(warning.message) for warning in caught]
    return [text for text in said if not text.startswith("Confidences are not calibrated")]


def test_too_few_seeds_to_calibrate_by():
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    for n, held_out in ((4, "none is"), (10, "one is"), (40, "4 are")):
        message = f"Confidences are not calibrated: of {n} seeds {held_out} held out, where 10 are"
        with pytest.warns(AlignmentWarning, match=message):
            aligner = propagation(modalities=["graph"]).fit(kg1, kg2, links[:n])
        assert not aligner.calibration_.is_learnt
        with pytest.warns(AlignmentWarning, match="need not have the precision 0.9"):
            aligner.align(precision=0.9)


# Parts that no seed reaches


def chain(name, n):
    """Entities in a row, each with a relation to the next."""
    return [(f"{name}{i}", "next", f"{name}{i + 1}") for i in range(n - 1)]


def two_parts(n_main, n_other, n_alone=0):
    alone = [f"alone{i}" for i in range(n_alone)]
    return KnowledgeGraph(chain("m", n_main) + chain("o", n_other), entities=alone or None)


MAIN = [(f"m{i}", f"m{i}") for i in range(0, 30, 3)]
WHOLE = KnowledgeGraph(chain("m", 60), name="whole")


def test_seeds_all_in_one_component():
    kg = two_parts(30, 20)
    message = (
        r"The 10 seeds lie in 1 of 2 connected components of kg1. The others hold 40% of its "
        r"entities with relations, such as 'o0', .* Add seeds from there."
    )
    with pytest.warns(AlignmentWarning, match=message) as caught:
        propagation().fit(kg, WHOLE, MAIN)
    assert len(besides_calibration(caught)) == 1
    with pytest.warns(AlignmentWarning, match=r"components of kg2 \('parts'\)"):
        named = KnowledgeGraph(chain("m", 30) + chain("o", 20), name="parts")
        IBMEAAligner.from_preset(**TINY).fit(WHOLE, named, MAIN)


def test_the_warning_points_to_the_line_of_the_user():
    with pytest.warns(AlignmentWarning) as caught:
        propagation().fit(two_parts(30, 20), WHOLE, MAIN)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("kg", "seeds"),
    [
        (two_parts(30, 20), [*MAIN, ("o3", "m40")]),  # one seed reaches the other part
        (two_parts(100, 5), MAIN),  # a twentieth is out of reach
        (two_parts(30, 2, n_alone=50), MAIN + [("o0", "m50")]),  # no graph, nothing to reach
    ],
    ids=["reached", "small", "alone"],
)
def test_components_that_do_no_harm(kg, seeds):
    assert_fits_without_warning(propagation(), kg, WHOLE, seeds)


def test_components_don_t_matter_where_no_graph_is_aligned_by():
    kg = two_parts(30, 20)
    vectors = np.random.default_rng(0).random((50, 4))
    sides = [graph.with_features(mine=vectors) for graph in (kg, kg)]
    assert_fits_without_warning(propagation(modalities=["mine"]), *sides, MAIN)


# Images that hardly any entity has


def with_images(n_images, n=60):
    kg = KnowledgeGraph(chain("m", n))
    vectors = np.random.default_rng(0).random((n_images, 4))
    return kg.with_features(image={f"m{i}": vector for i, vector in enumerate(vectors)})


def test_hardly_any_images():
    message = r"Of 60 entities of kg2 2 have an image, 3\.3%\. .* leave 'image' out"
    with pytest.warns(AlignmentWarning, match=message) as caught:
        IBMEAAligner.from_preset(**TINY).fit(with_images(30), with_images(2), MAIN)
    assert len(besides_calibration(caught)) == 1


def test_images_of_a_twentieth_are_enough():
    assert_fits_without_warning(
        IBMEAAligner.from_preset(**TINY), with_images(30), with_images(3), MAIN
    )


def test_few_images_don_t_matter_where_none_are_aligned_by():
    aligner = IBMEAAligner.from_preset(**TINY, modalities=["graph"])
    assert_fits_without_warning(aligner, with_images(30), with_images(2), MAIN)


def test_features_that_neighbours_fill_in_are_no_images():
    raw = {f"m{i}": np.zeros((8, 8, 3)) for i in range(2)}
    filled = KnowledgeGraph(chain("m", 60), images=raw).with_features(image=np.ones((60, 4)))
    with pytest.warns(AlignmentWarning, match="Of 60 entities of kg1 2 have an image"):
        IBMEAAligner.from_preset(**TINY).fit(filled, with_images(30), MAIN)


# Nothing found


def test_searches_that_find_nothing():
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    aligner = propagation(rounds__min_confidence=1.0)
    assert_fits_without_warning(aligner, kg1, kg2, links[:50])  # of which none was to join
    aligner.set_params(rounds__n_rounds=3)
    said = "No pair joined the seeds: 2 searches found none with a probability over 1. Pass more"
    with pytest.warns(AlignmentWarning, match=said):
        aligner.fit(kg1, kg2, links[:50])
    aligner.set_params(rounds__validation_fraction=0)
    assert_fits_without_warning(aligner, kg1, kg2, links)  # nobody is free
    aligner.set_params(rounds__validation_fraction=0.1)
    assert_fits_without_warning(
        aligner.set_params(rounds__min_confidence=0.5), kg1, kg2, links[:50]
    )


# Too few seeds to choose by


def test_few_seeds_to_choose_an_epoch_by(toy_pair):
    aligner = IBMEAAligner.from_preset(**TINY, modalities=["graph"], rounds__validation_interval=1)
    message = (
        "chosen by Hits@1 on 4 held-out seeds of 40, whose standard error is up to 0.25: .*Raise "
        "rounds__validation_fraction to hold out 100, .* or set rounds__validation_interval=None"
    )
    with pytest.warns(AlignmentWarning, match=message):
        aligner.fit(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40])
    assert_fits_without_warning(
        aligner.set_params(rounds__validation_interval=None),
        toy_pair.kg1,
        toy_pair.kg2,
        toy_pair.links[:40],
    )


def test_a_hundred_seeds_are_enough_to_choose_by():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hint_at_small_validation(100, 200)
    with pytest.warns(AlignmentWarning, match="on 99 held-out seeds of 200"):
        hint_at_small_validation(99, 200)


# A bottleneck that lets nothing through


@pytest.fixture(scope="module")
def with_own():
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    own = [kg.features["image"] for kg in (kg1, kg2)]
    return kg1.with_features(mine=own[0]), kg2.with_features(mine=own[1]), links[:40]


# Long enough to collapse, or to learn.
LONG = {
    **{name: value for name, value in TINY.items() if not name.startswith("propagation")},
    "training__max_epochs": 40,
    "training__learning_rate": 0.1,
    "propagation": "drop",
    "features__frozen": (),
}


def test_a_beta_that_is_too_large(with_own):
    """The modality alone is named, not another whose beta lets it through."""
    aligner = IBMEAAligner.from_preset(**LONG, modalities=["image", "mine"], betas={"mine": 20.0})
    message = r"'mine' has collapsed: .* nats per entity.* Lower betas\['mine'\], which is 20\."
    with pytest.warns(AlignmentWarning, match=message) as caught:
        aligner.set_params(features__start="random").fit(*with_own)
    assert len(besides_calibration(caught)) == 1
    last = aligner.history_[-1]
    assert last["kl_mine"] / 20 < 1 < last["kl_image"] / 1e-2
    assert_fits_without_warning(aligner.set_params(betas=None), *with_own)


def test_the_fused_bottleneck_collapses_too(with_own):
    aligner = IBMEAAligner.from_preset(
        **LONG, modalities=["image"], bottleneck__of="fused", betas={"fused": 20.0}
    )
    with pytest.warns(AlignmentWarning, match=r"'fused' has collapsed: .* Lower betas\['fused'\]"):
        aligner.fit(*with_own)


@pytest.mark.parametrize(
    ("history", "beta", "epoch", "warns"),
    [
        ([{"kl_image": 5.0}, {"kl_image": 0.09}], 0.1, None, True),
        ([{"kl_image": 5.0}, {"kl_image": 0.11}], 0.1, None, False),
        ([{"kl_image": 0.5}, {"kl_image": 0.09}], 0.1, None, False),  # it never was much more
        ([{"kl_image": 5.0}, {"kl_image": 0.0}], 0.1, None, False),  # no seed has an image
        ([{"kl_image": 0.0}, {"kl_image": 0.0}], 0.0, None, False),
        ([{"kl_image": 5.0}, {"kl_image": 0.009}], 0.01, None, False),  # so small a beta is not it
        ([{"kl_image": 5.0}, {"kl_image": 0.01}], 0.1, 1, False),  # the epoch that was kept
        ([{"nce_image": 5.0}], 0.1, None, False),
        ([], 0.1, None, False),
    ],
)
def test_what_counts_as_collapsed(history, beta, epoch, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        hint_at_collapse(history, {"image": beta}, epoch)
    assert len(caught) == warns
    assert all("Lower beta_image, which is 0.1." in str(c.message) for c in caught)


# Misspelt names


@pytest.mark.parametrize("cls", [IBMEAAligner, PropagationAligner])
@pytest.mark.parametrize(
    ("wrong", "guess"),
    [
        ("verbos", r"Did you mean 'verbose'\?"),
        ("n_rounds", r"It is part of rounds: rounds=Rounds\(n_rounds=\.\.\.\)"),
        ("validation_fractin", "Did you mean 'validation_fraction', as in rounds=Rounds"),
        ("zzz", "Its parameters are: .*, verbose"),
    ],
)
def test_a_misspelt_parameter(cls, wrong, guess):
    message = rf"a parameter of {cls.__name__}; found '{wrong}'\. {guess}"
    with pytest.raises(TypeError, match=message):
        cls(**{wrong: 3})
    for name in (wrong, f"{wrong}__inside"):
        with pytest.raises(ValueError, match=message):
            cls().set_params(**{name: 3})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"betas": {"min": 0.1}}, r"found \['min'\]\. .*Did you mean 'mine'"),
        ({"betas": {"imge": 0.1}}, "Did you mean 'image'"),
        ({"modalities": ["grph"]}, "Did you mean 'graph'"),
        ({"features__frozen": ["imge"]}, "Did you mean 'image'"),
    ],
)
def test_a_misspelt_modality(with_own, params, message):
    with pytest.raises(ValueError, match=message):
        IBMEAAligner.from_preset(**{**TINY, "modalities": ["image", "mine"], **params}).fit(
            *with_own
        )


# Data that are as they should be


def test_no_warning_for_a_good_pair(toy_pair):
    data = toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40]
    assert_fits_without_warning(IBMEAAligner.from_preset(**TINY), *data)
    assert_fits_without_warning(propagation(), *data)


def test_they_are_of_one_class():
    assert issubclass(AlignmentWarning, UserWarning)
    assert ibmea_sklearn.AlignmentWarning is AlignmentWarning
