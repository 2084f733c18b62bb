"""A pair that is written over another one: old, new, or told to be neither."""

import itertools
import os
import random
import signal
import time

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn._utils import files
from ibmea_sklearn.io import read_graph, read_pair, write_graph, write_pair


def pair(name):
    """Two graphs and links, in which all that can be called by a name is."""
    ids = [f"{name}{i}" for i in range(4)]
    picture = np.full((2, 2, 3), ord(name), np.uint8)
    kg = KnowledgeGraph(
        [(ids[0], name, i) for i in ids],
        {ids[0]: {name: name}},
        images={ids[0]: picture},
        entities=ids,
    )
    kg = kg.with_features(**{name: np.eye(4), "both": np.full((4, 1), ord(name))})
    return kg, kg, [(i, i) for i in ids]


def names_in(folder):
    """By what a pair is called in all its places."""
    kg1, kg2, links = read_pair(folder)
    found = set("".join(links.ravel()))
    for kg in (kg1, kg2):
        found |= {*"".join(kg.entity_ids), *"".join(kg.relation_names), *kg.attribute_values}
        found |= {m for m in kg.features if m != "both"}
        found.add(chr(int(kg.features["both"].values[0, 0])))
        image = pytest.importorskip("PIL.Image").open(kg.images.values[0])
        found.add(chr(np.asarray(image)[0, 0, 0]))
    return found - set("0123")


def start_writer(folder):
    """Fork a child that writes one pair over the other, for ever; return its number.

    A process that is started anew takes seconds to import what it writes with.
    """
    child = os.fork()
    if child:
        return child
    try:
        for name in itertools.cycle("xy"):
            write_pair(*pair(name), folder)
    finally:
        os._exit(1)  # a child that went on from here would run the tests


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_kills_leave_old_or_new_or_a_mark(tmp_path):
    write_pair(*pair("x"), tmp_path / "pair")
    counts = {"whole": 0, "told": 0}
    delays = random.Random(0)
    for _ in range(12):
        child = start_writer(tmp_path / "pair")
        time.sleep(delays.uniform(0, 0.3))
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        try:
            assert names_in(tmp_path / "pair") in ({"x"}, {"y"})
            counts["whole"] += 1
        except ValueError as error:
            assert "Expected a folder that was written to its end" in str(error)
            counts["told"] += 1
            write_pair(*pair("x"), tmp_path / "pair")
    assert counts["whole"]


@pytest.mark.parametrize("n_moved", range(1, 14, 3))
def test_a_move_that_stops_is_told_and_the_next_one_ends_it(tmp_path, monkeypatch, n_moved):
    write_pair(*pair("x"), tmp_path)
    replace, calls = os.replace, []

    def few(source, target):
        calls.append(target)
        if sum(".part" not in str(path.parent) for path in calls) > n_moved + 1:
            raise OSError("enough")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", few)
        with pytest.raises(OSError, match="enough"):
            write_pair(*pair("y"), tmp_path)
    for read in (read_pair, lambda folder: read_graph(folder / "kg1")):
        with pytest.raises(ValueError, match=r"found INCOMPLETE.txt in .*write the folder again"):
            read(tmp_path)
    write_pair(*pair("y"), tmp_path)
    assert names_in(tmp_path) == {"y"}
    assert {p.name for p in tmp_path.iterdir()} == {"kg1", "kg2", "links.csv"}


def test_a_graph_that_cannot_be_written_leaves_the_old_one_with_its_images(tmp_path):
    kg, _, _ = pair("x")
    write_graph(kg, tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    bad = KnowledgeGraph(
        attribute_triples={"a": {"b": object()}}, images={"a": np.zeros((2, 2, 3), np.uint8)}
    )
    with pytest.raises(TypeError, match="Attribute of 'a'"):
        write_graph(bad, tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
