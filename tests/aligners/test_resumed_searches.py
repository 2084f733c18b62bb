"""Searches without training that were stopped go on, and end as if nothing had stopped them."""

import pytest
from aligner_checks import assert_same_fitted

from ibmea_sklearn import IBMEAAligner, PartitionedAligner, PropagationAligner, Training
from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.datasets import make_mmkg_pair

pytestmark = pytest.mark.filterwarnings("ignore::ibmea_sklearn.AlignmentWarning")
CHECKPOINT = "checkpoint.safetensors"


@pytest.fixture(scope="module")
def pair():
    return make_mmkg_pair(80, structural_overlap=0.6, n_dangling=10, image_dim=4, random_state=0)


def made(folder, **params):
    aligner = PropagationAligner(checkpoint_dir=folder, device="cpu", random_state=0, verbose=1)
    small = {"propagation__n_components": 64, "propagation__label_width": 32}
    return aligner.set_params(**small, rounds__n_rounds=4, modalities=["graph", "image"], **params)


def stop_before(monkeypatch, n, error=KeyboardInterrupt):
    """Stop before the n-th search from here on."""
    find, seen = PairSearch.find, []

    def stopping(self, *args):
        seen.append(args)
        if len(seen) == n:
            raise error
        find(self, *args)

    monkeypatch.setattr(PairSearch, "find", stopping)
    return seen


@pytest.fixture(scope="module")
def whole(pair):
    kg1, kg2, links = pair
    return made(None).fit(kg1, kg2, links[:30])


@pytest.mark.parametrize("n_done", [0, 1, 2])
def test_it_goes_on_after_the_last_search(pair, whole, tmp_path, monkeypatch, capsys, n_done):
    kg1, kg2, links = pair
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt) as stopped:
        stop_before(patch, n_done + 1)
        made(tmp_path / "state").fit(kg1, kg2, links[:30])
    kept = tmp_path / "state" / CHECKPOINT
    assert kept.exists() == bool(n_done)
    assert bool(getattr(stopped.value, "__notes__", [])) == bool(n_done)
    capsys.readouterr()
    seen = stop_before(monkeypatch, 9)
    again = made(tmp_path / "state").fit(kg1, kg2, links[:30])
    said = f"Going on after search {n_done}."
    assert (said in capsys.readouterr().out) == bool(n_done)
    assert len(seen) == 3 - n_done and not kept.exists()
    assert_same_fitted(again.set_params(checkpoint_dir=None), whole)


def test_what_differs_is_told(pair, tmp_path, monkeypatch):
    kg1, kg2, links = pair
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_before(patch, 2)
        made(tmp_path).fit(kg1, kg2, links[:30])
    with pytest.raises(ValueError, match=r"of this very fit .*seeds"):
        made(tmp_path).fit(kg1, kg2, links[:29])
    with pytest.raises(ValueError, match=r"rounds__min_confidence \(0.5 then, 0.6 now\)"):
        made(tmp_path, rounds__min_confidence=0.6).fit(kg1, kg2, links[:30])
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=CHECKPOINT):
        made(tmp_path).fit(kg1, kg2, links[:30])


def test_another_fit_waits_until_all_is_done(pair, tmp_path, monkeypatch):
    kg1, kg2, links = pair
    settle = PairSearch.settle

    def second(self, *args):
        with pytest.raises(ValueError, match="Expected one fit at a time"):
            made(tmp_path).fit(kg1, kg2, links[:30])
        return settle(self, *args)

    monkeypatch.setattr(PairSearch, "settle", second)
    made(tmp_path).fit(kg1, kg2, links[:30])


def test_partitions_share_no_folder(pair, tmp_path):
    kg1, kg2, links = pair
    for aligner, name in (
        (made(tmp_path), "checkpoint_dir"),
        (IBMEAAligner(training=Training(checkpoint_dir=tmp_path)), "training__checkpoint_dir"),
    ):
        parts = PartitionedAligner(aligner, n_partitions=2, random_state=0, verbose=0)
        with pytest.raises(ValueError, match=f"Expected no {name} of the aligner"):
            parts.fit(kg1, kg2, links[:40])


def test_without_a_random_state_it_is_refused(pair, tmp_path):
    aligner = made(tmp_path).set_params(random_state=None)
    with pytest.raises(ValueError, match="Expected a random_state with checkpoint_dir, such as"):
        aligner.fit(*pair[:2], pair[2][:30])
