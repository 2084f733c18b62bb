"""The emoji as three parties draw them."""

import io

import numpy as np
import pytest

from ibmea_sklearn.datasets import load_emoji

pytest.importorskip("fontTools", reason="fonttools is not installed (extra: emoji)")
pytest.importorskip("manimgx_fonts", reason="manimgx-fonts is not installed (extra: emoji)")
from ibmea_sklearn.datasets._emoji_font import noto_glyph, noto_images  # noqa: E402

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def bunch():
    return load_emoji(parties=3, return_bunch=True)


def graphs_of(bunch):
    return [bunch.kg1, bunch.kg2, bunch.kg3]


def test_statistics(bunch):
    # As the docstring says; other versions of the packages give other figures.
    assert bunch.links.shape == (1883, 3)
    assert [kg.n_entities for kg in graphs_of(bunch)] == [4039, 4061, 3836]
    for figure in ("(1883, 3)", "4,039, 4,061 and 3,836", "Open\nFont License 1.1"):
        assert figure in bunch.DESCR
    assert list(bunch.statistics) == ["kg1", "kg2", "kg3", "links"]


def test_each_row_of_links_is_one_emoji(bunch):
    row = next(row for row in bunch.links.tolist() if row[0] == "openmoji:synagogue")
    assert row == ["openmoji:synagogue", "twemoji:synagoge", "notoemoji:sinagoga"]
    for kg, ids in zip(graphs_of(bunch), bunch.links.T, strict=True):
        assert len(set(ids)) == 1883
        assert set(kg.entity_ids[kg.images.entities]) == set(ids)


def test_orders_of_three_graphs_are_independent(bunch):
    places = [kg.entity_index(ids) for kg, ids in zip(graphs_of(bunch), bunch.links.T, strict=True)]
    together = np.abs(np.corrcoef([*places, np.arange(1883)]))
    assert (together[~np.eye(4, dtype=bool)] < 0.08).all()


def test_what_two_parties_are_does_not_change(bunch):
    kg1, kg2, links = load_emoji()
    assert len(links) == 1914 and kg1.name == "openmoji" and kg2.name == "twemoji"
    assert {tuple(row) for row in bunch.links[:, :2]} < {tuple(row) for row in links}


def test_each_party_has_words_of_its_own_languages(bunch):
    said = [{e.split(":")[1] for e in kg.entity_ids if e[:5] == "word:"} for kg in graphs_of(bunch)]
    assert said == [set(ls.split()) for ls in ("en es ru ja", "de fr pt zh", "it tr ko id")]


def test_a_drawing_stands_in_its_square():
    (data,) = noto_images([noto_glyph("\U0001f600")])
    ink = np.asarray(Image.open(io.BytesIO(data)).getchannel("A")) > 128
    assert ink.shape == (72, 72)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    for used in (rows, columns):
        assert 2 <= used[0] <= 5 and 66 <= used[-1] <= 69
    # The eyes are above the mouth: what is drawn upwards in a font is drawn downwards here.
    assert ink[40:60, 20:52].sum() > ink[12:32, 20:52].sum()


@pytest.mark.parametrize("characters", ["x\U0001f600", "\u20e3\u20e3", "\ue000"])
def test_what_the_font_does_not_draw_has_no_name(characters):
    assert noto_glyph(characters) is None


def test_joined_emoji_are_one_drawing_with_or_without_selector():
    assert noto_glyph("\u2764\ufe0f\u200d\U0001f525") == noto_glyph("\u2764\u200d\U0001f525")


@pytest.mark.parametrize("parties", [1, 4, "three", True, None])
def test_other_numbers_of_parties(parties):
    with pytest.raises(ValueError, match="Expected parties to be 2 or 3; found"):
        load_emoji(parties=parties)


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        ((["en"], ["de"]), "Expected languages as three sequences, .* such as"),
        ((["en"], ["de"], []), "at least one language for side 3"),
        ((["en"], ["de"], ["en"]), "each language once; found en twice"),
    ],
)
def test_wrong_languages_of_three(languages, message):
    with pytest.raises(ValueError, match=message):
        load_emoji(languages, parties=3)


def test_a_missing_font_is_told(monkeypatch):
    from ibmea_sklearn.datasets import _emoji_font

    _emoji_font._font.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "manimgx_fonts", None)
    with pytest.raises(ImportError, match=r"needs the package 'manimgx_fonts'.*\[emoji\]"):
        load_emoji(parties=3)
