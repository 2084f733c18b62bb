"""Networks come back with all they are made of, and no class from elsewhere does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ibmea_sklearn.nn import AttentionFusion, EdgePattern, GraphEncoder
from ibmea_sklearn.nn.features import FeatureTable, SparseRows
from ibmea_sklearn.nn.graph_encoder import AnchorStart, FixedStart, LearnedStart
from ibmea_sklearn.nn.transe import KnowledgeEncoder
from ibmea_sklearn.persistence._codec import Decoder, Encoder
from ibmea_sklearn.persistence._kinds import KINDS

PATTERN = EdgePattern.undirected(torch.tensor([[0, 0, 1], [1, 0, 2], [3, 0, 2]]), 5)


def written(module):
    encoder = Encoder(KINDS)
    return encoder.encode(module, "network"), encoder.tensors


def again(module):
    content, tensors = written(module)
    return Decoder(KINDS, tensors.__getitem__).decode(content)


def assert_same(found, module):
    assert repr(found) == repr(module)
    assert [m.training for m in found.modules()] == [m.training for m in module.modules()]
    for kind in ("named_parameters", "named_buffers"):
        one, two = dict(getattr(found, kind)()), dict(getattr(module, kind)())
        assert list(one) == list(two)
        assert all(torch.equal(one[name], two[name]) for name in one)
        assert all(one[name].requires_grad == two[name].requires_grad for name in one)
    assert list(found.state_dict()) == list(module.state_dict())


@pytest.mark.parametrize(
    "start", [AnchorStart(5, 4), LearnedStart(5, 4), FixedStart(torch.eye(5, 4))]
)
@pytest.mark.parametrize("all_layers", [True, False])
def test_a_graph_encoder_with_its_graph(start, all_layers):
    encoder = GraphEncoder(PATTERN, start, dropout=0.3, all_layers=all_layers).eval()
    found = again(encoder)
    assert_same(found, encoder)
    assert "pattern.row" not in found.state_dict()  # data, here as there
    anchors = torch.tensor([[0, 3]])
    for one, two in zip(found(anchors), encoder(anchors), strict=True):
        assert torch.equal(one, two)


def test_it_trains_on_alike():
    module = AttentionFusion({"a": 3, "b": 2})
    found = again(module)
    vectors = {"a": torch.ones(2, 3), "b": torch.ones(2, 2)}
    masks = {"a": torch.tensor([True, True]), "b": torch.tensor([True, False])}
    for net in (module, found):
        net(vectors, masks)[0].sum().backward()
    for one, two in zip(found.parameters(), module.parameters(), strict=True):
        assert torch.equal(one.grad, two.grad)


def test_parts_that_are_absent_frozen_or_off():
    module = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Dropout(0.1), nn.LayerNorm(3))
    module[0].weight.requires_grad_(False)
    module[1].eval()
    assert_same(again(module), module)


class Own(nn.Module):
    pass


def test_a_network_of_the_users_own():
    message = (
        r"Expected network.1 to be made of the modules of ibmea_sklearn.nn and torch.nn; found"
    )
    with pytest.raises(TypeError, match=f"{message} .*Own"):
        written(nn.Sequential(nn.ReLU(), Own()))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "torch.nn.functional",
        "torch.nn.Module.__init__",
        "torch.nn.NoSuchLayer",
        "ibmea_sklearn.nn.gaussian.Gaussian",  # a tuple
        "ibmea_sklearn.nn.no_such_file.Layer",
        "ibmea_sklearn.nnother.Layer",
        "test_saved_networks.Own",
    ],
)
def test_no_class_from_elsewhere(name):
    content, tensors = written(nn.ReLU())
    content["network"]["class"] = name
    with pytest.raises(ValueError, match="which this version does not know"):
        Decoder(KINDS, tensors.__getitem__).decode(content)


ROWS = PATTERN.of_rows(torch.tensor([1, 3]))
TABLE = FeatureTable(
    SparseRows(torch.tensor([0, 1, 3]), torch.tensor([2, 0, 1]), torch.ones(3)),
    torch.ones(2, dtype=torch.bool),
    n_features=3,
)
DENSE = FeatureTable(torch.ones(2, 3), torch.ones(2, dtype=torch.bool), n_features=3)
TRIPLES = KnowledgeEncoder(torch.tensor([[0, 0, 1]]), 3, torch.tensor([[0, 3]]), n_components=2)


def changes(module):
    """Each array of a network with one number out of place, or one too many; or of another type."""
    for name, array in written(module)[1].items():
        if array.dtype.kind == "i" and array.size:
            for number in (-1, -(10**9), 10**9, 2**62):
                for place in {0, array.size // 2, array.size - 1}:
                    new = array.copy()
                    new.flat[place] = number
                    yield name, new
        yield name, np.concatenate([array, array])[: len(array) + 1]


@pytest.mark.parametrize("module", [PATTERN, ROWS, TABLE, DENSE, TRIPLES])
def test_what_leads_out_of_a_network_is_refused(module):
    """Torch follows most of it to an error of its own, and some to the end of the process."""
    content, tensors = written(module)
    Decoder(KINDS, tensors.__getitem__).decode(content)  # as it is, it is taken
    # Other weights are weights, and a triple more is a triple.
    may_be = {n for n in tensors if "transe" in n or "codes" in n}
    for name, array in changes(module):
        is_longer = len(array) > len(tensors[name])
        if name not in may_be and not (is_longer and name.endswith("triples")):
            with pytest.raises((ValueError, IndexError)):
                Decoder(KINDS, {**tensors, name: array}.__getitem__).decode(content)


@pytest.mark.parametrize("name", ["_parameters", "forward", "check_buffers", "training"])
def test_a_setting_that_hides_what_a_module_does(name):
    content, tensors = written(PATTERN)
    content["network"]["settings"][name] = None
    with pytest.raises(ValueError, match=f"found a setting called '{name}'"):
        Decoder(KINDS, tensors.__getitem__).decode(content)


def test_no_decimal_number():
    with pytest.raises(ValueError, match="found no decimal number in 'x'"):
        Decoder(KINDS, {}.__getitem__).decode({"decimal": "x"})


def test_tensors_are_no_copies_of_the_network():
    module = nn.Linear(2, 2)
    tensors = written(module)[1]
    assert np.shares_memory(tensors["network.weight"], module.weight.detach().numpy())
