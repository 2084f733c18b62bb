import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.io import read_dbp15k, read_dbp15k_splits, read_pair, recognise_format

ZH = "http://zh.dbpedia.org/resource/"
SAMPLES = Path(__file__).parent / "data"  # in the exact form of the real files


@pytest.fixture
def folder(tmp_path):
    files = {
        "ent_ids_1": "0\thttp://x/a\n1\thttp://x/b\n",
        "ent_ids_2": "10\thttp://y/a\n11\thttp://y/b\n12\thttp://y/c\n",
        "triples_1": "0\t7\t1\n",
        "triples_2": "10\t7\t11\n11\t8\t12\n",
        "ill_ent_ids": "0\t10\n1\t11\n",
        "training_attrs_1": "http://x/a\tname\tarea\n",
        "training_attrs_2": "http://y/a\tname\n",
        "translated_ent_name.json": json.dumps([[0, ["big", "a"]], [1, []], [10, ["a"]]]),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "subset, entities, triples, attributes",
    [
        ("zh_en", (19388, 19572), (70414, 95142), (248035, 343218)),
        ("ja_en", (19814, 19780), (77214, 93484), (248991, 320616)),
    ],
)
def test_real_folder(real_pair, subset, entities, triples, attributes):
    kg1, kg2, links = real_pair(subset)
    assert (kg1.n_entities, kg2.n_entities) == entities
    assert (len(kg1.relation_triples), len(kg2.relation_triples)) == triples
    assert (len(kg1.attribute_triples), len(kg2.attribute_triples)) == attributes
    assert links.shape == (15000, 2)
    assert len(SeedPairs(kg1, kg2, links)) == 15000
    assert kg1.name == f"{subset}/1"
    assert "name" not in kg1.modalities


def test_sample_of_the_form():
    kg1, kg2, links = read_dbp15k(SAMPLES / "zh_en", names=True)
    assert (kg1.name, kg1.n_entities, kg2.n_entities) == ("zh_en/1", 5, 6)
    # Indices are those of both files together, with a gap in each.
    assert links[:, 0].tolist() == kg1.entity_ids.tolist()
    assert links[-1].tolist() == [
        ZH + "馬里蘭區域通勤鐵路",
        "http://dbpedia.org/resource/MARC_Train",
    ]
    assert kg1.entity_ids[kg1.relation_triples[0, [0, 2]]].tolist() == [
        ZH + "民族陣線_(法國)",
        ZH + "阿卜杜拉·居尔",
    ]
    assert kg1.relation_names.tolist() == ["r1123", "r1252", "r603"]
    assert (len(kg1.attribute_triples), len(kg2.attribute_triples)) == (4, 5)
    assert kg1.names.values.tolist()[2] == 'national front "france"'
    assert set(kg1.attribute_values) == {None} and len(SeedPairs(kg1, kg2, links)) == 5


def test_real_content(data_home):
    kg1, _, links = read_dbp15k(data_home / "zh_en", names=True)
    assert links[0].tolist() == [ZH + "阿卜杜拉·居尔", "http://dbpedia.org/resource/Abdullah_Gül"]
    # The first line of triples_1 is "3118 1123 9427", and ent_ids_1 is sorted by index.
    head, relation, tail = kg1.relation_triples[0]
    lines = (data_home / "zh_en" / "ent_ids_1").read_text("utf8").splitlines()
    by_index = dict(line.split("\t") for line in lines)
    assert kg1.entity_ids[[head, tail]].tolist() == [by_index["3118"], by_index["9427"]]
    assert kg1.relation_names[relation] == "r1123"
    assert kg1.names.values[0] == "abdullah gul"
    assert set(kg1.names.languages) == {"en"} and "text" not in kg1.modalities
    assert set(kg1.attribute_values) == {None}


def test_small_folder(folder):
    kg1, kg2, links = read_dbp15k(folder, names=True)
    assert kg1.entity_ids.tolist() == ["http://x/a", "http://x/b"]
    # One relation index is one relation, in both graphs.
    assert kg1.relation_names[0] == kg2.relation_names[0] == "r7"
    assert kg1.names.values.tolist() == ["big a"]
    assert links.tolist() == [["http://x/a", "http://y/a"], ["http://x/b", "http://y/b"]]


def test_folder_without_attributes(folder):
    (folder / "training_attrs_1").unlink()
    assert read_dbp15k(folder)[0].n_attributes == 0


@pytest.mark.parametrize("given", [False, True])
def test_image_features(folder, given):
    vectors = {0: np.array([1, 2], "f4"), 11: np.array([3, 4], "f4"), 99: np.zeros(2, "f4")}
    path = folder / ("features.pickle" if given else "zh_en_GA_id_img_feature_dict.pkl")
    path.write_bytes(pickle.dumps(vectors))
    kg1, kg2, _ = read_dbp15k(folder, images=path if given else None)
    np.testing.assert_array_equal(kg1.features["image"].values, [[1, 2], [0, 0]])
    assert kg1.features["image"].mask.tolist() == [True, False]
    assert kg2.features["image"].mask.tolist() == [False, True, False]


def test_two_feature_files(folder):
    for name in ("a", "b"):
        (folder / f"{name}_id_img_feature_dict.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(ValueError, match="found a_id_img_feature_dict.pkl, b_id_img"):
        read_dbp15k(folder)


def test_attributes_of_entities_without_index_are_counted(folder):
    with (folder / "training_attrs_1").open("a") as file:
        file.write("http://x/zzz\tname\n")
    with pytest.warns(UserWarning, match="1 of 2 lines name entities that ent_ids_1 does not"):
        kg1, _, _ = read_dbp15k(folder)
    assert kg1.n_entities == 2 and len(kg1.attribute_triples) == 2


def test_repeated_attributes_are_kept_once(folder):
    (folder / "training_attrs_1").write_text("http://x/a\tname\tname\nhttp://x/a\tname\n")
    assert len(read_dbp15k(folder)[0].attribute_triples) == 1


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("triples_1", "0\t7\n", r"triples_1, line 1: expected 3 fields separated by a tab"),
        ("triples_1", "0\t7\t1\n0\t7\tx\n", r"triples_1, line 2: expected integer indices; found"),
        ("triples_1", "0\t7\t1\n\n0\t7\t--1\n", r"line 3: expected integer indices; found '0"),
        ("triples_1", "0\t7\t" + "9" * 30, r"triples_1, line 1: expected integer indices; found"),
        ("triples_2", "10\t7\t0\n", r"triples_2, line 1: expected indices of entities that ent_"),
        ("ill_ent_ids", "0\t10\n10\t0\n", r"ill_ent_ids, line 2: expected indices of entities"),
        ("ent_ids_1", "0\ta\n0\tb\n", r"ent_ids_1, line 2: expected an index and a URI not yet"),
        ("ent_ids_1", "0\ta\n\n1\t\n", r"ent_ids_1, line 3: .*none of them empty; found '1"),
        ("ent_ids_2", "", r"ent_ids_2; found an empty file"),
        ("translated_ent_name.json", "{", r"Expected JSON of the form \[\[index"),
        ("translated_ent_name.json", "[1]", r"Expected JSON of the form \[\[index"),
    ],
)
def test_bad_files(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_dbp15k(folder, names=True)


def test_wrong_encoding(folder):
    (folder / "ent_ids_1").write_bytes("0\thttp://x/é\n1\tb\n".encode("latin1"))
    with pytest.raises(ValueError, match="Expected UTF-8 text in .*ent_ids_1; found byte 0xe9"):
        read_dbp15k(folder)


@pytest.mark.parametrize("name", ["ent_ids_2", "triples_1", "ill_ent_ids"])
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"in the file '{name}' of the folder"):
        read_dbp15k(folder)


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="found no such folder"):
        read_dbp15k(tmp_path / "nothing")


JAPE = SAMPLES / "jape" / "zh_en" / "mapping" / "0_3"


def test_sample_in_the_form_of_jape():
    assert recognise_format(JAPE) == "DBP15K folder"
    kg1, kg2, links = read_pair(JAPE)
    same = read_dbp15k(SAMPLES / "zh_en")
    for kg, other in ((kg1, same[0]), (kg2, same[1])):
        assert kg.entity_ids.tolist() == other.entity_ids.tolist()
        assert kg.relation_triples.tolist() == other.relation_triples.tolist()
        # They lie two folders above: all splits share them.
        assert kg.attribute_triples.tolist() == other.attribute_triples.tolist()
    assert links.tolist() == same[2].tolist()


def test_split_of_jape():
    train, valid, test = read_dbp15k_splits(JAPE)
    links = read_dbp15k(JAPE)[2]
    assert valid.shape == (0, 2)
    assert (train.tolist(), test.tolist()) == (links[:2].tolist(), links[2:].tolist())


@pytest.fixture
def jape(folder):
    (folder / "ill_ent_ids").unlink()
    (folder / "sup_ent_ids").write_text("0\t10\n")
    (folder / "ref_ent_ids").write_text("1\t11\n")
    return folder


def test_attributes_above_a_folder_of_any_other_name_are_not_its_own(jape, tmp_path_factory):
    other = tmp_path_factory.mktemp("above")
    for name in ("zh_en", "0_3"):
        (other / name).mkdir()
        for path in jape.glob("*_*"):
            where = other if path.name.startswith("training") else other / name
            (where / path.name).write_bytes(path.read_bytes())
    assert read_dbp15k(other / "zh_en")[0].n_attributes == 0
    assert read_dbp15k(other / "0_3")[0].n_attributes == 2


def test_test_links_alone_are_all_links(jape):
    (jape / "sup_ent_ids").unlink()
    assert read_dbp15k(jape)[2].tolist() == [["http://x/b", "http://y/b"]]
    with pytest.raises(FileNotFoundError, match="links to learn from in the file 'sup_ent_ids'"):
        read_dbp15k_splits(jape)


@pytest.mark.parametrize("read", [read_dbp15k, read_dbp15k_splits])
@pytest.mark.parametrize(
    "name, text, message",
    [
        (
            "ref_ent_ids",
            "1\t11\n0\t10\n",
            "ref_ent_ids, line 2: expected a link that is not in",
        ),
        ("sup_ent_ids", "0\t99\n", "sup_ent_ids, line 1: expected indices of entities"),
        ("sup_ent_ids", "0\n", "sup_ent_ids, line 1: expected 2 fields"),
        ("ref_ent_ids", "", "ref_ent_ids; found an empty file"),
    ],
)
def test_bad_splits(jape, read, name, text, message):
    (jape / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read(jape)


def test_links_of_both_forms(jape):
    (jape / "ill_ent_ids").write_text("0\t10\n")
    with pytest.raises(ValueError, match="found ill_ent_ids, sup_ent_ids, ref_ent_ids in .* Keep"):
        read_dbp15k(jape)
