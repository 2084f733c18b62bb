import re
from collections import Counter

import numpy as np
import pytest

from ibmea_sklearn import SeedPairs
from ibmea_sklearn.datasets import _wordnets, load_wordnets
from ibmea_sklearn.datasets._wordnet_files import Synsets, readable_ids, wordnet_file

INTERLINGUAL = re.compile(r"ENG31-|TUR10-|\d{8}-[anrsv]")


def synset(synset_id, words=("word",), said="", part="n"):
    literals = "".join(f"<LITERAL>{word}<SENSE>1</SENSE></LITERAL>" for word in words)
    return (
        f"<SYNSET><ID>{synset_id}</ID><SYNONYM>{literals}</SYNONYM><POS>{part}</POS>{said}</SYNSET>"
    )


def related(to, kind="HYPERNYM", tag="SR"):
    return f"<{tag}>{to}<TYPE>{kind}</TYPE></{tag}>"


def file_of(folder, *synsets, name="synsets.xml"):
    file = folder / name
    file.write_text(f"<SYNSETS>\n{''.join(synsets)}\n</SYNSETS>", encoding="utf8")
    return file


@pytest.fixture
def pair_of(tmp_path, monkeypatch):
    """Load a pair out of files that are made for it."""

    def load(turkish, english, **options):
        for name, synsets in zip(_wordnets._FILES, (turkish, english), strict=True):
            file_of(tmp_path, *synsets, name=name)
        monkeypatch.setattr(_wordnets, "wordnet_file", lambda name: tmp_path / name)
        return load_wordnets(**options)

    return load


def triples_of(kg):
    return {
        (kg.entity_ids[h], kg.relation_names[r], kg.entity_ids[t])
        for h, r, t in kg.relation_triples.tolist()
    }


# -- The real pair ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bunch():
    pytest.importorskip("WordNet", reason="nlptoolkit-wordnet is not installed (extra: wordnets)")
    return load_wordnets("all", return_bunch=True)


def test_statistics(bunch):
    # The table of the docstring; other versions of the package give other figures.
    figures = {
        "entities": (78_327, 117_791),
        "relations": (10, 17),
        "relation_triples": (147_463, 233_632),
        "names": (110_259, 207_272),
    }
    for what, (left, right) in figures.items():
        assert bunch.statistics["kg1"][what] == left
        assert bunch.statistics["kg2"][what] == right
        assert f"{left:,}" in bunch.DESCR and f"{right:,}" in bunch.DESCR
    assert (len(bunch.kg1.texts.values), len(bunch.kg2.texts.values)) == (78_155, 117_791)
    for licence in ("GPL-3.0", "WordNet licence"):
        assert licence in bunch.DESCR


def test_links_of_many_and_of_one(bunch):
    assert len(bunch.links) == len(set(map(tuple, bunch.links))) == 23_308
    uses = [Counter(bunch.links[:, side]) for side in range(2)]
    assert [len(used) for used in uses] == [19_154, 19_181]
    once = [pair for pair in bunch.links if uses[0][pair[0]] == uses[1][pair[1]] == 1]
    assert len(once) == 11_398
    assert len(SeedPairs(bunch.kg1, bunch.kg2, np.array(once, object))) == 11_398


def test_inter_lingual_ids_are_in_neither_graph(bunch):
    for kg in (bunch.kg1, bunch.kg2):
        said = [kg.entity_ids, kg.names.values, kg.texts.values, kg.attribute_values]
        for text in [*kg.relation_names, *kg.attribute_names, *np.concatenate(said)]:
            assert not INTERLINGUAL.search(text)


def test_orders_are_independent(bunch):
    left = bunch.kg1.entity_index(bunch.links[:, 0])
    right = bunch.kg2.entity_index(bunch.links[:, 1])
    place = np.arange(len(left))
    for a, b in ((left, right), (left, place), (right, place)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.03


def test_water_is_what_it_is(bunch):
    assert ("kenet:su.noun.1", "wordnet:water.noun.2") in set(map(tuple, bunch.links))
    (water,) = bunch.kg1.entity_index(["kenet:su.noun.1"])
    rows = bunch.kg1.names.entities == water
    assert bunch.kg1.names.values[rows][0] == "su"
    assert set(bunch.kg1.names.languages[rows]) == {"tr"}


def test_package_without_the_file():
    pytest.importorskip("WordNet", reason="nlptoolkit-wordnet is not installed (extra: wordnets)")
    with pytest.raises(FileNotFoundError, match="Expected klingon.xml in the package"):
        wordnet_file("klingon.xml")


# -- What is made for the test ---------------------------------------------------------------------


def test_what_is_kept_of_a_file(tmp_path):
    link = related("E-1-n", "SYNONYM", "ILR")
    said = f"{related('B')}<DEF>a &amp; b</DEF>{link}<EXAMPLE>e</EXAMPLE>"
    synsets = Synsets(file_of(tmp_path, synset("A", ("one", "two"), said), synset("B", part="v")))
    assert synsets.parts == {"A": "noun", "B": "verb"}
    assert synsets.words == [("A", "one"), ("A", "two"), ("B", "word")]
    assert synsets.definitions == [("A", "a & b")]
    assert synsets.triples == [("A", "hypernym", "B")]
    assert synsets.links == [("A", "E-1-n")]


def test_relations_of_single_words_are_those_of_the_synset(tmp_path):
    word = "able<SENSE>1</SENSE><SR>B<TYPE>ANTONYM</TYPE><TO>1</TO></SR>"
    synsets = Synsets(file_of(tmp_path, synset("A", (word,)), synset("B")))
    assert synsets.triples == [("A", "antonym", "B")]
    assert synsets.words[0] == ("A", "able")


def test_ids_are_readable_and_of_one_synset_each(tmp_path):
    file = file_of(tmp_path, synset("A"), synset("B", part="v"), synset("C"), synset("D", ()))
    assert readable_ids(Synsets(file), "x") == {
        "A": "x:word.noun.1",
        "B": "x:word.verb.1",
        "C": "x:word.noun.2",
        "D": "x:.noun.1",
    }


def test_a_relation_and_its_inverse_are_one_triple(pair_of):
    pair = [synset("A", ("cat",), related("B")), synset("B", ("animal",), related("A", "HYPONYM"))]
    kg1, _, _ = pair_of([*pair, synset("C", said=related("E", "SYNONYM", "ILR"))], [synset("E")])
    assert triples_of(kg1) == {("kenet:cat.noun.1", "hypernym", "kenet:animal.noun.1")}


def test_loops_are_left_out(pair_of):
    link = related("E", "SYNONYM", "ILR")
    kg1, _, links = pair_of([synset("A", said=related("A") + link)], [synset("E")])
    assert not len(kg1.relation_triples)
    assert links.tolist() == [["kenet:word.noun.1", "wordnet:word.noun.1"]]


def test_satellites_are_found_by_the_letter_of_heads(pair_of):
    link = related("E-1-s", "SYNONYM", "ILR")
    english = [synset("E-1-s", ("tiny",), part="a"), synset("E-2-a", ("small",), related("E-1-a"))]
    _, kg2, _ = pair_of([synset("A", said=link)], english)
    assert triples_of(kg2) == {("wordnet:small.noun.1", "hypernym", "wordnet:tiny.adjective.1")}


def test_links_that_share_a_synset(pair_of):
    def link(*targets):
        return "".join(related(to, "SYNONYM", "ILR") for to in targets)

    turkish = [synset("A", ("a",), link("E", "F")), synset("B", ("b",), link("F"))]
    turkish += [synset("C", ("c",), link("G"))]
    english = [synset(i, (i.lower(),)) for i in "EFG"]
    every = {("a", "e"), ("a", "f"), ("b", "f"), ("c", "g")}
    for kind, wanted in (("all", every), ("one_to_one", {("c", "g")})):
        _, _, links = pair_of(turkish, english, links=kind)
        assert {tuple(i.split(":")[1].split(".")[0] for i in pair) for pair in links} == wanted


def test_order_of_the_file_does_not_matter(pair_of):
    turkish = [synset(i, (i,), related(to)) for i, to in zip("ABCD", "BCDA", strict=True)]
    turkish.append(synset("L", ("l",), related("E", "SYNONYM", "ILR")))
    first, again = (pair_of(rows, [synset("E")]) for rows in (turkish, turkish[::-1]))
    assert triples_of(first[0]) == triples_of(again[0])
    assert first[2].tolist() == again[2].tolist()


def test_what_leads_nowhere_is_counted(pair_of):
    link = related("E", "SYNONYM", "ILR")
    with pytest.warns(UserWarning, match="1 relations of kenet lead to synsets.*'nowhere'"):
        pair_of([synset("A", said=related("nowhere") + link)], [synset("E")])
    with pytest.warns(UserWarning, match="1 links of kenet lead to synsets.*'F'"):
        pair_of([synset("A", said=link + related("F", "SYNONYM", "ILR"))], [synset("E")])


def test_no_link_at_all(pair_of):
    with pytest.warns(UserWarning, match="Expected synsets of KeNet with links.*found none"):
        _, _, links = pair_of([synset("A")], [synset("E")])
    assert links.shape == (0, 2)


@pytest.mark.parametrize("links", ["some", None, ["all"]])
def test_unknown_kind_of_links(links):
    with pytest.raises(ValueError, match=r"Expected links to be .*'one_to_one'.*'all'"):
        load_wordnets(links)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "WordNet", None)
    with pytest.raises(ImportError, match=r"pair of wordnets needs the package.*\[wordnets\]"):
        load_wordnets()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<SYNSETS><SYNSET>", "line 1: expected whole XML; found: no element found"),
        ("", "expected whole XML; found: no element found"),
        ("<SYNSETS>" + synset("A") * 2 + "</SYNSETS>", "an ID of its own for each.*'A' again"),
        ("<SYNSETS>" + synset("") + "</SYNSETS>", "an ID of its own for each synset; found: none"),
        ("<SYNSETS>" + synset("A", part="x") + "</SYNSETS>", "a part of speech among.*found: 'x'"),
        ("<A><SYNSET><DEF>x</DEF></SYNSET></A>", "begin with its ID; found: DEF before it"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no entities declared; found: 'b'"),
    ],
)
def test_damaged_files(content, message, tmp_path):
    file = tmp_path / "synsets.xml"
    file.write_text(content)
    with pytest.raises(ValueError, match=f"synsets.xml.*{message}"):
        Synsets(file)


def test_a_file_that_is_no_text(tmp_path):
    file = tmp_path / "synsets.xml"
    file.write_bytes(b"\xff\xfe\x00\x80" * 9)
    with pytest.raises(ValueError, match="expected whole XML"):
        Synsets(file)
