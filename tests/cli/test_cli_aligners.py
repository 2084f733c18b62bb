"""Aligners by name and from a module of the user's; their parameters from the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import normalize

import ibmea_sklearn
from ibmea_sklearn import IBMEAAligner, TMEAAligner
from ibmea_sklearn._utils.aligner_parameters import PARAMETERS, setting_of, settings_of
from ibmea_sklearn.cli._aligners import make_aligner
from ibmea_sklearn.io import read_alignment, read_pair

# What stands in a user's folder. Few parameters: neither rounds, nor a seed, nor how much is said.
MODULE = '''
import numpy as np
from sklearn.base import BaseEstimator

import beside
from ibmea_sklearn import BaseAligner, Matching
from ibmea_sklearn.graph import Sides


class Width(BaseEstimator):
    def __init__(self, columns=32):
        self.columns = columns


class ImagesAsTheyAre(BaseAligner):
    """Compare entities by the first columns of their images."""

    defaults = {"matching": {"method": "cosine"}}

    def __init__(self, matching=None, score_candidates="pairs", width=None, fault=None):
        self.matching, self.score_candidates = matching, score_candidates
        self.width = Width() if width is None else width
        self.fault = fault

    def fit_embeddings(self, X):
        if self.fault == "said":
            raise ValueError("Expected [better]; found worse.")
        if self.fault == "bug":
            np.zeros(3).reshape(2)
        n = self.width.columns
        vectors = [kg.features["image"].values[:, :n].astype(np.float32) for kg in (X.kg1, X.kg2)]
        return {"image": Sides(*vectors), "fused": Sides(*vectors)}


class SharesItsWidth(ImagesAsTheyAre):
    presets = {"best": {"width": Width()}}


class NeedsMore(ImagesAsTheyAre):
    def __init__(self, left, right, matching="cosine"):
        pass


class Unfinished(BaseAligner):
    pass


a_number = 5
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with modules, where the command runs; imports of it are forgotten afterwards."""
    (tmp_path / "beside.py").write_text("")
    (tmp_path / "mine.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import numpy\n\nimport no_such_package\n")
    (tmp_path / "wrong.py").write_text("x = [1\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "other.py").write_text(MODULE.replace("ImagesAsTheyAre", "ImagesThere"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and name.split(".")[0] in (
            "beside", "mine", "broken", "wrong", "sub",
        ):  # fmt: skip
            del sys.modules[name]


# Names, and names inside


@pytest.mark.parametrize(
    ("kind", "preset", "iterative", "rounds", "expected"),
    [
        ("ibmea", "best", True, None, 2),
        ("ibmea", "best", False, None, 1),
        ("ibmea", "best", None, None, 2),
        ("ibmea", "paper", True, None, 1),  # pairs join within it
        ("ibmea", "paper", False, None, 1),
        ("ibmea", "paper", False, 4, 4),
        ("ibmea", "best", True, 0, 0),  # the aligner says what is wrong with it
        ("tmea", "paper", True, None, 1),
        ("propagation", "paper", True, None, 3),
    ],
)
def test_iterative_means_several_rounds_with_any_preset(kind, preset, iterative, rounds, expected):
    aligner = make_aligner(kind, preset, iterative=iterative, rounds=rounds)
    assert setting_of(aligner, "rounds") == expected
    joins_within = aligner.get_params().get("rounds__candidate_interval")
    is_published = (preset, iterative, rounds) == ("paper", True, None)
    assert joins_within == ({"ibmea": 5, "tmea": 70}.get(kind) if is_published else None)


@pytest.mark.parametrize("word", PARAMETERS)
@pytest.mark.parametrize("kind", [IBMEAAligner, TMEAAligner])
def test_each_word_of_the_table_is_a_parameter(kind, word):
    assert PARAMETERS[word] in kind().get_params(deep=True)


def test_options_set_their_parameters_and_settings_go_before_them():
    aligner = make_aligner("ibmea", settings=['modalities=["graph"]', "fusion=attention"], epochs=7)
    assert setting_of(aligner, "epochs") == 7
    assert (aligner.modalities, aligner.fusion) == (["graph"], "attention")
    given = make_aligner("ibmea", settings=[f"{PARAMETERS['epochs']}=3"], epochs=7)
    assert setting_of(given, "epochs") == 3


@pytest.mark.parametrize(
    ("settings", "columns"), [(["width__columns=5"], 5), ([" width__columns =1"], 1), ([], 32)]
)
def test_a_setting_inside_of_another(here, settings, columns):
    aligner = make_aligner("mine:ImagesAsTheyAre", settings=settings)
    assert aligner.width.columns == columns
    shown = settings_of(aligner)
    assert shown["width__columns"] == columns and "width" not in shown


def test_what_one_aligner_is_set_to_is_not_set_in_the_next(here):
    make_aligner("mine:SharesItsWidth", settings=["width__columns=5"])
    assert make_aligner("mine:SharesItsWidth").width.columns == 32


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("1e-3", 1e-3), (".5", 0.5), ("true", True), ("False", False), ("null", None),
        ("None", None), ('["graph"]', ["graph"]), ('"3"', "3"), ("a/b c", "a/b c"), ("", ""),
    ],
)  # fmt: skip
def test_values_are_read_as_json_python_or_text(text, value):
    found = make_aligner("ibmea", settings=[f"fusion={text}"]).fusion
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("matchin=csls", "found 'matchin'. Did you mean 'matching'?"),
        ("width__colums=5", "found 'width__colums'. Did you mean 'width__columns'?"),
        ("fault__x=5", "Expected a parameter of ImagesAsTheyAre; found 'fault__x'. Did you mean"),
        ("zzzz=5", "Its parameters are: "),
        ("=5", "Expected --set NAME=VALUE; found '=5'. Write it as in --set matching__csls_k=5."),
    ],
)
def test_a_setting_that_is_not_there(here, setting, message):
    with pytest.raises(ValueError, match="^Expected") as raised:
        make_aligner("mine:ImagesAsTheyAre", settings=[setting])
    assert message in str(raised.value)


@pytest.mark.parametrize("command", ["align", "evaluate"])
@pytest.mark.parametrize(
    "setting",
    [
        "modalities=[[]]", "modalities=[null]", "training__checkpoint_dir=a\0b", "betas=[[]]",
        'betas={"image": []}', "training=[]", "rounds=3", "__=3", "training____x=3", "device=[[]]",
        "matching__method=[[]]", "random_state=[1, []]", "features__frozen=[[]]", "verbose=1e999",
        "graph__n_components=1000000000000", "temperature=nan", "fusion={}", "__class__=3",
    ],
)  # fmt: skip
def test_a_value_that_cannot_be(ibmea, pair_folder, tmp_path, command, setting):
    rest = {
        "align": (pair_folder, "-o", tmp_path / "x.tsv"),
        "evaluate": ("--dataset", pair_folder),
    }
    result = ibmea(command, *rest[command], "--quiet", "--set", setting)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith("Expected ") and result.stderr.count("\n") == 1


# From a module


def test_evaluate_takes_an_aligner_of_the_users(ibmea, pair_folder, here):
    args = ("--dataset", pair_folder, "--aligner", "mine:ImagesAsTheyAre", "--json", "x.json")
    result = ibmea("evaluate", *args, "--csls-k", 2, "--set", "width__columns=8")
    assert result.exit_code == 0, result.output
    assert "Fitting ImagesAsTheyAre on 24 seeds" in result.output
    report = json.loads((here / "x.json").read_text())
    protocol = report["protocol"]
    assert (protocol["aligner"], protocol["modalities"]) == ("mine:ImagesAsTheyAre", ["image"])
    assert (protocol["iterative"], protocol["matching"]) == ("no", "cosine (no CSLS)")
    # It does not say what it has used: nor does the protocol.
    for name in ("attributes", "entity_names", "images", "epoch", "held_out"):
        assert protocol[name] == "not told by the aligner"
    assert (
        report["parameters"]["matching__csls_k"] == 2
        and report["parameters"]["width__columns"] == 8
    )
    kg1, kg2, links = read_pair(pair_folder)
    test = train_test_split(links, train_size=0.3, random_state=0)[1]
    left, right = (
        normalize(kg.features["image"].values[kg.entity_index(ids)][:, :8])
        for kg, ids in zip((kg1, kg2), test.T, strict=True)
    )
    cosines = left @ right.T
    above = (cosines > np.diag(cosines)[:, None] - 1e-6).sum(axis=1) - 1  # ties are no hits
    found = report["scores"]["left_to_right"]["fused"]["hits@1"]
    assert found == pytest.approx((above == 0).mean()) and 0.2 < found < 1


def test_align_takes_an_aligner_of_a_package(ibmea, pair_folder, here):
    args = (pair_folder, "--aligner", "sub.other:ImagesThere", "-o", "a.csv", "--quiet")
    result = ibmea("align", *args)
    assert (result.exit_code, result.output) == (0, "")
    links = read_pair(pair_folder)[2]
    assert set(read_alignment(here / "a.csv")["source"]).isdisjoint(links[:, 0])


def test_an_aligner_of_the_environment(here):
    made = make_aligner("ibmea_sklearn.aligners:PropagationAligner", "paper", seed=3)
    assert (type(made).__name__, setting_of(made, "seed")) == ("PropagationAligner", 3)


@pytest.mark.slow
def test_the_command_itself_looks_in_the_current_folder(here, pair_folder):
    """The script that pip installs does not have it on its path, as ``python -m`` has."""
    code = "from ibmea_sklearn.cli import main; main()"
    args = ["align", str(pair_folder), "--aligner", "mine:ImagesAsTheyAre", "-o", "a.csv", "-q"]
    package = str(Path(ibmea_sklearn.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *args],
        capture_output=True, text=True, cwd=here, env={**os.environ, "PYTHONPATH": package},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (here / "a.csv").exists()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("mine.py:ImagesAsTheyAre", "found no module 'mine.py'"),
        ("no_such:Aligner", "the environment; found no module 'no_such'. Check the name, run"),
        ("sub.none:Aligner", "found no module 'sub.none'"),
        ("broken:Aligner", "broken.py:3: No module named 'no_such_package'. Correct the module."),
        ("wrong:Aligner", "found SyntaxError at"),
        ("mine:ImagesAsTheyWere", "no 'ImagesAsTheyWere' in mine. Did you mean 'ImagesAsTheyAre'?"),
        ("beside:Aligner", "found no 'Aligner' in beside. Check the name."),
        (
            "mine:Width",
            "of BaseAligner; found Width. Of its names, these are: BaseAligner",
        ),
        ("mine:a_number", "found an object of int."),
        ("mine:NeedsMore", "found that it needs left, right. Give each a default"),
        ("mine:Unfinished", "one that lacks fit_embeddings. Write what is lacking."),
        ("mine:", "or MODULE:CLASS; found 'mine:'."),
        ("./mine:Images", "Write a module as Python imports it, such as folder.file:MyAligner."),
        ("ibmae", "or MODULE:CLASS; found 'ibmae'. Did you mean 'ibmea'?"),
    ],
)
def test_an_aligner_that_cannot_be_had(ibmea, pair_folder, here, kind, message):
    result = ibmea("evaluate", "--dataset", pair_folder, "--aligner", kind)
    assert result.exit_code == 2, result.output
    assert message in result.stderr and result.stderr.startswith("Expected --aligner")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ("--epochs", 3),
            "found --epochs, for 'training__max_epochs', which it has not. Leave --epochs out",
        ),
        (("--rounds", 3), "found --rounds"),
        (("--seed", 1), "found --seed"),
        (("--iterative",), "for --iterative; found ImagesAsTheyAre, which has none. Leave"),
        (("--modalities", "image"), "found --modalities"),
        (("--preset", "paper"), "preset"),
    ],
)
def test_options_that_an_aligner_has_not(ibmea, pair_folder, here, more, message):
    args = ("--dataset", pair_folder, "--aligner", "mine:ImagesAsTheyAre")
    result = ibmea("evaluate", *args, *more)
    assert result.exit_code == 2 and message in result.stderr


def test_whose_fault_an_error_in_it_is(ibmea, pair_folder, here):
    args = ("--dataset", pair_folder, "--aligner", "mine:ImagesAsTheyAre", "--set")
    said = ibmea("evaluate", *args, "fault=said")
    assert (said.exit_code, said.stderr) == (2, "Expected [better]; found worse.\n")
    bug = ibmea("evaluate", *args, "fault=bug")
    assert bug.exit_code == 1 and bug.stderr.startswith("Traceback")
    assert f"Expected {here / 'mine.py'} to run; found the error above." in bug.stderr
    assert "bug of ibmea_sklearn" not in bug.stderr


def test_the_help_says_so(ibmea):
    text = " ".join(ibmea("evaluate", "--help").output.split())
    assert "MODULE:CLASS, a subclass of BaseAligner that Python can import" in text
    assert "OUTER__INNER=VALUE" in text
