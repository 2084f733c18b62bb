import datetime
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.io import read_openea, read_openea_splits
from ibmea_sklearn.io._values import XSD

SAMPLES = Path(__file__).parent / "data"  # in the exact form of the real files


def _write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), "utf8")


def _write_openea(folder, kg1, kg2, links):
    for side, kg in (("1", kg1), ("2", kg2)):
        heads, relations, tails = kg.relation_triples.T
        columns = kg.entity_ids[heads], kg.relation_names[relations], kg.entity_ids[tails]
        _write_lines(folder / f"rel_triples_{side}", zip(*columns, strict=True))
        owners, attributes = kg.attribute_triples[::10].T  # else it takes seconds
        rows = zip(kg.entity_ids[owners], kg.attribute_names[attributes], strict=True)
        _write_lines(folder / f"attr_triples_{side}", ((*row, "1") for row in rows))
    _write_lines(folder / "ent_links", links)
    for fold in range(1, 6):
        order = np.random.default_rng(fold).permutation(len(links))
        ends = np.cumsum([int(0.2 * len(links)), int(0.1 * len(links))])
        parts = np.split(links[order], ends)
        for name, part in zip(("train", "valid", "test"), parts, strict=True):
            _write_lines(folder / "721_5fold" / str(fold) / f"{name}_links", part)


@pytest.fixture
def folder(tmp_path):
    _write_lines(tmp_path / "rel_triples_1", [("a", "r", "b")])
    _write_lines(tmp_path / "rel_triples_2", [("x", "s", "y")])
    _write_lines(
        tmp_path / "attr_triples_1", [("a", "size", f'"7"^^<{XSD}int>'), ("b", "size", 2.5)]
    )
    _write_lines(tmp_path / "ent_links", [("a", "x"), ("b", "y")])
    return tmp_path


def test_sample_of_the_form():
    kg1, kg2, links = read_openea(SAMPLES / "D_W_15K_V1")
    assert kg1.name == "D_W_15K_V1/1" and len(kg1.relation_triples) == 2
    assert kg1.attribute_values.tolist() == [7260.0, 1952, None]
    assert kg1.names.values.tolist() == ["Ann\tLee"]
    assert kg2.attribute_values.tolist() == [
        datetime.date(1952, 5, 12),
        'Vals im "Bashir"',
        17282163,
    ]
    assert kg2.attribute_datatypes.tolist() == [XSD + "date", "@de", None]
    assert len(SeedPairs(kg1, kg2, links)) == 3
    parts = read_openea_splits(SAMPLES / "D_W_15K_V1")
    np.testing.assert_array_equal(np.concatenate(parts), links)


def test_real_data_in_openea_form(real_pair, tmp_path):
    dbp1, dbp2, gold = real_pair("ja_en")
    gold = gold[:3000]
    _write_openea(tmp_path, dbp1, dbp2, gold)
    kg1, kg2, links = read_openea(tmp_path, names=())
    assert len(kg1.relation_triples) == len(dbp1.relation_triples)
    assert len(kg2.attribute_triples) == len(dbp2.attribute_triples[::10])
    np.testing.assert_array_equal(links, gold)
    assert len(SeedPairs(kg1, kg2, links)) == 3000
    train, valid, test = read_openea_splits(tmp_path, 2)
    assert (len(train), len(valid), len(test)) == (600, 300, 2100)
    together = {tuple(pair) for part in (train, valid, test) for pair in part}
    assert together == {tuple(pair) for pair in gold}


def test_values_are_typed(folder):
    kg1, kg2, _ = read_openea(folder)
    assert kg1.attribute_values.tolist() == [7, 2.5]
    assert kg1.attribute_datatypes.tolist() == [XSD + "int", None]
    assert kg2.n_attributes == 0


def test_values_with_tabs_and_without_anything(folder):
    _write_lines(
        folder / "attr_triples_1", [("a", "name", "x\ty"), ("a", "note", ""), ("b", "bare")]
    )
    assert read_openea(folder)[0].attribute_values.tolist() == ["x\ty", None, None]


NAMES = [
    ("a", "http://www.w3.org/2000/01/rdf-schema#label", '"Vals \\"im\\" Bashir"@de'),
    ("a", "http://xmlns.com/foaf/0.1/name", "Ann\tLee"),
    ("b", "http://www.w3.org/2004/02/skos/core#altLabel", "1984"),
    ("b", "http://schema.org/name", f'"7"^^<{XSD}int>'),
]


def test_labels_are_names(folder):
    _write_lines(folder / "attr_triples_1", [*NAMES, ("a", "size", "7")])
    kg1, kg2, _ = read_openea(folder)
    owners, names, languages = kg1.names
    assert kg1.entity_ids[owners].tolist() == ["a", "a", "b", "b"]
    assert names.tolist() == ['Vals "im" Bashir', "Ann\tLee", "1984", "7"]
    assert languages.tolist() == ["de", None, None, None]
    assert kg1.attribute_names.tolist() == ["size"] and kg1.attribute_values.tolist() == [7]
    assert len(kg2.names.values) == 0


def test_which_attributes_are_names_is_an_option(folder):
    _write_lines(folder / "attr_triples_1", NAMES)
    kg1 = read_openea(folder, names=())[0]
    assert len(kg1.names.values) == 0
    assert kg1.attribute_values.tolist() == ['Vals "im" Bashir', "Ann\tLee", 1984, 7]
    kg1 = read_openea(folder, names=[NAMES[1][1]])[0]
    assert kg1.names.values.tolist() == ["Ann\tLee"] and kg1.n_attributes == 3
    with pytest.raises(TypeError, match="Expected names as a sequence of IRIs; found 'label'"):
        read_openea(folder, names="label")


def test_empty_names_are_counted(folder):
    _write_lines(folder / "attr_triples_1", [*NAMES, ("b", NAMES[0][1], "")])
    with pytest.warns(UserWarning, match="1 of 5 names are empty and left out"):
        assert len(read_openea(folder)[0].names.values) == 4


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("rel_triples_1", "a\tr\n", "rel_triples_1, line 1: expected 3 fields"),
        ("rel_triples_2", "x\ts\ty\nx\t\ty\n", "rel_triples_2, line 2: expected 3 fields.*empty"),
        ("ent_links", "a\tx\nb\n", "ent_links, line 2: expected 2 fields"),
        ("attr_triples_1", "a\tsize\t1\n\nb\n", "attr_triples_1, line 3: expected entity, attr"),
        ("attr_triples_1", "", "found an empty file"),
    ],
)
def test_bad_files(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_openea(folder)


def test_missing(folder):
    with pytest.raises(FileNotFoundError, match="Expected fold 6 in .*721_5fold; found no such"):
        read_openea_splits(folder, 6)
    (folder / "ent_links").unlink()
    with pytest.raises(FileNotFoundError, match="Expected links in the file 'ent_links'"):
        read_openea(folder)
