"""What a command writes is never what it reads, and appears whole."""

import errno
import json
import os
import signal

import pytest

from ibmea_sklearn._utils.files import atomic_write
from ibmea_sklearn.io import alignments, read_alignment, read_pair, write_pair
from ibmea_sklearn.training.callbacks import LastGoodWeights

FAST = ("--aligner", "propagation", "--quiet")


@pytest.fixture
def own_pair(toy_pair, tmp_path):
    """A folder of both graphs that a test may spoil, and a file of seeds."""
    folder = tmp_path / "pair"
    write_pair(toy_pair.kg1, toy_pair.kg2, toy_pair.links, folder)
    (tmp_path / "seeds.csv").write_text("".join(f"{a},{b}\n" for a, b in toy_pair.links[:40]))
    return folder


def contents(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def align(*args):
    def inside(folder):
        return ("align", folder / "pair", *(a if a[0] == "-" else folder / a for a in args))

    return inside


def convert(*args):
    return lambda folder: ("convert", *(folder / a for a in args))


def review(alignment, *args):
    def inside(folder):
        places = (a if a.startswith("--") else folder / a for a in args)
        return ("review", folder / alignment, "--pair", folder / "pair", *places)

    return inside


# What is written where, from the folder that holds the pair and the seeds.
CLASHES = {
    "seeds": align("--seeds", "seeds.csv", "-o", "seeds.csv"),
    "dots": align("--seeds", "seeds.csv", "-o", "pair/../seeds.csv"),
    "case": align("--seeds", "seeds.csv", "-o", "SEEDS.csv"),
    "link": align("--seeds", "link.csv", "-o", "seeds.csv"),
    "hard link": align("--seeds", "hard.csv", "-o", "seeds.csv"),
    "links": align("-o", "pair/links.csv"),
    "more links": align("-o", "pair/links.tsv"),
    "a table": align("-o", "pair/kg1/entities.csv"),
    "two outputs": align("-o", "x.csv", "--save", "x.csv"),
    "state": align("-o", "x.csv", "--save", "checkpoint.safetensors", "--checkpoint-dir", "."),
    "report": lambda folder: (
        *("evaluate", "--dataset", folder / "pair"),
        *("--json", folder / "pair" / "kg2" / "entities.csv"),
    ),
    "itself": convert("pair", "pair"),
    "a graph": convert("pair/kg1", "pair"),
    "inside": convert("pair", "pair/kg2"),
    "alignment": convert("seeds.csv", "seeds.csv"),
    "page": review("seeds.csv", "--html", "seeds.csv"),
    "page in the pair": review("seeds.csv", "--html", "pair/links.csv"),
    "verdicts": review("seeds.csv", "--serve", "--verdicts", "seeds.csv"),
    "alignment in a pair": convert("pair/links.csv", "pair/Links.csv"),
}


@pytest.mark.parametrize("clash", CLASHES)
def test_an_output_that_is_an_input_or_another_output_is_refused(ibmea, own_pair, clash):
    folder = own_pair.parent
    os.link(folder / "seeds.csv", folder / "hard.csv")
    os.symlink(folder / "seeds.csv", folder / "link.csv")
    before = contents(folder)
    command, *args = CLASHES[clash](folder)
    fast = () if command in ("convert", "review") or "--checkpoint-dir" in args else FAST
    result = ibmea(command, *args, *fast)
    assert result.exit_code == 2, result.output
    assert "to name a place of its own; found" in result.stderr
    assert contents(folder) == before


def test_outputs_beside_the_inputs_are_fine_twice(ibmea, own_pair, monkeypatch):
    monkeypatch.chdir(own_pair)
    for _ in range(2):
        result = ibmea("align", ".", "-o", "alignment.csv", "--save", "../a.safetensors", *FAST)
        assert result.exit_code == 0, result.output
        result = ibmea("evaluate", "--dataset", ".", "--json", "scores.json", *FAST)
        assert result.exit_code == 0, result.output
    assert json.loads((own_pair / "scores.json").read_text())["scores"]
    assert ibmea("convert", ".", "../new").exit_code == 0
    assert len(read_pair("../new")[2]) == len(read_pair(".")[2])


EPOCHS = ("--epochs", 2, "--rounds", 1)


def test_an_interrupt_leaves_an_earlier_output_alone(ibmea, own_pair, tmp_path, monkeypatch):
    output, save = tmp_path / "a.csv", tmp_path / "a.safetensors"
    output.write_text("good")
    after_an_epoch = LastGoodWeights.on_epoch_end

    def interrupted(self, net, **kwargs):
        after_an_epoch(self, net, **kwargs)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LastGoodWeights, "on_epoch_end", interrupted)
    result = ibmea("align", own_pair, "-o", output, "--save", save, *EPOCHS)
    assert result.exit_code == 130
    assert output.read_text() == "good" and save.exists()
    assert len(read_alignment(tmp_path / "a.interrupted.csv"))
    assert str(tmp_path / "a.interrupted.csv") in result.stderr.replace("\n", "")


@pytest.mark.filterwarnings("ignore:Confidences are not calibrated")
def test_a_full_disk_after_the_fit_loses_nothing(ibmea, own_pair, tmp_path, monkeypatch):
    state, output = tmp_path / "state", tmp_path / "a.csv"
    command = ("align", own_pair, "-o", output, "--checkpoint-dir", state, *EPOCHS)
    with monkeypatch.context() as patch:
        patch.setattr(alignments, "write_table", _write_to_a_full_disk)
        result = ibmea(*command)
    said = result.stderr.replace("\n", " ")
    assert result.exit_code == 2, result.output
    assert f"Expected to read or write {output}; found: No space left on device." in said
    assert f"What was learnt is kept in {state}" in said
    assert "Going on after epoch 2 of 2" in ibmea(*command).output
    assert len(read_alignment(output)) and not list(state.iterdir())


def _write_to_a_full_disk(table, path, *how):
    with atomic_write(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
