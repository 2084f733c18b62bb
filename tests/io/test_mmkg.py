import collections
import datetime
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.io import read_mmkg
from ibmea_sklearn.io._values import XSD
from ibmea_sklearn.io.mmkg import read_image_index

SAMPLES = Path(__file__).parent / "data"  # in the exact form of the real files
DB = "http://dbpedia.org/resource/"
YAGO = "http://yago-knowledge.org/resource/"
FILES = {
    "FB15K/FB15K_EntityTriples.txt": "/m/1 /in /m/2 .\n/m/2 /in /m/3 .\n",
    "FB15K/FB15K_NumericalTriples.txt": "/m/1\t<http://ns/area>\t9.5\n",
    "FB15K/FB15K_ImageIndex.txt": "/m/1\tFBIMG1\n/m/3\tFBIMG3\n",
    "DB15K/DB15K_EntityTriples.txt": "<http://d/1> <http://d/in> <http://d/2> .\n",
    "DB15K/DB15K_NumericalTriples.txt": f'<http://d/1> <http://d/b> "1982-05-03"^^<{XSD}date> .\n',
    "DB15K/DB15K_SameAsLink.txt": "/m/1 <SameAs> <http://d/1> .\n/m/2 <SameAs> <http://d/2> .\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_real_folder(real_pair):
    kg1, kg2, links = real_pair("mmkg")
    assert (kg1.n_entities, kg1.n_relations) == (14951, 1345)
    assert (len(kg1.relation_triples), len(kg1.attribute_triples)) == (592213, 29395)
    assert kg1.n_attributes == 116
    assert (kg2.n_entities, kg2.n_relations) == (12842, 279)
    assert (len(kg2.relation_triples), len(kg2.attribute_triples)) == (89197, 48044)
    assert kg2.n_attributes == 225
    assert links.shape == (12842, 2)
    assert len(SeedPairs(kg1, kg2, links)) == 12842
    assert links[0].tolist() == ["/m/01m4kpp", "http://dbpedia.org/resource/Andy_Griffith"]


def test_names(folder):
    (folder / "FB15K/FB15K_mid2name.txt").write_text("/m/1\tGary_Rydstrom\n/m/9\tNobody\n")
    kg1, kg2, _ = read_mmkg(folder, names=True)
    assert kg1.names.entities.tolist() == kg1.entity_index(["/m/1"]).tolist()
    assert (kg1.names.values.tolist(), kg1.names.languages.tolist()) == (["Gary Rydstrom"], ["en"])
    assert (kg2.names.values.tolist(), set(kg2.names.languages)) == (["1", "2"], {None})
    assert not len(read_mmkg(folder)[0].names.values)


def test_samples_of_fb15k_and_db15k():
    kg1, kg2, links = read_mmkg(SAMPLES / "mmkg")
    assert (kg1.n_entities, len(kg1.relation_triples), kg1.n_relations) == (7, 5, 4)
    assert "/tv/tv_program/regular_cast./tv/regular_tv_appearance/actor" in kg1.relation_names
    assert kg1.attribute_values.tolist() == [9.70404945, 2837021.0, 1.85, -54.2]
    assert kg1.attribute_names[0] == "http://rdf.freebase.com/ns/location.geocode.longitude"
    # A triple that is there twice counts once.
    assert (kg2.n_entities, len(kg2.relation_triples)) == (6, 4)
    assert kg2.attribute_values.tolist() == [1982, datetime.date(1982, 5, 3), 3.037e13, -8.47, -4]
    kinds = [XSD + kind for kind in ("gYear", "date", "double", "float", "integer")]
    assert kg2.attribute_datatypes.tolist() == kinds
    gore = DB + 'Albert_Arnold_"Al"_Gore,_Jr.'
    assert links.tolist() == [
        ["/m/027rn", DB + "Anarchism"],
        ["/m/06v8s0", gore],
        ["/m/07s9rl0", DB + "Rebecca_Hall"],
    ]
    assert len(read_mmkg(SAMPLES / "mmkg", duplicates="all")[2]) == 4
    index = read_image_index(SAMPLES / "mmkg", "DB15K")
    assert index["DBIMG00002"] == gore and index["DBIMG00003"] == index["DBIMG00001"]
    assert read_image_index(SAMPLES / "mmkg", "FB15K")["FBIMG00002"] == "/m/06cx9"


def test_sample_of_yago15k():
    kg1, kg2, links = read_mmkg(SAMPLES / "mmkg", pair=("FB15K", "YAGO15K"))
    assert (kg2.n_entities, len(kg2.relation_triples)) == (4, 2)
    # What is no date, and a type of YAGO's own, stay texts.
    assert kg2.attribute_values.tolist() == [
        "1905.0000",
        "1888-##-##",
        datetime.date(1940, 4, 16),
    ]
    assert links.tolist() == [
        ["/m/027rn", YAGO + "Greenland"],
        ["/m/07s9rl0", YAGO + "Walsall_F.C."],
    ]


def test_real_yago15k(data_home):
    if not (data_home / "mmkg" / "YAGO15K").is_dir():
        pytest.skip("real data absent: no YAGO15K beside FB15K")
    kg1, kg2, links = read_mmkg(data_home / "mmkg", pair=("FB15K", "YAGO15K"), duplicates="all")
    assert len(kg2.relation_triples) == 122886 and len(kg2.attribute_triples) == 23532
    kinds = collections.Counter(map(type, kg2.attribute_values))
    assert kinds[datetime.date] > 5000 and kinds[str] > 10000
    assert 11000 < len(links) <= 11199


def test_real_literals_are_typed(real_pair):
    _, kg2, _ = real_pair("mmkg")
    kinds = collections.Counter(map(type, kg2.attribute_values))
    assert kinds[float] == 14927 + 3966 and kinds[int] == 11153 + 9676
    assert kinds[datetime.date] == 8322
    hall = kg2.entity_index(["http://dbpedia.org/resource/Rebecca_Hall"])[0]
    rows = np.flatnonzero(kg2.attribute_triples[:, 0] == hall)
    values = dict(zip(kg2.attribute_datatypes[rows], kg2.attribute_values[rows], strict=True))
    assert values[XSD + "date"] == datetime.date(1982, 5, 3)


def test_all_links_and_other_order(data_home):
    kg1, kg2, links = read_mmkg(data_home / "mmkg", pair=("DB15K", "FB15K"), duplicates="all")
    assert links.shape == (12846, 2)
    assert (kg1.name, kg2.name) == ("DB15K", "FB15K")
    kg1.entity_index(links[:, 0])
    kg2.entity_index(links[:, 1])
    with pytest.raises(ValueError, match="found 4 pairs that repeat one"):
        SeedPairs(kg1, kg2, links)


@pytest.mark.parametrize("name, n_images", [("FB15K", 13444), ("DB15K", 12841)])
def test_real_image_index(data_home, name, n_images):
    assert len(read_image_index(data_home / "mmkg", name)) == n_images


def test_image_index_alone_gives_no_image_modality(folder):
    kg1, _, _ = read_mmkg(folder)
    assert "image" not in kg1.modalities
    assert read_image_index(folder, "FB15K") == {"FBIMG1": "/m/1", "FBIMG3": "/m/3"}


def test_image_data(folder):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "FB15K" / "FB15K_ImageData.h5", "w") as file:
        file["FBIMG1"] = np.ones((1, 4), "f4")
        file["FBIMG4"] = np.zeros((1, 4), "f4")
        file["unknown"] = np.zeros((1, 4), "f4")
    with (folder / "FB15K" / "FB15K_ImageIndex.txt").open("a") as index:
        index.write("/m/1\tFBIMG4\n")
    kg1, kg2, _ = read_mmkg(folder)
    assert kg1.features["image"].values.shape == (3, 4)
    assert kg1.features["image"].mask.tolist() == [True, False, False]
    assert kg1.features["image"].values[0].tolist() == [1, 1, 1, 1]
    assert "image" not in kg2.features
    assert "image" not in read_mmkg(folder, images=False)[0].features


def _external_link(h5py, file, secret):
    file["FBIMG1"] = h5py.ExternalLink(str(secret), "/x")


def _external_storage(h5py, file, secret):
    file.create_dataset("FBIMG1", (4,), "u1", external=[(str(secret), 0, 4)])


def _virtual(h5py, file, secret):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
    file.create_virtual_dataset("FBIMG1", layout)


def _huge(h5py, file, secret):
    file.create_dataset("FBIMG1", (10**12,), "u1", chunks=(10**6,))


def _group(h5py, file, secret):
    file.create_group("FBIMG1")


def _texts(h5py, file, secret):
    file["FBIMG1"] = ["a", "b"]


@pytest.mark.parametrize(
    "spoil", [_external_link, _external_storage, _virtual, _huge, _group, _texts]
)
def test_image_data_that_lie_elsewhere_or_are_no_vector(folder, spoil):
    h5py = pytest.importorskip("h5py")
    secret = folder / "secret"
    with h5py.File(secret, "w") as file:
        file["x"] = np.arange(4, dtype="u1")
    with h5py.File(folder / "FB15K" / "FB15K_ImageData.h5", "w") as file:
        spoil(h5py, file, secret)
    with pytest.raises(ValueError, match="ImageData.h5: expected 'FBIMG1' to be a vector"):
        read_mmkg(folder)


def test_damaged_image_data(folder):
    pytest.importorskip("h5py")
    (folder / "FB15K" / "FB15K_ImageData.h5").write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match="Expected an HDF5 file in .*ImageData.h5"):
        read_mmkg(folder)


@pytest.mark.parametrize(
    "text",
    [
        "<a> <r> <b> .\n<b> <r> <c> .\n",
        "a r b\nb r c\n",
        "a\tr\tb\nb\tr\tc",
        "<a>\t<r>\t<b>\t.\n<b>\t<r>\t<c>\t.\n",
        "a\tr\tb .\nb\tr\tc .\n",
        "a r b .\n<b>\t<r>\t<c>\n",
        "a  r b\n\n b r\tc .\r\n",
        "a r b \nb r c \n",
    ],
)
def test_every_mixture_of_separators_reads_alike(folder, text):
    (folder / "FB15K" / "FB15K_EntityTriples.txt").write_bytes(text.encode())
    (folder / "DB15K" / "DB15K_SameAsLink.txt").write_text("a\t<SameAs>\t<http://d/1>\n")
    kg1, _, links = read_mmkg(folder)
    names = kg1.entity_ids[kg1.relation_triples[:, [0, 2]]]
    assert names.tolist() == [["a", "b"], ["b", "c"]]
    assert kg1.relation_names.tolist() == ["r"]
    assert links.tolist() == [["a", "http://d/1"]]


def test_literal_with_spaces(folder):
    path = folder / "DB15K" / "DB15K_NumericalTriples.txt"
    path.write_text('<http://d/1> <name> "a . b"@en .\n<http://d/1> <size> "7"^^<' + XSD + "int> .")
    _, kg2, _ = read_mmkg(folder)
    assert kg2.attribute_values.tolist() == ["a . b", 7]
    assert kg2.attribute_datatypes.tolist() == ["@en", XSD + "int"]


@pytest.mark.parametrize(
    "name, text, message",
    [
        (
            "FB15K/FB15K_EntityTriples.txt",
            "/m/1 /in /m/2 .\n/m/1 /in\n",
            "line 2: expected 3 terms",
        ),
        ("FB15K/FB15K_EntityTriples.txt", "a r b .\na r b c .\n", "line 2: expected 3 terms"),
        ("FB15K/FB15K_EntityTriples.txt", "a r b\na r .\n", "line 2: expected 3 terms"),
        ("FB15K/FB15K_EntityTriples.txt", "a\tr\tb\na\t\tb\n", "line 2: expected 3 terms"),
        ("DB15K/DB15K_NumericalTriples.txt", 'a r "x y\n', "line 1: expected 3 terms"),
        ("FB15K/FB15K_ImageIndex.txt", "/m/1\tA\n/m/2\n", "line 2: expected 2 t"),
        ("DB15K/DB15K_SameAsLink.txt", "x <SameAs> y .\n", "none in DB15K_SameAsLink.txt"),
        ("DB15K/DB15K_EntityTriples.txt", "", "found an empty file"),
    ],
)
def test_bad_files(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_mmkg(folder)
        read_image_index(folder, "FB15K")


def test_wrong_encoding(folder):
    path = folder / "DB15K" / "DB15K_EntityTriples.txt"
    path.write_bytes("<a> <r> <Zürich> .\n".encode("latin1"))
    with pytest.raises(ValueError, match="found byte 0xfc at offset 10, in line 1"):
        read_mmkg(folder)


def test_missing_files(folder):
    with pytest.raises(
        FileNotFoundError, match=r"Expected YAGO15K_EntityTriples.txt in the folder"
    ):
        read_mmkg(folder, pair=("FB15K", "YAGO15K"))
    (folder / "DB15K" / "DB15K_SameAsLink.txt").unlink()
    with pytest.raises(ValueError, match="found no such file"):
        read_mmkg(folder)


def test_first_links_are_those_that_seed_pairs_keep(folder):
    lines = ["/m/1 <SameAs> <http://d/1> .", "/m/2 <SameAs> <http://d/1> ."]
    lines += ["/m/2 <SameAs> <http://d/2> .", "/m/1 <SameAs> <http://d/2> ."]
    (folder / "DB15K" / "DB15K_SameAsLink.txt").write_text("\n".join(lines))
    kg1, kg2, links = read_mmkg(folder)
    # The second link repeats http://d/1, so it is left out, and /m/2 is free for the third.
    assert links.tolist() == [["/m/1", "http://d/1"], ["/m/2", "http://d/2"]]
    assert links.flags.writeable
    every = read_mmkg(folder, duplicates="all")[2]
    assert len(every) == 4
    assert SeedPairs(kg1, kg2, every, duplicates="first").pairs.tolist() == links.tolist()


def test_unknown_duplicates(folder):
    with pytest.raises(ValueError, match="Expected duplicates='first' or 'all'; found 'last'"):
        read_mmkg(folder, duplicates="last")
