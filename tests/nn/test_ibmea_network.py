import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn import (
    AttentionFusion,
    ConcatFusion,
    EdgePattern,
    FeatureEncoder,
    GraphEncoder,
    VariationalNetwork,
)
from ibmea_sklearn.nn.features import FeatureTable
from ibmea_sklearn.nn.gaussian import GaussianHead
from ibmea_sklearn.nn.graph_encoder import AnchorStart, LearnedStart

N = 20
TRIPLES = torch.tensor([[i, 0, (i * i + 1) % 10] for i in range(10)])
TRIPLES = torch.cat([TRIPLES, TRIPLES + torch.tensor([10, 0, 10])])
PAIRS = torch.arange(N).reshape(2, 10).T


def network(
    triples=TRIPLES,
    values=None,
    mask=None,
    fusion=ConcatFusion,
    start=AnchorStart,
    anchor_fraction=0.5,
    n_nodes=N,
    max_pairs=None,
):
    """A network of a graph and one modality; the same weights each time."""
    torch.manual_seed(0)
    values = torch.randn(n_nodes, 5) if values is None else values
    mask = torch.ones(n_nodes, dtype=torch.bool) if mask is None else mask
    graph = GraphEncoder(EdgePattern.undirected(triples, n_nodes), start(n_nodes, 6))
    encoder = FeatureEncoder(5, 4)
    fusion = fusion({"graph": 6, "image": 4})
    table = FeatureTable(values, mask, 5)
    return VariationalNetwork(
        graph, {"image": table}, {"image": encoder}, fusion, anchor_fraction, max_pairs
    )


def watched(net):
    """Record what the graph encoder gets as anchors, and which nodes are encoded."""
    anchors, nodes = [], []
    net.graph.register_forward_pre_hook(lambda module, args: anchors.append(args[0]))
    net.tables["image"].register_forward_pre_hook(lambda module, args: nodes.append(args[0]))
    return anchors, nodes


def as_set(pairs):
    return {tuple(pair) for pair in pairs.tolist()}


# Anchors


@settings(max_examples=50)
@given(seed=st.integers(0, 1_000), n_known=st.integers(0, 10), fraction=st.floats(0.01, 0.99))
def test_each_known_pair_is_an_anchor_or_in_the_loss(seed, n_known, fraction):
    net = network(anchor_fraction=fraction)
    anchors, nodes = watched(net)
    torch.manual_seed(seed)
    known = PAIRS[torch.randperm(10)[:n_known]]
    encoded = net(known)
    in_loss = nodes[0].reshape(2, -1).T
    assert not as_set(anchors[0]) & as_set(in_loss)
    assert as_set(anchors[0]) | as_set(in_loss) == as_set(known)
    wanted = max(2, round(n_known * (1 - fraction)))
    assert len(encoded.fused) == 2 * len(in_loss) == 2 * min(n_known, wanted)


@pytest.mark.parametrize(
    ("fraction", "max_pairs", "n_in_loss"),
    [(0.7, None, 3), (0.99, None, 2), (0.01, None, 10), (0.3, 4, 4), (0.3, 9, 7), (0.0, 5, 5)],
)
def test_how_many_are_in_the_loss(fraction, max_pairs, n_in_loss):
    net = network(anchor_fraction=fraction, max_pairs=max_pairs)
    anchors, nodes = watched(net)
    net(PAIRS)
    assert (len(nodes[0]), len(anchors[0])) == (2 * n_in_loss, 10 - n_in_loss)


def test_each_pair_is_in_the_loss_as_often():
    net = network(anchor_fraction=0.7)
    _, nodes = watched(net)
    torch.manual_seed(0)
    for _ in range(400):
        net(PAIRS)
    counts = torch.bincount(torch.cat(nodes), minlength=N)
    assert torch.equal(counts[:10], counts[10:])
    assert counts[:10].tolist() == pytest.approx([400 * 3 / 10] * 10, rel=0.3)


def test_without_a_fraction_all_pairs_are_in_the_loss():
    net = network(start=LearnedStart, anchor_fraction=0)
    anchors, nodes = watched(net)
    net(PAIRS[:4])
    assert nodes[0].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]  # all left, then all right
    assert len(anchors[0]) == 0


# Training and inference


def test_draws_in_training_and_the_mean_at_inference():
    net = network()
    nodes = torch.arange(N)
    encoded = net.encode(nodes, PAIRS)
    assert not torch.equal(encoded.vectors["image"], encoded.posteriors["image"].mean)
    net.eval()
    encoded = net.encode(nodes, PAIRS)
    for modality, posterior in encoded.posteriors.items():
        assert torch.equal(encoded.vectors[modality], posterior.mean)
    again = net.encode(nodes, PAIRS)
    assert torch.equal(encoded.fused, again.fused)


def test_pairs_that_are_different_are_encoded_beside_those_in_the_loss():
    net = network(anchor_fraction=0.0).eval()  # nothing is drawn but the order of what is different
    different = torch.tensor([[0, 12], [3, 11], [4, 10]])
    encoded = net(PAIRS, different)
    alone = net.encode(PAIRS.T.reshape(-1), PAIRS[:0])
    torch.testing.assert_close(encoded.fused, alone.fused)
    assert all(len(p.mean) == N for p in encoded.posteriors.values())  # no divergence of the others
    ends = net.encode(different.T.reshape(-1), PAIRS[:0]).fused.chunk(2)
    found = torch.cat(encoded.apart.chunk(2), 1)
    expected = torch.cat(ends, 1)
    order = torch.cdist(found, expected).argmin(0)
    torch.testing.assert_close(found[order], expected)


def test_some_nodes_are_encoded_as_among_all():
    net, nodes = network().eval(), torch.tensor([7, 0, 12, 7])
    everything, some = net.encode(torch.arange(N), PAIRS), net.encode(nodes, PAIRS)
    torch.testing.assert_close(some.fused, everything.fused[nodes])
    means = [encoded.posteriors["graph"].mean for encoded in (some, everything)]
    torch.testing.assert_close(means[0], means[1][nodes])


@pytest.mark.parametrize("fusion", [ConcatFusion, AttentionFusion])
def test_a_missing_modality_has_no_weight(fusion):
    mask = torch.arange(N) % 3 > 0
    encoded = network(mask=mask, fusion=fusion).eval().encode(torch.arange(N), PAIRS)
    assert torch.equal(encoded.masks["image"], mask) and encoded.masks["graph"].all()
    assert (encoded.weights[~mask, 1] == 0).all() and (encoded.weights[mask, 1] > 0).all()
    torch.testing.assert_close(encoded.weights.sum(1), torch.ones(N))


@pytest.mark.parametrize("fusion", [ConcatFusion, AttentionFusion])
def test_features_of_who_lacks_them_change_nothing(fusion):
    mask = torch.arange(N) % 3 > 0
    values = torch.randn(N, 5, generator=torch.Generator().manual_seed(1))
    other = torch.where(mask[:, None], values, 99.0)
    nodes = torch.arange(N)
    one, two = (
        network(values=v, mask=mask, fusion=fusion).eval().encode(nodes, PAIRS).fused
        for v in (values, other)
    )
    torch.testing.assert_close(one, two)


# Read-out


def bottleneck_of_fused(net):
    """The same network with one Gaussian of the fused vector."""
    torch.manual_seed(1)
    net.fused_posterior = GaussianHead(net.fusion.n_components, 3)
    return net


@pytest.mark.parametrize("change", [lambda net: net, bottleneck_of_fused])
def test_vectors_of_all_nodes_are_posterior_means_with_all_known_pairs_as_anchors(change):
    mask = torch.arange(N) % 3 > 0
    net = change(network(mask=mask))
    anchors, _ = watched(net)
    vectors, fused = net.vectors(PAIRS), net.vectors(PAIRS, "fused")
    assert not net.training
    assert all(torch.equal(pairs, PAIRS) for pairs in anchors)
    encoded = net.encode(torch.arange(N), PAIRS)
    for modality, x in vectors.items():
        expected = encoded.vectors[modality] * encoded.masks[modality][:, None]
        np.testing.assert_array_equal(x, expected.detach().numpy())
    assert list(vectors) == ["graph", "image"] and list(fused) == ["network"]
    assert (vectors["image"][~mask] == 0).all() and (vectors["image"][mask] != 0).any(1).all()
    np.testing.assert_array_equal(fused["network"], encoded.fused.detach().numpy())
    assert {x.dtype for x in (*vectors.values(), *fused.values())} == {np.dtype(np.float32)}


def test_read_out_says_how_sure_the_network_is():
    net = network()
    read = net.read_out(PAIRS)
    encoded = net.encode(torch.arange(N), PAIRS)
    for modality, posterior in encoded.posteriors.items():
        np.testing.assert_array_equal(read.embeddings[modality], posterior.mean.detach().numpy())
        variances = posterior.log_variance.exp().detach().numpy()
        np.testing.assert_array_equal(read.variances[modality], variances)
    np.testing.assert_array_equal(read.weights, encoded.weights.detach().numpy())
    assert list(read.variances) == ["graph", "image"]


@pytest.mark.parametrize("change", [lambda net: net, bottleneck_of_fused])
@pytest.mark.parametrize("fusion", [ConcatFusion, AttentionFusion])
def test_what_is_kept_one_by_one_is_what_is_returned_at_once(change, fusion):
    net = change(network(mask=torch.arange(N) % 3 > 0, fusion=fusion))
    kept = []

    def keep(array):
        kept.append(array.shape)
        return array

    for parts in ("channels", "fused"):
        expected = net.vectors(PAIRS, parts)
        for name, x in net.vectors(PAIRS, parts, keep=keep).items():
            np.testing.assert_array_equal(x, expected[name])
    assert kept == [(N, 6), (N, 4), net.vectors(PAIRS, "fused")["network"].shape]
    assert not net.training
    expected, made = net.read_out(PAIRS), net.read_out(PAIRS, keep=keep)
    for whole, parts in zip(expected[:2], made[:2], strict=True):
        assert list(whole) == list(parts)
        for name, x in whole.items():
            np.testing.assert_allclose(parts[name], x, rtol=1e-6)
    np.testing.assert_allclose(made.weights, expected.weights, rtol=1e-6)


def test_no_two_channels_are_there_as_arrays():
    seen = []

    def keep(array):
        assert all(before() is None for before in seen)
        seen.append(weakref.ref(array))
        return array.shape

    assert network().vectors(PAIRS, keep=keep) == {"graph": (N, 6), "image": (N, 4)}


def test_known_pairs_decide_what_all_nodes_look_like():
    net = network()
    one, two = net.vectors(PAIRS), net.vectors(PAIRS[:5])
    assert (one["graph"] != two["graph"]).any() and (one["image"] == two["image"]).all()


def test_a_network_knows_its_number_of_nodes_with_a_graph_or_without():
    net = network()
    alone = VariationalNetwork(
        None, dict(net.tables), dict(net.encoders), ConcatFusion({"image": 4})
    )
    assert net.n_nodes == alone.n_nodes == N
    assert alone.vectors(PAIRS)["image"].shape == (N, 4)


# Properties


@pytest.mark.parametrize("fusion", [ConcatFusion, AttentionFusion])
@pytest.mark.parametrize("start", [AnchorStart, LearnedStart])
@settings(max_examples=25)
@given(seed=st.integers(0, 1_000))
def test_permuting_nodes_permutes_rows(fusion, start, seed):
    generator = torch.Generator().manual_seed(seed)
    values, mask = torch.randn(N, 5, generator=generator), torch.rand(N, generator=generator) < 0.8
    order = torch.randperm(N, generator=generator)
    place = torch.argsort(order)
    moved_triples = torch.column_stack([place[TRIPLES[:, 0]], TRIPLES[:, 1], place[TRIPLES[:, 2]]])
    here = network(values=values, mask=mask, fusion=fusion, start=start).eval()
    there = network(moved_triples, values[order], mask[order], fusion, start).eval()
    for name, own in here.graph.start.state_dict().items():  # what belongs to a node moves with it
        there.graph.start.state_dict()[name].copy_(own[order])
    expected = here.encode(torch.arange(N), PAIRS[:6])
    moved = there.encode(torch.arange(N), place[PAIRS[:6]])
    torch.testing.assert_close(moved.fused, expected.fused[order], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(moved.weights, expected.weights[order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", [AnchorStart, LearnedStart])
@settings(max_examples=25)
@given(seed=st.integers(0, 1_000))
def test_an_isolated_entity_changes_no_others_row(start, seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(N + 1, 5, generator=generator)
    one = network(values=values[:N], start=start).eval()
    two = network(values=values, start=start, n_nodes=N + 1).eval()
    own = one.state_dict()
    for name, weight in two.state_dict().items():
        weight[: len(own[name])] = own[name]  # of the start, all rows but the newcomer's
    encoded = one.encode(torch.arange(N), PAIRS[:6])
    more = two.encode(torch.arange(N + 1), PAIRS[:6])
    torch.testing.assert_close(more.fused[:N], encoded.fused, rtol=1e-5, atol=1e-6)
    assert torch.isfinite(more.fused[N]).all()
