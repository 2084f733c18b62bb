"""The file: what others read in it, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from safetensors.torch import load_file as load_as_tensors
from scipy import sparse

from ibmea_sklearn import KnowledgeGraph
from ibmea_sklearn.graph import EntityNames, EntityValues, ModalityFeatures
from ibmea_sklearn.persistence import FORMAT_VERSION, StateFile, write_state

STATE = {
    "numbers": np.arange(6, dtype=np.float32).reshape(2, 3),
    "odd": [np.array([True, False, True]), np.array([1, 2, 3], np.uint8), np.array(2.5)],
    "none": np.empty((0, 4), np.int64),
    "half": np.ones(3, np.float16)[::2],
    "text": "ä",
}


@pytest.fixture
def path(tmp_path):
    write_state(tmp_path / "state.safetensors", "thing", STATE)
    return tmp_path / "state.safetensors"


def changed(path, *, drop=(), **metadata):
    """Write the file anew, with other metadata, or without some tensors."""
    with safe_open(path, "numpy") as file:
        found = file.metadata()
    tensors = {name: array for name, array in load_file(path).items() if name not in drop}
    metadata = {**found, **metadata}
    save_file(tensors, path, {name: v for name, v in metadata.items() if v is not None})


def test_what_was_written_is_read(path):
    with StateFile(path, "thing") as file:
        np.testing.assert_array_equal(file["numbers"], STATE["numbers"])
        assert file["none"].shape == (0, 4) and file["half"].tolist() == [1, 1]
        assert [a.tolist() for a in file["odd"]] == [[True, False, True], [1, 2, 3], 2.5]
        assert file["text"] == "ä"
        assert file.written_by == "0.1.0"
        file["numbers"][0, 0] = 7  # it is nobody else's


def test_others_read_it(path):
    found = load_file(path)
    assert found["numbers"].dtype == np.float32 and found["odd.2"].shape == ()
    np.testing.assert_array_equal(load_as_tensors(path)["odd.1"], torch.tensor([1, 2, 3]))
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert (metadata["program"], metadata["content"]) == ("ibmea_sklearn", "thing")
    assert set(json.loads(metadata["versions"])) >= {"ibmea_sklearn", "torch", "numpy"}
    assert json.loads(metadata["state"])["text"] == "ä"


def test_arrays_start_where_their_type_may(path):
    """Others map the file into memory."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    assert length % 8 == 0
    size = {"F32": 4, "F16": 2, "BOOL": 1, "U8": 1, "F64": 8, "I64": 8}
    header.pop("__metadata__")
    assert all(v["data_offsets"][0] % size[v["dtype"]] == 0 for v in header.values())


def test_a_value_that_cannot_be_written_leaves_the_file(path):
    before = path.read_bytes()
    with pytest.raises(TypeError, match="Expected bad.0 to be made of"):
        write_state(path, "thing", {"bad": [object()]})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_file(path):
    resource = pytest.importorskip("resource")
    before, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError):
            write_state(path, "thing", {"large": np.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_arrays_with_gaps_and_in_other_orders(tmp_path):
    whole = np.arange(24.0).reshape(4, 6)
    state = {
        "gaps": whole[::2, 1::2],
        "turned": whole.T,
        "big": whole.astype(">f4"),
        "one": whole[1, 2],
    }
    state["scalar"] = np.array(whole[::2])[1, 1:2].reshape(())
    write_state(tmp_path / "x", "thing", state)
    with StateFile(tmp_path / "x", "thing") as file:
        for name, array in state.items():
            np.testing.assert_array_equal(file[name], array)
            assert np.shape(file[name]) == np.shape(array)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory in /proc")
def test_writing_takes_no_memory_for_a_copy(tmp_path):
    code = f"""
import numpy as np
from ibmea_sklearn.persistence import write_state

def memory(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024

state = {{str(i): np.full(2_500_000, i, float) for i in range(5)}}  # 100 MB
write_state({str(tmp_path / "x")!r}, "small", {{"a": np.ones(3)}})
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before = memory("VmRSS")
write_state({str(tmp_path / "x")!r}, "large", state)
print(memory("VmHWM") - before)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 20


def test_one_state_is_one_file_byte_by_byte(path, tmp_path):
    write_state(tmp_path / "again.safetensors", "thing", STATE)
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_the_file_is_as_open_as_others_and_alone(path):
    (path.parent / "other").touch()
    assert path.stat().st_mode == (path.parent / "other").stat().st_mode
    assert {p.name for p in path.parent.iterdir()} == {path.name, "other"}


def refused(path, content="thing", error=ValueError):
    with pytest.raises(error) as caught, StateFile(path, content) as file:
        for name in STATE:
            file[name]
    return str(caught.value)


def test_no_file(tmp_path):
    said = "Expected a file with the thing that ibmea_sklearn has written; found no file"
    assert f"{said} {tmp_path / 'x'}" in refused(tmp_path / "x", error=FileNotFoundError)
    assert said in refused(tmp_path, error=FileNotFoundError)


@pytest.mark.parametrize("content", [b"", b"{}", b"PK\x03\x04" * 99, b"\xff" * 400])
def test_no_safetensors(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert f"{tmp_path / 'x'} is no safetensors file, or not a whole one" in refused(tmp_path / "x")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.99])
def test_a_part_of_a_file(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "is no safetensors file, or not a whole one" in refused(path)


def test_of_another_program(tmp_path):
    save_file({"weight": np.ones(3)}, tmp_path / "model.safetensors", {"format": "pt"})
    assert "model.safetensors is of another program" in refused(tmp_path / "model.safetensors")
    save_file({"weight": np.ones(3)}, tmp_path / "bare.safetensors")
    assert "bare.safetensors is of another program" in refused(tmp_path / "bare.safetensors")


def test_of_a_newer_format(path):
    changed(path, format_version=str(FORMAT_VERSION + 1))
    said = refused(path)
    assert f"Expected a file of format {FORMAT_VERSION} or older; found format 2" in said
    assert "Install a newer ibmea_sklearn" in said and '"torch"' in said


def test_that_holds_something_else(path):
    assert f"{path} holds 'thing'" in refused(path, "other thing")


def test_tensors_that_are_missing(path):
    changed(path, drop=["odd.1"])
    assert "found no tensor 'odd.1', in 'odd'" in refused(path)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"state": None}, "no state in it"),
        ({"state": "{"}, "no state in it"),
        ({"state": "{}"}, "no 'numbers' in it"),
        ({"state": '{"numbers": {"array": "absent"}}'}, "found no tensor 'absent', in 'numbers'"),
        ({"state": '{"numbers": {"a": 1, "b": 2}}'}, "in 'numbers'"),
        ({"state": '{"numbers": {"tuple": 1}}'}, "in 'numbers'"),
        ({"state": '{"numbers": {"csr": []}}'}, "in 'numbers'"),
        ({"state": '{"numbers": {"network": {"class": "torch.nn.ReLU"}}}'}, "in 'numbers'"),
        ({"format_version": None}, "no version of the format in it"),
        ({"format_version": "new"}, "no version of the format in it"),
        ({"versions": None}, "no state in it"),
    ],
    ids=str,
)
def test_damaged(path, metadata, said):
    changed(path, **metadata)
    found = refused(path)
    assert said in found and f"{path} is damaged, or was changed" in found


GRAPH = KnowledgeGraph(
    [("a", "in", "b")],
    {"a": {"size": 1}},
    texts={"a": "A"},
    features={"image": sparse.csr_array(np.eye(2, 5, dtype=np.float32))},
)


@pytest.mark.parametrize(
    ("array", "place", "value"),
    [
        ("graph.features.image.values.indptr", 1, 10**8),
        ("graph.features.image.values.indices", 0, 10**8),
        ("graph.relation_triples", (0, 2), 10**8),
        ("graph.relation_triples", (0, 1), -1),
        ("graph.attribute_triples", (0, 0), 2),
        ("graph.texts.entities", 0, 2),
    ],
)
def test_a_graph_whose_numbers_point_outside_is_refused(tmp_path, array, place, value):
    path, tuples = tmp_path / "state.safetensors", (ModalityFeatures, EntityNames, EntityValues)
    write_state(path, "thing", {"graph": GRAPH}, tuples)
    with StateFile(path, "thing", tuples) as file:
        assert file["graph"].features["image"].values.nnz == 2
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors[array][place] = value
    save_file(tensors, path, metadata)
    with StateFile(path, "thing", tuples) as file, pytest.raises(ValueError, match="is damaged"):
        file["graph"]


@pytest.mark.parametrize(
    "state",
    ["[" * 10**5, '{"x": ' + "[" * 3000 + "]" * 3000 + "}", "3"],
    ids=["deep", "nested", "number"],
)
def test_json_that_is_too_deep_is_damage(path, state):
    changed(path, state=state)
    with pytest.raises(ValueError, match="is damaged"), StateFile(path, "thing") as file:
        file["x"]


@pytest.mark.parametrize("dtype", ["<U1000000000", "M8[s]", "no type", "f4"])
def test_absurd_types_of_texts_are_damage(tmp_path, dtype):
    path = tmp_path / "state.safetensors"
    write_state(path, "thing", {"texts": np.array(["a", "bc"])})
    with safe_open(path, "numpy") as file:
        state = file.metadata()["state"]
    changed(path, state=state.replace("<U2", dtype))
    with pytest.raises(ValueError, match="is damaged"), StateFile(path, "thing") as file:
        file["texts"]
