"""The protocol: its digest, its words, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn import Protocol

FIELDS = st.fixed_dictionaries(
    {
        "train_ratio": st.floats(0, 1, exclude_max=True),
        "iterative": st.sampled_from([True, False, None]),
        "candidates": st.sampled_from(["pairs", "all", None]),
        "names": st.sampled_from(["none", "id", "given", None]),
        "csls_k": st.integers(1, 10),
        "matchings": st.permutations(["csls", "cosine", "sinkhorn"]).map(lambda m: m[:2]),
        "pool": st.sampled_from(["all", "links"]),
        "keep": st.sampled_from([(), {"image": 0.5}, {"text": 1, "image": 0.5}]),
        "image_noise": st.sampled_from([0, 0.0, 0.3]),
    }
)


@given(FIELDS, FIELDS)
def test_the_same_rules_have_the_same_digest_and_others_another(one, other):
    same = Protocol(**one) == Protocol(**other)
    assert (Protocol(**one).digest == Protocol(**other).digest) is same
    again = Protocol.from_dict(Protocol(**one).to_dict())
    assert again == Protocol(**one) and again.digest == Protocol(**one).digest


def test_the_digest_is_one_for_ever():
    """Papers cite it: raise the edition where fields come to mean something else."""
    assert Protocol().digest == "670c1469df66"


def test_what_was_done_to_the_data_is_said():
    protocol = Protocol(keep={"image": 0.4, "attribute": 1}, image_noise=0.3, pool="links")
    assert protocol.keep == (("attribute", 1.0), ("image", 0.4)) and hash(protocol)
    for said in (
        "40% of those with image keep it",
        "30% of the image features set to zero",
        "among entities of the links alone",
    ):
        assert said in str(protocol)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pool": "test"}, "pool"),
        ({"image_noise": 1.5}, "image_noise"),
        ({"keep": {"picture": 0.5}}, "keep.*found 'picture'"),
        ({"keep": {"image": 2}}, "keep of image"),
        ({"keep": 0.5}, "a share for each modality.*found 0.5"),
    ],
)
def test_conditions_that_can_not_be(fields, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**fields)


def test_numbers_of_any_kind_are_the_same_rule():
    assert Protocol(0).digest == Protocol(0.0).digest
    assert Protocol(matchings="csls").digest == Protocol(matchings=["csls"]).digest


def test_it_says_its_rules():
    said = str(Protocol(0.125, True, "all", "id", "ngrams", 0.5, ["sinkhorn"]))
    assert said == (
        "12.5% of the links as seeds, iterative, candidates: all entities that are no seeds, "
        "names: last parts of the ids, compared by ngrams, 50% of the test pairs without a "
        "partner, Sinkhorn, both directions"
    )
    assert str(Protocol("published")).startswith("published folds, ")
    assert str(Protocol(0, matchings=())).startswith("no seeds, not iterative")
    assert "each aligner's own matching" in str(Protocol(matchings=()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train_ratio": 1}, "Choose a share between 0 and 1"),
        ({"train_ratio": "0.3"}, "or 'published'"),
        ({"candidates": "al"}, "Did you mean 'all'"),
        ({"names": "ids"}, "Did you mean 'id'"),
        ({"name_model": 3}, "name_model"),
        ({"iterative": 1}, "iterative"),
        ({"dangling": 1.0}, "dangling"),
        ({"csls_k": 0}, "csls_k"),
        ({"matchings": ["csl"]}, "Did you mean 'csls'"),
        ({"matchings": ["csls", "csls"]}, "once"),
        ({"matchings": 3}, "matchings"),
    ],
)
def test_rules_that_are_none(fields, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**fields)


def test_fields_that_are_none():
    with pytest.raises(ValueError, match="Did you mean 'names'"):
        Protocol.from_dict({"names1": "id"})
