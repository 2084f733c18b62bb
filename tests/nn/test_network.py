import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.nn.fusion import AttentionFusion, ConcatFusion
from ibmea_sklearn.nn.gaussian import FeatureEncoder, GraphEncoder
from ibmea_sklearn.nn.network import VariationalNetwork
from ibmea_sklearn.nn.rows import FeatureTable
from ibmea_sklearn.nn.sparse import EdgePattern
from ibmea_sklearn.nn.start import AnchorStart, LearnedStart

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
    built = VariationalNetwork(
        graph, {"image": table}, {"image": encoder}, fusion, anchor_fraction, max_pairs
    )
    built.known = PAIRS
    return built


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
@given(seed=st.integers(0, 1_000), n_batch=st.integers(0, 10), fraction=st.floats(0.01, 0.99))
def test_no_anchor_is_in_the_loss(seed, n_batch, fraction):
    net = network(anchor_fraction=fraction)
    anchors, nodes = watched(net)
    torch.manual_seed(seed)
    encoded = net(PAIRS[torch.randperm(10)[:n_batch]])
    in_loss = nodes[0].reshape(2, -1).T
    assert not as_set(anchors[0]) & as_set(in_loss)
    assert as_set(anchors[0]) | as_set(in_loss) == as_set(PAIRS)  # each is one or the other
    wanted = max(2, round(n_batch * (1 - fraction)))
    assert len(encoded.fused) == 2 * len(in_loss) == 2 * min(n_batch, wanted)


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


def test_known_pairs_outside_the_batch_are_anchors():
    net = network()
    anchors, _ = watched(net)
    net(PAIRS[:3])
    assert as_set(PAIRS[3:]) <= as_set(anchors[0])


def test_without_a_fraction_all_pairs_are_in_the_loss():
    net = network(start=LearnedStart, anchor_fraction=0)
    anchors, nodes = watched(net)
    net(PAIRS[:4])
    assert nodes[0].tolist() == [0, 1, 2, 3, 10, 11, 12, 13]  # all left, then all right
    assert torch.equal(anchors[0], PAIRS[4:])


def test_known_pairs_are_no_weights():
    assert "known" not in network().state_dict()


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
