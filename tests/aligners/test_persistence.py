"""What a file holds beyond the contract of all aligners, and what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from aligner_checks import assert_same_embeddings, plain_params
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.preprocessing import StandardScaler
from spies import Watched, cheap, made

from ibmea_sklearn import (
    BaseAligner,
    IBMEAAligner,
    KnowledgeGraph,
    ModalityFeaturizer,
    PropagationAligner,
    SeedPairs,
)

QUICK = {
    "modalities": ["graph"],
    "propagation__n_components": 64,
    "propagation__label_width": 16,
    "random_state": 0,
    "verbose": 0,
    "device": "cpu",
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "aligner.safetensors"


@pytest.fixture
def quick(hard_pair):
    """A fitted aligner that takes no time."""

    def fit(kg1=hard_pair.kg1, kg2=hard_pair.kg2, seeds=hard_pair.links[:40], **params):
        return made(PropagationAligner, QUICK, **params).fit(kg1, kg2, seeds)

    return fit


def again(aligner, path, **options):
    aligner.save(path)
    return BaseAligner.load(path, **options)


def changed(path, *, drop=(), change=lambda state: None, **metadata):
    """Write a file anew: without some tensors, with another state, or with other metadata."""
    with safe_open(path, "numpy") as file:
        found = {**file.metadata(), **metadata}
    state = json.loads(found["state"])
    change(state)
    tensors = {name: array for name, array in load_file(path).items() if name not in drop}
    save_file(tensors, path, {**found, "state": json.dumps(state)})


def parameters(state):
    return state["parameters"]["map"]


# What comes back


@pytest.mark.parametrize(
    "params",
    [
        {"graph__start": "learned", "fusion": "attention"},
        {"graph__start": "propagation", "graph__layers": "last"},
        {"bottleneck__of": "fused", "features__similarity": "fused", "features__start": "random"},
        {"modalities": ["relation"], "features__frozen": ["relation"]},
        {"modalities": ("image",), "betas": {}, "propagation": "drop"},
    ],
    ids=str,
)
def test_the_network_works_again(hard_pair, path, params):
    aligner = cheap(**{"training__max_epochs": 2, **params})
    aligner.fit(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])
    found = again(aligner, path)
    assert plain_params(found) == plain_params(aligner)
    assert_same_embeddings(found, aligner)
    nodes, known = torch.arange(180), torch.from_numpy(aligner.seed_indices_ + [0, 90])
    with torch.inference_mode():
        one, two = (a.network_.encode(nodes, known) for a in (found, aligner))
    assert torch.equal(one.fused, two.fused) and torch.equal(one.weights, two.weights)
    for mine, other in zip(found.fusion_weights_, aligner.fusion_weights_, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert found.variances_.keys() == aligner.variances_.keys()
    assert (found.history_, found.rounds_) == (aligner.history_, aligner.rounds_)


def test_integer_ids(path):
    triples = [(i, "r", (i + 1) % 20) for i in range(20)]
    kg1, kg2 = (
        KnowledgeGraph(triples),
        KnowledgeGraph([(f"b{h}", r, f"b{t}") for h, r, t in triples]),
    )
    links = [(i, f"b{i}") for i in range(20)]
    aligner = made(PropagationAligner, QUICK).fit(kg1, kg2, links[:10])
    found = again(aligner, path)
    assert found.kg1_.entity_ids.dtype == np.int64
    assert found.predict([12, 3]).tolist() == aligner.predict([12, 3]).tolist()
    assert found.align().dtypes.tolist() == aligner.align().dtypes.tolist()
    with pytest.raises(ValueError, match="'b99'"):
        found.rank([(12, "b99")])


def test_a_view_of_a_pipeline(hard_pair, path):
    """Features that a pipeline made are of the graphs, and so in the file."""
    view = SeedPairs(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])
    X = ModalityFeaturizer(image=StandardScaler()).fit_transform(view)
    aligner = cheap(**{"training__max_epochs": 1}).fit(X)
    found = again(aligner, path)
    for modality, (values, mask) in aligner.kg1_.features.items():
        np.testing.assert_array_equal(found.kg1_.features[modality].mask, mask)
        assert type(found.kg1_.features[modality].values) is type(values)
    assert_same_embeddings(found.fit(found.kg1_, found.kg2_, hard_pair.links[:40]), aligner)


@pytest.mark.parametrize(
    "params",
    [
        {"modalities": ("graph",), "rounds__min_confidence": np.float32(0.5)},
        {"rounds__n_rounds": np.int64(2), "modalities": ["graph", "image"]},
    ],
    ids=str,
)
def test_parameters_of_all_types(quick, path, params):
    aligner = quick(**params)
    assert plain_params(again(aligner, path)) == plain_params(aligner)


def test_a_source_of_random_numbers_is_kept_where_it_is(quick, path):
    aligner = quick(random_state=np.random.RandomState(0))
    found = again(aligner, path)
    assert found.random_state is not aligner.random_state
    assert found.random_state.randint(1000) == aligner.random_state.randint(1000)


def test_a_file_is_replaced_whole(quick, path):
    quick().save(path)
    first = path.read_bytes()
    quick(random_state=1).save(str(path))
    assert path.read_bytes() != first and list(path.parent.iterdir()) == [path]


def test_what_an_interrupt_left_can_be_saved(hard_pair, path):
    class Interrupted(Watched):
        def come_to(self, place):
            if place == "settle":
                raise KeyboardInterrupt

    aligner = cheap(Interrupted)
    with pytest.raises(KeyboardInterrupt):
        aligner.fit(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])
    found = again(aligner, path)
    assert found.align().equals(aligner.align())


def test_one_array_of_two_names_stays_one(quick, path):
    found = again(quick(), path).embeddings_  # of one channel: it is what is fused
    assert np.shares_memory(found["fused"].left, found["frozen_propagation"].left)
    assert not np.shares_memory(found["fused"].left, found["fused"].right)


def test_saved_again_it_is_the_same_file(quick, path):
    quick().save(path)
    BaseAligner.load(path).save(path.with_name("again"))
    assert path.with_name("again").read_bytes() == path.read_bytes()


def test_the_later_class_of_a_name_is_loaded(quick, hard_pair, path):
    """A cell of a notebook that defines a class runs more than once."""

    def define():
        class Mine(PropagationAligner):
            pass

        return Mine

    first, second = define(), define()
    made(first, QUICK).fit(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40]).save(path)
    assert type(BaseAligner.load(path)) is second


# Devices


def fitted_elsewhere(aligner, device="cuda", parameter="auto"):
    """As if it had been fitted on a device that is not here."""
    if torch.cuda.is_available():
        pytest.skip("there is such a device")
    aligner.device_, aligner.device = device, parameter
    return aligner


def test_a_device_that_is_not_there(quick, path):
    fitted_elsewhere(quick(), parameter="cuda").save(path)
    with pytest.raises(ValueError) as error:
        PropagationAligner.load(path)
    assert "Expected a device that is there" in str(error.value)
    assert "found 'cuda'. The aligner was fitted there: pass device='cpu' to load" in str(
        error.value
    )
    found = PropagationAligner.load(path, device="cpu")
    assert (found.device, found.device_) == ("cpu", "cpu")
    assert len(found.align())


def test_auto_takes_what_is_there(quick, path):
    found = again(fitted_elsewhere(quick()), path)
    assert (found.device, found.device_) == ("auto", "cpu")


def test_a_device_that_nobody_knows(quick, path):
    quick().save(path)
    with pytest.raises(ValueError, match="found 'gpu'"):
        PropagationAligner.load(path, device="gpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_from_cuda_to_cpu(hard_pair, path):
    aligner = cheap(**{"device": "cuda"})
    aligner.fit(hard_pair.kg1, hard_pair.kg2, hard_pair.links[:40])
    found = again(aligner, path, device="cpu")
    assert {p.device.type for p in found.network_.parameters()} == {"cpu"}
    np.testing.assert_array_equal(found.rank(hard_pair.links[40:]).shape, (40,))
    assert_same_embeddings(found, aligner)
    assert next(again(aligner, path).network_.parameters()).is_cuda


# What is refused


class Thing:
    pass


def test_a_parameter_that_only_its_own_code_can_write(quick, path):
    aligner = quick().set_params(random_state=Thing())
    with pytest.raises(TypeError, match="Expected parameters.random_state to be .*; found .*Thing"):
        aligner.save(path)
    assert not path.exists()


def test_a_value_of_a_graph_that_only_its_own_code_can_write(quick, path, hard_pair):
    kg1 = KnowledgeGraph(
        [(f"a{i}", "r", f"a{(i + 1) % 9}") for i in range(9)], [("a0", "x", Thing())]
    )
    kg2 = KnowledgeGraph([(f"b{i}", "r", f"b{(i + 1) % 9}") for i in range(9)])
    aligner = quick(kg1, kg2, [(f"a{i}", f"b{i}") for i in range(6)])
    with pytest.raises(TypeError, match=r"fitted.kg1_.attribute_values.0 .*Thing"):
        aligner.save(path)
    assert not path.exists()


def test_a_pickle(quick, path):
    path.write_bytes(pickle.dumps(quick()))
    with pytest.raises(ValueError, match="is no safetensors file, or not a whole one"):
        PropagationAligner.load(path)


def test_a_class_that_is_not_imported(quick, path):
    quick().save(path)
    changed(path, change=lambda state: state.update({"class": "YoursAligner"}))
    with pytest.raises(ValueError) as error:
        BaseAligner.load(path)
    assert "IBMEAAligner or " in str(error.value) and "found YoursAligner in" in str(error.value)
    assert "BaseAligner" not in str(error.value)  # nobody fits that
    assert "import the module that defines it first" in str(error.value)


def test_another_class(quick, path):
    quick().save(path)
    with pytest.raises(ValueError, match="Expected IBMEAAligner.*; found PropagationAligner in"):
        IBMEAAligner.load(path)


def settings_in(state, name):
    return parameters(state)[name]["map"]


def test_a_parameter_of_another_version(quick, path):
    quick(rounds__n_rounds=1).save(path)
    original = path.read_bytes()

    def rename(found, old, new):
        found[new] = found.pop(old)

    for change, kind, found, guess in (
        (
            lambda state: rename(parameters(state), "modalities", "modalitys"),
            *("PropagationAligner", "modalitys", "modalities"),
        ),
        (
            lambda state: rename(settings_in(state, "rounds"), "n_rounds", "n_round"),
            *("Rounds", "n_round", "n_rounds"),
        ),
    ):
        path.write_bytes(original)
        changed(path, change=change)
        with pytest.raises(ValueError) as error:
            PropagationAligner.load(path)
        assert f"Expected parameters of {kind}; found {found!r}" in str(error.value)
        assert f"version 0.1.0 wrote. Did you mean {guess!r}?" in str(error.value)


def test_parameters_that_an_older_version_had_not(quick, path):
    for kind, params, drop in (
        (
            "PropagationAligner",
            {"modalities": ["graph"]},
            lambda s: parameters(s).pop("modalities"),
        ),
        ("Rounds", {}, lambda s: settings_in(s, "rounds").pop("min_confidence")),
    ):
        quick(**params, rounds__min_confidence=0.7).save(path)
        changed(path, change=drop)
        with pytest.warns(UserWarning) as caught:
            found = PropagationAligner.load(path)
        (warning,) = caught
        name = "modalities" if params else "min_confidence"
        said = f"by version 0.1.0, in which {kind} had no {name}: here the defaults"
        assert said in str(warning.message)
        assert Path(warning.filename) == Path(__file__)
        assert found.modalities == ("all" if params else ["graph"])
        assert found.rounds.min_confidence == (0.7 if params else 0.5)


def test_a_newer_format(quick, path):
    quick().save(path)
    changed(path, format_version="2")
    with pytest.raises(ValueError, match="Expected a file of format 1 or older; found format 2"):
        PropagationAligner.load(path)


def test_a_tensor_that_is_missing(quick, path):
    quick().save(path)
    changed(path, drop=["fitted.seed_indices_"])
    with pytest.raises(ValueError, match="found no tensor 'fitted.seed_indices_', in 'fitted'"):
        PropagationAligner.load(path)


def test_a_checkpoint_is_no_aligner(quick, path):
    quick().save(path)
    changed(path, content="checkpoint")
    with pytest.raises(ValueError, match="holds 'checkpoint'"):
        PropagationAligner.load(path)


def set_to(name, value):
    return lambda state: state.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_to("class", [3]), "found \\[3\\] in"),
        (set_to("class", "a" * 9000), "found a{297}\\.\\.\\. in"),
        (set_to("fitted", []), "list where a mapping is due, in 'fitted'"),
        (set_to("parameters", 3), "int where a mapping is due, in 'parameters'"),
        (set_to("fitted", {"map": {"fit": 3}}), "'fit' is nothing that a fit sets"),
        (set_to("fitted", {"map": {"__class__": 3}}), "'__class__' is nothing that a fit sets"),
    ],
    ids=range(6),
)
def test_a_state_that_was_changed(quick, path, change, said):
    quick().save(path)
    changed(path, change=change)
    with pytest.raises(
        ValueError, match=f"Expected .*; found .*{said}|Expected .*; {said}"
    ) as error:
        BaseAligner.load(path)
    assert len(str(error.value)) < 2000


def test_a_format_that_is_no_number(quick, path):
    quick().save(path)
    changed(path, format_version="9" * 5000)
    with pytest.raises(ValueError, match="no version of the format in it"):
        BaseAligner.load(path)
