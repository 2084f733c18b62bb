import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import read_dbp1m, read_pair, recognise_format, unread_files

SAMPLE = Path(__file__).parent / "data" / "mkdata"  # in the form of the real files


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "mkdata")
    return tmp_path / "mkdata"


def copied(folder, language, kind=""):
    for side in "12":
        shutil.copy(folder / f"fr_triples_{side}", folder / f"{language}_triples{kind}_{side}")
    if not kind:
        shutil.copy(folder / "fr_ent_links", folder / f"{language}_ent_links")


def write(folder, kg1, kg2, links):
    for side, kg in (("1", kg1), ("2", kg2)):
        heads, relations, tails = kg.relation_triples.T
        columns = kg.entity_ids[heads], kg.relation_names[relations], kg.entity_ids[tails]
        rows = zip(*columns, strict=True)
        (folder / f"de_triples_{side}").write_text("".join("\t".join(r) + "\n" for r in rows))
    (folder / "de_ent_links").write_text("".join(f"{a}\t{b}\n" for a, b in links))


def test_sample():
    kg1, kg2, links = read_dbp1m(SAMPLE, "fr")
    assert kg1.name == "mkdata/fr_triples_1"
    assert (kg1.n_entities, kg2.n_entities, len(kg2.relation_triples)) == (4, 5, 3)
    assert len(SeedPairs(kg1, kg2, links)) == 3
    assert kg1.with_names("id").names.values.tolist() == ["Lyon", "Paris", "France", "Seine"]


def test_entities_of_links_alone_have_no_relations():
    kg1, _, links = read_dbp1m(SAMPLE)
    (seine,) = kg1.entity_index([links[2, 0]])
    assert seine not in kg1.relation_triples[:, [0, 2]]


def test_what_is_written_is_read(tmp_path):
    kg1, kg2, links = make_mmkg_pair(40, mean_degree=6, n_dangling=9, image_dim=0, random_state=0)
    write(tmp_path, kg1, kg2, links)
    again1, again2, same = read_dbp1m(tmp_path)
    assert same.tolist() == links.tolist()
    for kg, again, side in ((kg1, again1, 0), (kg2, again2, 1)):
        related = set(kg.entity_ids[np.unique(kg.relation_triples[:, [0, 2]])])
        assert set(again.entity_ids) == related | set(links[:, side])
        assert len(again.relation_triples) == len(kg.relation_triples)


@settings(max_examples=20)
@given(order=st.permutations(range(3)))
def test_order_of_links_says_nothing_of_entities(tmp_path_factory, order):
    folder = tmp_path_factory.mktemp("links")
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    lines = (folder / "fr_ent_links").read_text().splitlines(keepends=True)
    (folder / "fr_ent_links").write_text("".join(lines[i] for i in order))
    for kg, other in zip(read_dbp1m(folder)[:2], read_dbp1m(SAMPLE)[:2], strict=True):
        assert kg.entity_ids.tolist() == other.entity_ids.tolist()


def test_strict_triples(folder):
    copied(folder, "fr", "_strict")
    (folder / "fr_triples_strict_2").write_text("a\tr\tb\n")
    assert len(read_dbp1m(folder, strict=True)[1].relation_triples) == 1
    assert len(read_dbp1m(folder)[1].relation_triples) == 3


def test_is_recognised(folder):
    assert recognise_format(folder) == "DBP1M folder"
    assert len(read_pair(folder)[2]) == 3
    (folder / "notes.bin").write_text("mine")
    assert [path.name for path in unread_files(folder)] == ["notes.bin"]


def test_several_languages(folder):
    copied(folder, "de")
    with pytest.raises(ValueError, match=r"one language in .*found de, fr. Pass one, as in"):
        read_dbp1m(folder)
    assert read_dbp1m(folder, "de")[0].name == "mkdata/de_triples_1"


def test_another_language():
    with pytest.raises(FileNotFoundError, match="links in the file 'nl_ent_links'.*found fr_ent"):
        read_dbp1m(SAMPLE, "nl")


def test_strict_triples_that_are_not_there():
    with pytest.raises(FileNotFoundError, match="in the file 'fr_triples_strict_1'"):
        read_dbp1m(SAMPLE, strict=True)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="fr_triples_1, .*found an empty folder"):
        read_dbp1m(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("fr_triples_1", "a\tr\n", "fr_triples_1, line 1: expected 3 fields separated by a tab"),
        ("fr_triples_2", "a\tr\tb\na\t\tb\n", "fr_triples_2, line 2: .*none of them empty"),
        ("fr_ent_links", "a\tx\ty\n", "fr_ent_links, line 1: expected 2 fields"),
        ("fr_ent_links", "", "fr_ent_links"),
    ],
)
def test_malformed(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_dbp1m(folder)
