import shutil
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.io import read_graph, unread_files, write_graph, write_pair

SAMPLES = Path(__file__).parent / "data"
KG = KnowledgeGraph([("a", "r", "b")])


def said(folder, *graphs):
    return [path.as_posix() for path in unread_files(folder, graphs)]


@pytest.fixture
def touch(tmp_path):
    def touch(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        return tmp_path

    return touch


@pytest.mark.parametrize(
    "sample, unread",
    [
        ("zh_en", []),
        ("jape/zh_en/mapping/0_3", ["rel_ids_1", "rel_ids_2"]),
        ("D_W_15K_V1", []),
        ("mmkg", []),
        ("mmkg/FB15K", []),
        ("neo4j/admin", []),
        ("neo4j/apoc", []),
    ],
)
def test_samples(tmp_path, sample, unread):
    folder = tmp_path / Path(sample).name
    shutil.copytree(SAMPLES / sample, folder)
    if sample == "mmkg":
        shutil.rmtree(folder / "YAGO15K")
    assert said(folder) == unread
    for name in ("ent_ids_3", "more/pictures/x.png", "README.md", ".hidden", "LICENSE.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    assert said(folder) == sorted([*unread, "ent_ids_3", "more"])


def test_pair_of_tables(tmp_path, touch):
    write_pair(KG, KG, [("a", "a")], tmp_path)
    touch("kg1/texte.csv", "kg2/features/image.npy", "links2.csv", "kg3/relation_triples.csv")
    assert said(tmp_path) == ["kg1/texte.csv", "kg2/features", "kg3", "links2.csv"]


def test_features_and_images_are_read(tmp_path, touch):
    kg = KnowledgeGraph([("a", "r", "b")], images={"a": np.zeros((2, 2, 3), "u1")})
    write_graph(kg.with_features(image=np.eye(2)), tmp_path)
    touch("images/other.png", "features/x.npy")
    assert said(tmp_path, read_graph(tmp_path)) == ["features/x.npy", "images/other.png"]


def test_folders_that_are_links(tmp_path, touch):
    write_graph(KG, tmp_path / "elsewhere")
    touch("elsewhere/other.csv")
    (tmp_path / "pair").mkdir()
    for side in ("kg1", "kg2"):
        (tmp_path / "pair" / side).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "again").symlink_to(tmp_path / "elsewhere")
    assert said(tmp_path / "pair") == ["kg1/other.csv", "kg2/other.csv"]


def test_other_formats_in_one_folder(touch):
    folder = touch("notes.txt", "g.jsonl", "x.csv")
    (folder / "g.nt").write_text("<http://x/a> <http://x/r> <http://x/b> .\n")
    assert said(folder) == ["g.jsonl", "notes.txt", "x.csv"]


def test_pages_of_an_endpoint_are_read(touch):
    folder = touch("kg1.rq", "kg1.pages/page-000000.nt", "kg2.rq", "kg3.rq")
    assert said(folder) == ["kg3.rq"]


def test_a_file_has_nothing_beside_it(touch):
    folder = touch("g.csv", "other.csv")
    assert said(folder / "g.csv") == []


def test_what_is_not_recognised(tmp_path):
    with pytest.raises(FileNotFoundError, match="found no such file or folder"):
        unread_files(tmp_path / "none")
    with pytest.raises(ValueError, match="found an empty folder"):
        unread_files(tmp_path)
