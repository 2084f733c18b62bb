"""A pair by its name or out of a folder; what the command line adds is in test_cli_evaluate.py."""

import pytest

from ibmea_sklearn.datasets import DATASETS, load_pair, make_mmkg_pair
from ibmea_sklearn.io import write_pair


def test_a_folder_is_read_with_its_links(tmp_path):
    kg1, kg2, links = make_mmkg_pair(30, random_state=0)
    write_pair(kg1, kg2, links, tmp_path)
    found = load_pair(str(tmp_path))
    assert found[0].n_entities == kg1.n_entities and found[2].tolist() == links.tolist()
    assert load_pair(str(tmp_path), "id")[0].names.values.tolist()
    assert not len(load_pair(str(tmp_path), "none")[0].names.values)


@pytest.mark.parametrize(
    ("dataset", "names", "message"),
    [
        ("emoij", None, "Expected dataset emoji, .* Did you mean 'emoji'"),
        ("no/such/folder", None, "no such folder. Check the name"),
        ("emoji", "ids", "Did you mean 'id'"),
    ],
)
def test_wrong_inputs(dataset, names, message):
    with pytest.raises(ValueError, match=message):
        load_pair(dataset, names)


def test_names_that_are_not_there_and_links_that_are_too_few(tmp_path):
    kg1, kg2, links = make_mmkg_pair(30, random_state=0)
    write_pair(kg1, kg2, links[:3], tmp_path / "few")
    with pytest.raises(ValueError, match="Expected at least 4 links in .*; found 3. Add links"):
        load_pair(str(tmp_path / "few"))
    write_pair(kg1, kg2, links, tmp_path / "nameless")
    with pytest.raises(ValueError, match="Expected names with two graphs whose entities have"):
        load_pair(str(tmp_path / "nameless"), "given")


def test_names_are_known_to_all():
    assert "emoji" in DATASETS and all(map(callable, DATASETS.values()))
