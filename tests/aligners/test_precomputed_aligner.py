"""What PrecomputedAligner does beyond the contract of all aligners; ties, and the order of rows."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, PrecomputedAligner
from ibmea_sklearn.matching import Matching
from ibmea_sklearn.matching._scores import Scores

N_GROUPS, GROUP = 12, 3
N = N_GROUPS * GROUP
LINKS = np.array([(f"a{i}", f"b{i}") for i in range(N)], object)
KG1, KG2 = (KnowledgeGraph(entities=ids) for ids in LINKS.T)


def tables():
    """Groups of three entities with one vector, alike in both graphs."""
    rows = np.repeat(np.random.default_rng(0).normal(size=(N_GROUPS, 5)), GROUP, axis=0)
    return [pd.DataFrame(rows, index=ids) for ids in LINKS.T]


def fit(kg1=KG1, kg2=KG2, seeds=LINKS[:6], left=None, right=None, **params):
    one, other = tables()
    left, right = one if left is None else left, other if right is None else right
    return PrecomputedAligner(left, right, random_state=0, **params).fit(kg1, kg2, seeds)


def shuffled(kg, seed):
    return KnowledgeGraph(entities=np.random.default_rng(seed).permutation(kg.entity_ids))


@pytest.mark.parametrize("how", ["mutual", "assignment"])
@pytest.mark.parametrize("method", ["cosine", "csls", "sinkhorn"])
def test_no_answer_depends_on_the_order_of_rows(method, how):
    aligner = fit(matching=Matching(method))
    expected = aligner.align(how).sort_values("source", ignore_index=True)
    for seed in range(3):
        kgs = shuffled(KG1, seed), shuffled(KG2, seed + 10)
        other = fit(*kgs, matching=Matching(method))
        found = other.align(how).sort_values("source", ignore_index=True)
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-6)
        asked = LINKS[6:, 0]
        np.testing.assert_array_equal(other.predict(asked), aligner.predict(asked))
        np.testing.assert_allclose(other.rank(LINKS[6:]), aligner.rank(LINKS[6:]))


@pytest.mark.parametrize("method", ["cosine", "csls", "sinkhorn"])
def test_equal_vectors_in_gold_order_are_not_right_by_their_row(method):
    """Of a group of three a guess finds a third."""
    aligner = fit(matching=Matching(method))
    assert (aligner.predict(LINKS[6:, 0]) == LINKS[6:, 1]).mean() < 0.7
    partner = dict(LINKS.tolist())
    for how in ("assignment", "mutual"):
        found = aligner.align(how)
        n_right = (found["source"].map(partner) == found["target"]).sum()
        assert n_right < 0.7 * (N - 6)
    np.testing.assert_array_equal(aligner.rank(LINKS[6:]), 2)  # of ties half count


def test_arrays_tables_and_files_are_the_same(tmp_path):
    expected = fit().embeddings_["fused"]
    arrays = [table.to_numpy() for table in tables()]
    paths = [tmp_path / "left.npy", tmp_path / "right.npy"]
    for path, array in zip(paths, arrays, strict=True):
        np.save(path, array)
    longer = [pd.concat([t.iloc[::-1], t.set_axis(t.index + "x")]) for t in tables()]
    for left, right in (arrays, paths, longer):
        found = fit(left=left, right=right).embeddings_["fused"]
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(np.linalg.norm(expected.left, axis=1), 1, rtol=1e-6)


def test_a_confidence_is_what_held_out_seeds_say():
    random = np.random.default_rng(0)
    left, noise = random.normal(size=(N, 6)), random.normal(size=(N, 6))
    given = {"left": left, "right": left + 2 * noise, "seeds": LINKS[:24]}
    plain, told = (
        fit(**given).set_params(rounds__validation_fraction=f).fit(KG1, KG2, LINKS[:24])
        for f in (0, 0.5)
    )
    assert told.calibration_.is_learnt and not plain.calibration_.is_learnt
    one, other = (a.align().sort_values("source", ignore_index=True) for a in (plain, told))
    np.testing.assert_array_equal(one["target"], other["target"])  # the vectors stay
    assert not np.allclose(one["confidence"], other["confidence"])
    assert told.rounds_[-1]["n_checked"] > 0 == plain.rounds_[-1]["n_checked"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"left": np.ones(N)}, rf"left as an array of shape \({N}, width\).*found shape \({N},\)"),
        ({"right": np.ones((N - 1, 5))}, rf"right as an array .*found shape \({N - 1}, 5\)"),
        ({"left": np.ones((N, 4))}, "left and right of one width; found 4 and 5 columns"),
        ({"left": tables()[0].iloc[2:]}, "left with a row for each entity; found none for 2 of 36"),
        ({"right": np.full((N, 5), np.nan)}, "finite float32 numbers in right.*in that of 'b0'"),
        ({"left": np.full((N, 5), 1e300)}, "finite float32 numbers in left; found NaN or inf"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_vectors(given, said):
    with pytest.raises(ValueError, match=f"Expected {said}"):
        fit(**given)


def test_a_preset_takes_what_the_constructor_needs():
    left, right = np.eye(3), np.eye(3)
    made = PrecomputedAligner.from_preset(left=left, right=right, rounds__validation_fraction=0.2)
    assert made.left is left and made.right is right
    assert made.rounds.validation_fraction == 0.2
    with pytest.raises(TypeError, match="right"):
        PrecomputedAligner.from_preset(left=left)


def object_array(path):
    np.save(path, np.array([None] * N), allow_pickle=True)


def archive(path):
    with path.open("wb") as file:
        np.savez(file, x=np.eye(N))


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda path: None, "found no such file"),
        (os.mkfifo, "found no such file"),
        (lambda path: path.write_bytes(b"\x93NUMPY\x01\0v\0{'descr': "), "found: EOF"),
        (lambda path: path.write_bytes(b"no array"), "found: "),
        (object_array, "found: "),
        (archive, "found an archive. Write the array alone"),
        (lambda path: np.save(path, np.array(["x"] * N)), "found numbers of type <U1"),
        (lambda path: np.save(path, np.eye(N, dtype=complex)), "found numbers of type complex128"),
    ],
    ids=range(8),
)
def test_a_file_that_holds_no_vectors(tmp_path, write, found):
    path = tmp_path / "x.npy"
    write(path)
    with pytest.raises((ValueError, OSError), match=f"Expected an array of numbers.*{found}"):
        fit(left=path)


@pytest.mark.parametrize("normalize", [True, False])
def test_vectors_stay_as_they_are(normalize):
    random = np.random.default_rng(1)
    left, right = (
        pd.DataFrame(random.normal(size=(N, 4)) * random.uniform(0.1, 9, (N, 1)), index=ids)
        for ids in LINKS.T
    )
    left.iloc[-1] = 0
    aligner = fit(left=left, right=right, matching=Matching(normalize=normalize))
    before = {name: [side.copy() for side in sides] for name, sides in aligner.embeddings_.items()}
    for how in ("mutual", "assignment"):
        aligner.align(how)
    aligner.unmatched()
    for name, sides in aligner.embeddings_.items():
        for side, was in zip(sides, before[name], strict=True):
            np.testing.assert_array_equal(side, was)


def test_all_pairs_are_compared_once_for_candidates_and_matches_by_sinkhorn(monkeypatch):
    aligner = fit()
    looks = []
    look = Scores.candidates
    monkeypatch.setattr(Scores, "candidates", lambda *args: looks.append(0) or look(*args))
    table = aligner.candidates(LINKS[6:, 0], 2)
    aligner.align()
    targets = aligner.predict(LINKS[6:, 0])
    assert len(looks) == 1
    alone = fit()  # asked for nothing before
    np.testing.assert_array_equal(alone.predict(LINKS[6:, 0]), targets)
    assert table.groupby("source", sort=False)["target"].first().tolist() == targets.tolist()
