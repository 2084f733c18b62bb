"""A bound on memory changes where vectors are, not what is found; and it is kept."""

import gc
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from ibmea_sklearn import LabelPropagation, Matching, PropagationAligner
from ibmea_sklearn._utils import columns
from ibmea_sklearn.aligners import _memory
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.datasets import make_mmkg_pair

SEEDS = 120
# Of 800 entities: 9 MB of arrays, 4 MB where candidates are listed, 1.3 MB of float16, beside what
# counts for any fit.
LIMITS = {
    "arrays": "1GB",
    "memory": int(_memory._FIXED) + 2_500_000,
    "files": int(_memory._FIXED) + 600_000,
}
LABELS = LabelPropagation(512, label_width=64)


pytestmark = pytest.mark.usefixtures("few_bytes")


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(400, name_noise=0.3, random_state=0)


def fitted(pair, form, search="exact", **options):
    kg1, kg2, links = pair
    made = PropagationAligner(
        modalities=["graph", "image"],
        propagation=LABELS,
        matching=Matching(search=search),
        memory_limit=LIMITS[form],
        random_state=0,
        verbose=0,
    )
    return made.set_params(**options).fit(kg1, kg2, links[:SEEDS])


@pytest.mark.parametrize("search", ["exact", "blocked"])
@pytest.mark.parametrize("form", ["memory", "files"])
def test_results_agree_to_the_precision_of_float16(pair, form, search):
    links = pair[2][SEEDS:]
    free, bound = fitted(pair, "arrays", search), fitted(pair, form, search)
    assert columns.is_stored(bound.embeddings_["fused"].left)
    assert bound.embeddings_["fused"].left.parts[0][0]._file is None or form == "files"
    for name, sides in free.embeddings_.items():
        for one, two in zip(sides, bound.embeddings_[name], strict=True):
            one, two = np.asarray(one), np.asarray(two)
            np.testing.assert_allclose(two @ two[:50].T, one @ one[:50].T, atol=2e-3)
    assert (free.rank(links) == bound.rank(links)).mean() > 0.97
    assert (free.predict(links[:, 0]) == bound.predict(links[:, 0])).mean() > 0.99
    one, two = (a.align().set_index("source") for a in (free, bound))
    both = one.join(two, rsuffix="_bound", how="inner")
    assert len(both) > 0.98 * len(one)
    assert (both["target"] == both["target_bound"]).mean() > 0.99


@pytest.mark.parametrize("method", ["cosine", "csls", "sinkhorn"])
def test_each_method_compares_all_pairs(pair, method):
    links = pair[2][SEEDS:]
    options = {"matching__method": method}
    free, bound = fitted(pair, "arrays", **options), fitted(pair, "memory", **options)
    assert abs(free.score(links) - bound.score(links)) < 0.01


def test_all_modalities_agree(pair):
    links = pair[2][SEEDS:]
    options = {"modalities": "all", "diffused": "all"}
    free, bound = fitted(pair, "arrays", **options), fitted(pair, "memory", **options)
    assert list(free.embeddings_) == list(bound.embeddings_)
    assert abs(free.score(links) - bound.score(links)) < 0.01


def test_a_saved_aligner_answers_the_same(pair, tmp_path):
    aligner = fitted(pair, "files")
    aligner.save(tmp_path / "aligner.safetensors")
    again = PropagationAligner.load(tmp_path / "aligner.safetensors")
    np.testing.assert_array_equal(again.rank(pair[2][SEEDS:]), aligner.rank(pair[2][SEEDS:]))
    # Each matrix is written once, though both sides and what is fused are views of it.
    kept = 2 * sum(np.prod(s.shape) for n, v in aligner.embeddings_.items() for s in v) / 2
    assert (tmp_path / "aligner.safetensors").stat().st_size < 1.5 * kept + 10**6


def test_it_answers_what_an_aligner_is_asked(pair):
    kg1, kg2, links = pair
    aligner = fitted(pair, "files")
    assert len(aligner.candidates(links[SEEDS:, 0], k=3)) == 3 * len(links[SEEDS:])
    assert aligner.explain(*links[SEEDS]).to_frame()["kind"].eq("channel").any()
    assert aligner.embeddings_frame(links[:9, 0], modality="frozen_image").shape == (9, 32)
    assert len(aligner.questions(5)) <= 5
    assert aligner.quality().n_matches == len(aligner.align())


def test_it_can_be_extended(pair):
    kg1, kg2, links = pair
    before = [kg.without(late) for kg, late in zip((kg1, kg2), links[380:].T, strict=True)]
    aligner = fitted((*before, links), "files").extend(kg1, kg2)
    assert aligner.embeddings_["fused"].left.shape[0] == 400
    assert aligner.score(links[SEEDS:]) > 0.8


def open_files(folder):
    """Files without a name that this process has open in a folder."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        link = f"/proc/self/fd/{name}"
        if os.path.islink(link) and os.readlink(link).startswith(str(folder)):
            found.append(link)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at open files in /proc")
class TestFiles:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        yield tmp_path
        gc.collect()
        assert not list(tmp_path.iterdir())
        assert not open_files(tmp_path)

    def test_they_go_with_the_aligner(self, pair, folder):
        aligner = fitted(pair, "files")
        assert open_files(folder)
        del aligner

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_they_go_after_an_error_and_an_interrupt(self, pair, folder, monkeypatch, error):
        seen = []

        def settle(self, encode=None):
            seen.append(len(open_files(folder)))
            raise error

        monkeypatch.setattr(PairSearch, "settle", settle)
        with pytest.raises(error):
            fitted(pair, "files")
        assert seen[0] > 0

    def test_they_go_with_a_fit_that_follows(self, pair, folder):
        aligner = fitted(pair, "files")
        n_open = len(open_files(folder))
        aligner.fit(*pair[:2], pair[2][:SEEDS])
        gc.collect()
        assert len(open_files(folder)) == n_open


def test_what_the_bound_changes_is_said_once(pair, capsys):
    fitted(pair, "files", verbose=1)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count(f"memory_limit={LIMITS['files']}: ") == 1
    assert "entities are kept as float16 in files in" in said
    fitted(pair, "arrays", verbose=1)
    assert "memory_limit" not in capsys.readouterr().out


def test_a_bound_that_cannot_be_kept_says_the_least(pair):
    with pytest.raises(ValueError, match="Expected a memory_limit of at least .* MB, of"):
        fitted(pair, "files", memory_limit="50MB")


@pytest.mark.parametrize("wrong", ["8G", 8, "much"])
def test_wrong_bounds_are_told(pair, wrong):
    with pytest.raises(ValueError, match="Expected memory_limit to be a size"):
        fitted(pair, "files", memory_limit=wrong)


UNDER_A_BOUND = """
import re, sys
from pathlib import Path
import ibmea_sklearn
from ibmea_sklearn.datasets import make_mmkg_pair

kg1, kg2, links = make_mmkg_pair(8_000, random_state=0)
kind, limit, params = getattr(ibmea_sklearn, sys.argv[1]), sys.argv[2] or None, eval(sys.argv[3])
aligner = kind(modalities=["graph"], memory_limit=limit, random_state=0, verbose=0)
aligner.set_params(**params).fit(kg1, kg2, links[:2_666])
aligner.align()
# What getrusage says begins with the size of the process that has started this one.
peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
print(int(peak[1]) * 1024, aligner.score(links[2_666:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count other things")
@pytest.mark.parametrize(
    ("kind", "params", "most_apart"),
    [
        ("PropagationAligner", {}, 0.01),
        ("PropagationAligner", {"matching__search": "blocked"}, 0.01),
        ("IBMEAAligner", {"training__max_epochs": 2}, 0.005),
    ],
)
def test_a_fit_stays_below_a_bound_that_it_passes_without(kind, params, most_apart):
    def run(limit):
        command = [sys.executable, "-c", UNDER_A_BOUND, kind, limit, repr(params)]
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        return map(float, done.stdout.split())

    peak, score = run("1100MB")
    free_peak, free_score = run("")
    assert peak < 1.1e9 < free_peak
    assert abs(score - free_score) < most_apart
