"""``ibmea align``: what it writes is what the API gives."""

import re
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import BaseAligner, IBMEAAligner, KnowledgeGraph, PropagationAligner
from ibmea_sklearn.aligners import _memory
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.cli._alignment import write_matches
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import read_alignment, read_graph, write_graph, write_pair
from ibmea_sklearn.training.callbacks import LastGoodWeights

EPOCHS = ("--epochs", 2, "--quiet")
# Two that are there as they are; test_cli_evaluate.py has a fit by all modalities.
MODALITIES = ["graph", "image"]
PLAIN = {"modalities": MODALITIES, "random_state": 0, "verbose": 0}


@pytest.fixture(scope="module")
def inputs(pair_folder, toy_pair, tmp_path_factory):
    """Paths of both graphs and of 40 seeds, as a file of two columns; what makes a fit quick."""
    seeds = tmp_path_factory.mktemp("seeds") / "seeds.tsv"
    seeds.write_text("".join(f"{a}\t{b}\n" for a, b in toy_pair.links[:40]))
    quick = "--modalities", ",".join(MODALITIES)
    return pair_folder / "kg1", pair_folder / "kg2", "--seeds", seeds, *quick


@pytest.fixture(scope="module")
def expected(inputs, toy_pair):
    """The same alignment by the API, for each method."""
    kg1, kg2 = read_graph(inputs[0]), read_graph(inputs[1])
    aligner = IBMEAAligner.from_preset(training__max_epochs=2, **PLAIN)
    aligner.fit(kg1, kg2, toy_pair.links[:40])
    return {method: aligner.align(method=method) for method in ("mutual", "assignment")}


@pytest.fixture(scope="module")
def propagated(inputs, toy_pair):
    """An aligner that trains nothing, fitted by the API; tests ask it, and set nothing."""
    kg1, kg2 = read_graph(inputs[0]), read_graph(inputs[1])
    return PropagationAligner(**PLAIN).fit(kg1, kg2, toy_pair.links[:40])


def assert_written(path, expected):
    # A CSV file doesn't tell the number .5 from the string.
    written = read_alignment(path)[list(expected)].astype({"score": float})
    pd.testing.assert_frame_equal(
        written, expected, check_dtype=False, check_exact=False, rtol=1e-5
    )


def test_the_file_has_what_the_api_gives(ibmea, inputs, expected, tmp_path):
    path = tmp_path / "alignment.tsv"
    result = ibmea("align", *inputs, "--output", path, *EPOCHS)
    assert (result.exit_code, result.output) == (0, "")
    assert_written(path, expected["mutual"])


@pytest.mark.parametrize("suffix", [".sssom.tsv", ".csv", ".parquet"])
def test_other_formats_have_the_same(propagated, tmp_path, suffix):
    path = tmp_path / f"alignment{suffix}"
    write_matches(propagated.align(), path, propagated.kg1_, propagated.kg2_)
    assert_written(path, propagated.align())


def test_same_as_triples_have_the_pairs(ibmea, inputs, expected, tmp_path):
    path = tmp_path / "alignment.nt"
    assert ibmea("align", *inputs, "-o", path, "--min-confidence", 0, *EPOCHS).exit_code == 0
    columns = ["source", "target"]
    written, given = read_alignment(path)[columns], expected["mutual"][columns]
    assert written.to_numpy().tolist() == given.to_numpy().tolist()


@pytest.mark.filterwarnings("default:.* matches have a confidence below:UserWarning")
def test_what_owl_same_as_can_t_tell_is_left_out_and_said(ibmea, inputs, expected, tmp_path):
    path = tmp_path / "alignment.nt"
    result = ibmea("align", *inputs, "-o", path, *EPOCHS)
    sure = expected["mutual"][expected["mutual"]["confidence"] >= 0.9]
    assert read_alignment(path)["source"].tolist() == sure["source"].tolist()
    n, every = len(expected["mutual"]) - len(sure), len(expected["mutual"])
    said = " ".join(result.output.split())
    assert f"{n} of {every} matches have a confidence below 0.9 and are not written" in said
    assert "--min-confidence 0" in said


@pytest.mark.filterwarnings("default:Confidences are not calibrated:UserWarning")
@pytest.mark.parametrize(
    ("options", "given"),
    [
        (("--min-confidence", 0.3), {"min_confidence": 0.3}),
        (("--min-confidence", "auto"), {"min_confidence": "auto"}),
        (("--precision", 0.8), {"precision": 0.8}),
        (("--include-seeds",), {"include_seeds": True}),
        (("--cardinality", "many"), {"cardinality": "many"}),
    ],
)
def test_which_matches_are_wanted(ibmea, inputs, propagated, tmp_path, options, given):
    expected, path = propagated.align(**given), tmp_path / "a.csv"
    result = ibmea("align", *inputs, "-o", path, "--aligner", "propagation", *options)
    assert result.exit_code == 0, result.output
    assert read_alignment(path)["source"].tolist() == expected["source"].tolist()
    if n_cut := expected.attrs["n_cut"]:
        assert f"{n_cut} of" in result.output and "less sure than was asked for" in result.output
    assert ("--include-seeds adds them" in result.output) != ("include_seeds" in given)


def test_it_says_who_has_a_partner_or_that_nothing_is_known(ibmea, inputs, toy_pair, tmp_path):
    args = "-o", tmp_path / "a.csv", "--aligner", "propagation"
    few = " ".join(ibmea("align", *inputs, *args).output.split())
    assert "Confidences are not calibrated, and who has no partner is not known" in few
    more = ibmea("align", *inputs, *args, "--set", "rounds__validation_fraction=0.4")
    assert re.search(r"Of the other entities of KG2 about \d+% have a partner", more.output)


def test_it_says_how_good_the_matches_are_expected_to_be(ibmea, inputs, toy_pair, tmp_path):
    kg1, kg2 = read_graph(inputs[0]), read_graph(inputs[1])
    learn = {"rounds__validation_fraction": 0.4}
    aligner = PropagationAligner(**PLAIN).set_params(**learn)
    quality = aligner.fit(kg1, kg2, toy_pair.links[:40]).quality()
    args = "--aligner", "propagation", "--set", "rounds__validation_fraction=0.4"
    shown = ibmea("align", *inputs, "-o", tmp_path / "a.csv", *args)
    said = " ".join(shown.output.split())
    right = f"{quality.n_right:,.0f}"
    assert f"{quality.n_matches} matches, about {right} of them right. For sure ones ask" in said
    assert (f"{quality.n_contested} are contested" in said) == (quality.n_contested > 0)
    # Data alone go to standard output, and nothing is said where nothing is asked for.
    passed = ibmea("align", *inputs, "-o", "-", *args)
    assert "about" in passed.stderr and "of them right" not in passed.stdout
    quiet = ibmea("align", *inputs, "-o", tmp_path / "b.csv", *args, "--set", "verbose=0")
    assert "of them right" not in quiet.output


def test_a_bound_on_memory_is_kept_and_said(ibmea, inputs, tmp_path, monkeypatch):
    for name in ("in_use", "_steps_bytes"):  # else it hangs on what this process had before
        monkeypatch.setattr(_memory, name, lambda *of_fit: 0.0)
    limit, path = ("--memory-limit", "303MB"), tmp_path / "a.csv"
    result = ibmea("align", *inputs, "-o", path, "--epochs", 1, *limit)
    assert result.exit_code == 0, result.output
    assert result.output.count("memory_limit='303MB'") == 1 and "float16" in result.output
    assert len(read_alignment(path))


@pytest.mark.parametrize("wrong", ["8", "much", "1MB"])
def test_a_bound_that_is_none_or_too_low_is_told(ibmea, inputs, tmp_path, wrong):
    result = ibmea("align", *inputs, "-o", tmp_path / "a.csv", "--memory-limit", wrong)
    assert result.exit_code != 0
    assert re.search("Expected (a )?memory_limit (to be a size|of at least)", result.output)


def test_alignment_without_training(ibmea, inputs, propagated, tmp_path):
    path = tmp_path / "a.csv"
    result = ibmea("align", *inputs, "-o", path, "--aligner", "propagation", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    written = read_alignment(path)
    assert written["source"].tolist() == propagated.align()["source"].tolist()
    assert written["target"].tolist() == propagated.align()["target"].tolist()


def test_assignment(ibmea, inputs, expected, tmp_path):
    path = tmp_path / "a.csv"
    ibmea("align", *inputs, "-o", path, "--method", "assignment", *EPOCHS)
    written = read_alignment(path)
    assert written["source"].tolist() == expected["assignment"]["source"].tolist()
    assert written["source"].is_unique and written["target"].is_unique
    assert len(written) >= len(expected["mutual"])


def test_an_interrupt_leaves_the_alignment_that_was_found(ibmea, inputs, tmp_path, monkeypatch):
    after_an_epoch = LastGoodWeights.on_epoch_end

    def interrupted(self, net, **kwargs):
        after_an_epoch(self, net, **kwargs)
        if len(net.history) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LastGoodWeights, "on_epoch_end", interrupted)
    path = tmp_path / "alignment.csv"
    result = ibmea("align", *inputs, "-o", path, "--epochs", 50, "--quiet")
    assert result.exit_code == 130
    assert str(path) in result.stderr.replace("\n", "")
    assert len(read_alignment(path))


def test_the_aligner_is_saved(ibmea, inputs, expected, tmp_path):
    args = ("-o", tmp_path / "a.csv", "--save", tmp_path / "b" / "aligner")
    result = ibmea("align", *inputs, *args, "--epochs", 2)
    assert f"Wrote the aligner to {tmp_path / 'b' / 'aligner'}" in result.output.replace("\n", "")
    aligner = BaseAligner.load(tmp_path / "b" / "aligner")
    assert isinstance(aligner, IBMEAAligner)
    pd.testing.assert_frame_equal(aligner.align(), expected["mutual"], check_exact=False)


def test_a_file_to_save_to_is_checked_first(ibmea, inputs, tmp_path):
    result = ibmea("align", *inputs, "-o", tmp_path / "a.csv", "--save", tmp_path, *EPOCHS)
    assert result.exit_code == 2 and "found the folder" in result.stderr
    assert not (tmp_path / "a.csv").exists()


def test_the_same_command_goes_on_where_it_stopped(ibmea, inputs, tmp_path, monkeypatch):
    after_an_epoch = LastGoodWeights.on_epoch_end

    def interrupted(self, net, **kwargs):
        after_an_epoch(self, net, **kwargs)
        if len(net.history) == 3:
            signal.raise_signal(signal.SIGTERM)

    folder, paths = tmp_path / "state", [tmp_path / "a.csv", tmp_path / "b.csv"]
    command = ("align", *inputs, "--epochs", 2, "--checkpoint-dir", folder)
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(LastGoodWeights, "on_epoch_end", interrupted)
            assert ibmea(*command, "-o", paths[0]).exit_code == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert paths[0].exists() and list(folder.iterdir())
    result = ibmea(*command, "-o", paths[0])
    assert "Going on after epoch 2 of 4" in result.output
    assert list(folder.iterdir()) == []
    ibmea("align", *inputs, "-o", paths[1], *EPOCHS)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_searches_without_training_go_on_too(ibmea, inputs, tmp_path, monkeypatch):
    find, folder, paths = PairSearch.find, tmp_path / "state", [tmp_path / "a", tmp_path / "b"]

    def interrupted(self, *args):
        if self.log:
            raise KeyboardInterrupt
        find(self, *args)

    command = ("align", *inputs, "--aligner", "propagation")
    kept = ("--checkpoint-dir", folder, "-o", f"{paths[0]}.csv")
    with monkeypatch.context() as patch:
        patch.setattr(PairSearch, "find", interrupted)
        assert ibmea(*command, *kept).exit_code == 130
    assert (folder / "checkpoint.safetensors").exists()
    assert "Going on after search 1." in ibmea(*command, *kept).output
    assert not list(folder.iterdir())
    ibmea(*command, "-o", f"{paths[1]}.csv")
    assert Path(f"{paths[0]}.csv").read_bytes() == Path(f"{paths[1]}.csv").read_bytes()


def test_an_aligner_that_keeps_no_checkpoints(ibmea, inputs, tmp_path):
    args = ("-o", tmp_path / "a.csv", "--aligner", "paris", "--checkpoint-dir", tmp_path)
    result = ibmea("align", *inputs[:4], *args)
    assert (
        result.exit_code == 2
        and "found --checkpoint-dir, for 'training__checkpoint_dir'" in result.stderr
    )


def test_it_says_what_it_does(ibmea, inputs, tmp_path):
    path = tmp_path / "alignment.tsv"
    result = ibmea("align", *inputs, "-o", path, "--epochs", 2)
    n_pairs = len(read_alignment(path))
    assert "Learning from 40 seeds: " in result.output
    assert f"Wrote {n_pairs} pairs to {path}" in result.output
    assert "KnowledgeGraph 'kg1': 90 entities" in result.output


def test_a_folder_of_both_graphs_brings_its_links(ibmea, toy_pair, tmp_path):
    write_pair(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40], tmp_path / "pair")
    result = ibmea("align", tmp_path / "pair", "-o", tmp_path / "a.csv", "--epochs", 2)
    assert "Learning from 40 seeds" in result.output
    sources = set(read_alignment(tmp_path / "a.csv")["source"])
    assert sources and sources.isdisjoint(toy_pair.links[:40, 0])


@pytest.fixture
def fits(monkeypatch, toy_pair):
    """What is handed to an aligner, which learns from other pairs instead."""
    fit, given = PropagationAligner.fit, []

    def noted(self, X):
        given.append(X)
        return fit(self, X.kg1, X.kg2, toy_pair.links[:40])

    monkeypatch.setattr(PropagationAligner, "fit", noted)
    return given


@pytest.mark.parametrize("together", [False, True])
def test_without_seeds_the_aligner_gets_none(ibmea, inputs, toy_pair, tmp_path, fits, together):
    write_pair(toy_pair.kg1, toy_pair.kg2, [], tmp_path / "pair")
    graphs = [tmp_path / "pair"] if together else inputs[:2]
    result = ibmea("align", *graphs, "-o", tmp_path / "a.tsv", "--aligner", "propagation")
    assert result.exit_code == 0, result.output
    (X,) = fits
    assert X.shape == (0, 2)
    assert "No seeds: finding pairs by what the graphs say" in result.output
    assert "Seeds are not among them" not in result.output
    assert len(read_alignment(tmp_path / "a.tsv"))


@pytest.mark.filterwarnings("default:--names id compares")
@pytest.mark.parametrize(("option", "n"), [(None, 1), ("id", 90), ("none", 0)])
def test_names_are_those_of_the_graphs_of_the_ids_or_none(
    ibmea, inputs, toy_pair, tmp_path, fits, option, n
):
    graphs = []
    for number, kg in enumerate((toy_pair.kg1, toy_pair.kg2)):
        graphs.append(tmp_path / str(number))
        write_graph(kg.with_names({kg.entity_ids[0]: ("first", "en")}), graphs[-1])
    args = [] if option is None else ["--names", option]
    args += ["--aligner", "propagation", "-o", tmp_path / "a.tsv", *inputs[2:]]
    said = "in place of the names in the graphs: 1 in KG1, 1 in KG2. Leave --names out"
    result = ibmea("align", *graphs, *args)
    assert result.exit_code == 0, result.output
    assert (said in " ".join(result.output.split())) is (option == "id")
    (X,) = fits
    kg1, kg2, seeds = X.kg1, X.kg2, X.pairs
    assert len(seeds) == 40 and "No seeds" not in result.output
    for kg in (kg1, kg2):
        assert len(kg.names.values) == n
        if option == "id":
            assert kg.names.values.tolist() == kg.with_names("id").names.values.tolist()


def test_seeds_go_before_the_links_of_the_folder(ibmea, pair_folder, inputs, tmp_path):
    result = ibmea("align", pair_folder, *inputs[2:], "-o", tmp_path / "a.csv", "--epochs", 1)
    assert "Learning from 40 seeds" in result.output


def test_digits_in_a_seeds_file_are_ids_of_a_graph_of_strings(ibmea, tmp_path):
    triples = [(str(i), "next", str((i + 1) % 20)) for i in range(20)]
    write_graph(KnowledgeGraph(triples), tmp_path / "1")
    (tmp_path / "seeds.csv").write_text("".join(f"{i},{i}\n" for i in range(10)))
    graphs = (tmp_path / "1", tmp_path / "1")
    args = ("--seeds", tmp_path / "seeds.csv", "-o", tmp_path / "a.csv", *EPOCHS)
    result = ibmea("align", *graphs, *args)
    assert result.exit_code == 0, result.output
    assert set(read_alignment(tmp_path / "a.csv")["source"]) <= {str(i) for i in range(10, 20)}


@pytest.mark.parametrize("quote", ["", '"'])
def test_digits_in_a_seeds_file_are_ids_of_a_graph_of_integers(ibmea, tmp_path, quote):
    kg = KnowledgeGraph([(i, "next", (i + 1) % 20) for i in range(20)])
    write_pair(kg, kg, [], tmp_path)
    seeds = "".join(f"{quote}{i}{quote},{quote}{i}{quote}\n" for i in range(10))
    (tmp_path / "seeds.csv").write_text(seeds)
    args = ("--seeds", tmp_path / "seeds.csv", "-o", tmp_path / "a.csv", *EPOCHS)
    for graphs in ((tmp_path / "kg1", tmp_path / "kg2"), (tmp_path,)):
        result = ibmea("align", *graphs, *args)
        assert result.exit_code == 0, result.output
        assert set(read_alignment(tmp_path / "a.csv")["source"]) <= set(range(10, 20))


def test_rdf_with_images_of_a_folder(ibmea, tmp_path):
    pytest.importorskip("pyoxigraph")
    image = pytest.importorskip("PIL.Image")
    for side in ("left", "right"):
        folder = tmp_path / side
        folder.mkdir()
        lines = []
        for i in range(12):
            colour = tuple(int(c) for c in np.random.default_rng(i).integers(0, 256, 3))
            image.new("RGB", (16, 16), colour).save(folder / f"{i}.png")
            me, other = (f"<http://{side}.org/{j}>" for j in (i, (i * 5 + 1) % 12))
            lines.append(f"{me} <http://x.org/knows> {other} .")
            lines.append(f"{me} <http://xmlns.com/foaf/0.1/depiction> <{i}.png> .")
        (folder / "graph.ttl").write_text("\n".join(lines))
    seeds = "".join(f"http://left.org/{i},http://right.org/{i}\n" for i in range(6))
    (tmp_path / "seeds.csv").write_text(seeds)
    graphs = [tmp_path / side / "graph.ttl" for side in ("left", "right")]
    args = ("--seeds", tmp_path / "seeds.csv", "--modalities", "image", "--min-confidence", 0)
    result = ibmea("align", *graphs, *args, "-o", tmp_path / "a.nt", "--epochs", 1)
    assert result.exit_code == 0, result.output
    assert "image 100%" in result.output
    found = read_alignment(tmp_path / "a.nt")
    same = found["source"].str.rpartition("/")[2] == found["target"].str.rpartition("/")[2]
    assert len(found) and same.all()


def test_names_of_entities_stand_in_sssom(ibmea, tmp_path):
    kg1, kg2, links = make_mmkg_pair(40, random_state=0)
    texts = {entity: [f"name of {entity}", "second"] for entity in kg1.entity_ids.tolist()}
    triples = kg1.relation_triples
    rows = zip(
        kg1.entity_ids[triples[:, 0]],
        kg1.relation_names[triples[:, 1]],
        kg1.entity_ids[triples[:, 2]],
        strict=True,
    )
    write_pair(KnowledgeGraph(list(rows), texts=texts), kg2, links[:20], tmp_path / "pair")
    ibmea("align", tmp_path / "pair", "-o", tmp_path / "a.tsv", *EPOCHS)
    table = read_alignment(tmp_path / "a.tsv")
    assert len(table)
    assert table["subject_label"].tolist() == [f"name of {e}" for e in table["source"]]
    assert "object_label" not in table
    assert table.attrs["mapping_tool"] == "ibmea_sklearn"


def test_names_go_before_texts_in_sssom(tmp_path):
    kg1 = KnowledgeGraph(
        [("a", "r", "b"), ("c", "r", "b")],
        names={"a": [("Anna", "it"), ("Ann", "en")]},
        texts={"a": "a person", "c": "another"},
    )
    kg2 = KnowledgeGraph([(1, "r", 2)], names=[(1, "Anne", "eu")])
    found = pd.DataFrame({"source": ["c", "a"], "target": [1, 2], "score": 1.0, "confidence": 1.0})
    write_matches(found, tmp_path / "a.tsv", kg1, kg2)
    table = read_alignment(tmp_path / "a.tsv").fillna("")
    assert table["subject_label"].tolist() == ["another", "Ann"]
    assert table["object_label"].tolist() == ["Anne", ""]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": "no.tsv"}, "no.tsv"),
        ({"kg1": "no-graph"}, "Expected a graph in no-graph; found no such file or folder"),
        (
            {"min-confidence": "most"},
            "--min-confidence auto, or a number from 0 to 1; found 'most'",
        ),
        ({"min-confidence": 1.5}, "--min-confidence auto, or a number from 0 to 1; found '1.5'"),
        ({"precision": 0}, "Expected --precision above 0, at most 1; found 0"),
        ({"output": "a.txt"}, "Expected a file for the alignment that ends in .tsv, .nt"),
        ({"method": "best"}, "Expected --method mutual or assignment; found 'best'."),
        ({"cardinality": "all"}, "Expected --cardinality one or many; found 'all'."),
        (
            {"cardinality": "many", "method": "assignment"},
            "Expected --method mutual with --cardinality many; found assignment",
        ),
        ({"names": "ids"}, "Expected --names id or none; found 'ids'. Did you mean 'id'?"),
        ({"modalities": "smell"}, "smell"),
    ],
)
def test_bad_input_is_told_in_a_line(ibmea, inputs, tmp_path, change, message):
    given = {"kg1": inputs[0], "seeds": inputs[3], "output": tmp_path / "a.tsv", **change}
    kg1 = given.pop("kg1")
    options = [part for k, v in given.items() if v is not None for part in (f"--{k}", v)]
    result = ibmea("align", kg1, inputs[1], *options)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_entity_in_the_seeds(ibmea, inputs, tmp_path):
    (tmp_path / "seeds.tsv").write_text("a1\tb1\na999\tb2\n")
    args = ("--seeds", tmp_path / "seeds.tsv", "-o", tmp_path / "a.tsv")
    result = ibmea("align", *inputs[:2], *args)
    assert result.exit_code == 2
    assert "found 1 unknown: 'a999'" in result.stderr


# Without seeds


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """Two RDF files of places, whose IRIs end with their names."""
    folder, places = (
        tmp_path_factory.mktemp("named"),
        ["Basel", "Bern", "Chur", "Genf", "Zug", "Thun"],
    )
    for side in ("left", "right"):
        space = f"http://{side}.org/"
        lines = [
            f"<{space}{a}> <{space}near> <{space}{b}> ."
            for a, b in zip(places, [*places[2:], *places[:2]], strict=True)
        ]
        (folder / f"{side}.nt").write_text("\n".join(lines))
    return folder


@pytest.mark.filterwarnings("always:Confidences are not calibrated")
def test_names_in_the_ids_are_enough(ibmea, named, tmp_path):
    graphs = named / "left.nt", named / "right.nt"
    output = tmp_path / "found.tsv"
    how = ("--aligner", "propagation", "--names", "id", "-o", output)
    result = ibmea("align", *graphs, *how)
    assert result.exit_code == 0, result.output
    assert "not calibrated: there are no seeds to tell how often" in result.output
    assert "No seeds: finding pairs by what the graphs say" in result.output
    found = read_alignment(output)
    assert len(found) == 6
    ends = [found[side].str.rpartition("/")[2].tolist() for side in ("source", "target")]
    assert ends[0] == ends[1]
    text = output.read_text()
    assert "Confidences are not calibrated" in text
    assert "#comment: 'Found without seeds, by graph, name. Conf" in text


def test_a_file_says_how_many_seeds_there_were(ibmea, named, tmp_path):
    seeds, output = tmp_path / "seeds.csv", tmp_path / "found.tsv"
    seeds.write_text("left,right\nhttp://left.org/Bern,http://right.org/Bern\n")
    # Names alone: of the two parts of these graphs one has no seed, which would be told.
    how = ("--aligner", "propagation", "--names", "id", "--modalities", "name")
    graphs = named / "left.nt", named / "right.nt"
    result = ibmea("align", *graphs, *how, "--seeds", seeds, "-o", output)
    assert "Learning from 1 seed:" in result.output
    assert "Found from 1 seed, by name." in output.read_text()


def test_without_names_there_is_nothing_to_go_by(ibmea, named, tmp_path):
    graphs = named / "left.nt", named / "right.nt"
    for how in ((), ("--names", "none")):
        result = ibmea("align", *graphs, *how, "-o", tmp_path / "found.tsv")
        assert result.exit_code == 2
        assert "Expected at least 2 seeds" in result.output
        assert "--seeds" in result.output and "--names id" in result.output


def test_predicates_of_ones_own_are_names(ibmea, named, pair_folder, tmp_path):
    graphs, called = (named / "left.nt", named / "right.nt"), "http://example.org/called"
    for graph in graphs:
        lines = graph.read_text().splitlines()
        subjects = {line.split()[0] for line in lines}
        lines += [f'{s} <{called}> "{s.strip("<>").rpartition("/")[2]}" .' for s in subjects]
        graph.write_text("\n".join(lines))
    how = ("--aligner", "propagation", "--modalities", "name", "-o", tmp_path / "found.tsv")
    result = ibmea("align", *graphs, *how, "--names", f"urn:other,{called}")
    assert result.exit_code == 0, result.output
    found = read_alignment(tmp_path / "found.tsv")
    assert len(found) == 6
    assert (
        found["source"].str.partition(".org/")[2].equals(found["target"].str.partition(".org/")[2])
    )
    # A folder of both graphs, and graphs that are no RDF, have no predicates.
    for given, message in (
        ([pair_folder], "Expected two graphs, KG1 and KG2, with --names http://example.org/called"),
        ([*pair_folder.glob("kg?")], "Expected RDF where predicates are names; found tables in"),
    ):
        result = ibmea("align", *given, *how, "--names", called)
        assert result.exit_code == 2 and message in " ".join(result.output.split())


def test_another_word_for_names(ibmea, named, tmp_path):
    result = ibmea("align", named / "left.nt", named / "right.nt", "--names", "ids", "-o", "x.tsv")
    assert result.exit_code == 2
    assert "Expected --names id or none; found 'ids'. Did you mean 'id'?" in result.output
