"""The composed network and its objective: every ablation, any modality missing for anybody."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ibmea_sklearn.losses import TMEALoss
from ibmea_sklearn.nn import CommonalityFusion, ConcatFusion, TMEANetwork, tmea
from ibmea_sklearn.nn.features import FeatureProjection, FeatureTable
from ibmea_sklearn.nn.imputation import ModalityImputer
from ibmea_sklearn.nn.transe import KnowledgeEncoder

N1, N = 10, 20
WIDTH = 8
RING = torch.tensor([[i, i % 2, (i + 1) % N1] for i in range(N1 - 1)])  # the last has no triple out
TRIPLES = torch.cat([RING, RING + torch.tensor([N1, 2, N1])])
POOLS = torch.tensor([[0, N1], [0, N1], [N1, N], [N1, N]])
PAIRS = torch.arange(N).reshape(2, N1).T
FEATURES = ("image", "attribute")
ALL = ("graph", *FEATURES)


def features(seed=0):
    """Much alike for both entities of a pair."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for m in FEATURES:
        half = torch.randn(N1, 6, generator=generator)
        made[m] = torch.cat([half, half]) + 0.1 * torch.randn(N, 6, generator=generator)
    return made


def network(
    modalities=ALL,
    masks=None,
    values=None,
    imputes=True,
    attention="multi",
    max_pairs=None,
    pairs=PAIRS,
):
    """A network; the same weights each time. No attention means no commonality."""
    torch.manual_seed(0)
    values = values or features()
    masks = masks or {m: torch.ones(N, dtype=torch.bool) for m in FEATURES}
    knowledge = None
    if "graph" in modalities:
        knowledge = KnowledgeEncoder(TRIPLES, N, POOLS, WIDTH)
        knowledge.update(pairs)
    tables = {m: FeatureTable(values[m], masks[m], 6) for m in modalities if m != "graph"}
    projections = {m: FeatureProjection(torch.nn.Linear(6, WIDTH)) for m in tables}
    widths = dict.fromkeys(modalities, WIDTH)
    targets = list(tables)
    imputes = imputes and len(modalities) > 1 and targets
    imputer = ModalityImputer(widths, targets, WIDTH, n_latent=4) if imputes else None
    fusion = CommonalityFusion(widths, attention) if attention else ConcatFusion(widths)
    return TMEANetwork(knowledge, tables, projections, imputer, fusion, max_pairs)


def every_part(net, loss=None, seeds=PAIRS):
    return (loss or TMEALoss())(net(TRIPLES, seeds))


# Ablations


@pytest.mark.parametrize("attention", ["multi", "single", None])
@pytest.mark.parametrize("imputes", [True, False])
@pytest.mark.parametrize(
    "modalities",
    [ALL, FEATURES, ("graph", "image"), ("graph", "attribute"), ("graph",), ("image",)],
    ids="+".join,
)
def test_every_ablation_trains_and_encodes(modalities, imputes, attention):
    net = network(modalities, imputes=imputes, attention=attention)
    parts = every_part(net)
    assert ("triples" in parts) == ("graph" in modalities)
    assert {p for p in parts if p.startswith("contrast")} == {
        f"contrast_{m}" for m in (*modalities, "fused")
    }
    filled = [m for m in modalities if m != "graph"] if imputes and len(modalities) > 1 else []
    assert {p for p in parts if p.startswith("imputation")} == {f"imputation_{m}" for m in filled}
    assert (parts["orthogonality"] > 0) == bool(attention and len(modalities) > 1)
    sum(parts.values()).backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    encoded = net.eval().encode(torch.arange(N))
    assert encoded.fused.shape == (N, WIDTH * len(modalities))
    assert encoded.weights.shape == (N, len(modalities))
    torch.testing.assert_close(encoded.weights.sum(1), torch.ones(N))


def test_every_weight_is_trained():
    masks = {m: torch.arange(N) % 5 != i for i, m in enumerate(FEATURES)}
    for attention in ("multi", "single"):
        net = network(masks=masks, attention=attention)
        loss = TMEALoss(orthogonality_weight=1.0, latent_weight=1.0)
        sum(every_part(net, loss).values()).backward()
        untrained = [name for name, p in net.named_parameters() if not (p.grad != 0).any()]
        assert untrained == []


# Missing modalities


@pytest.mark.parametrize("attention", ["multi", "single", None])
@pytest.mark.parametrize("imputes", [True, False])
@settings(max_examples=8)
@given(
    seed=st.integers(0, 1_000),
    shares=st.tuples(*[st.sampled_from([0.0, 0.3, 0.7, 1.0])] * 4),
)
def test_any_modality_may_be_missing_for_any_share_of_either_side(attention, imputes, seed, shares):
    generator = torch.Generator().manual_seed(seed)
    chance = {m: torch.rand(N, generator=generator) for m in FEATURES}
    share = dict(zip(FEATURES, (shares[:2], shares[2:]), strict=True))
    masks = {m: chance[m] < torch.tensor(share[m]).repeat_interleave(N1) for m in FEATURES}
    net = network(masks=masks, imputes=imputes, attention=attention)
    parts = every_part(net)
    sum(parts.values()).backward()
    assert all(torch.isfinite(part) for part in parts.values())
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    encoded = net.eval().encode(torch.arange(N))
    assert torch.isfinite(encoded.fused).all() and torch.isfinite(encoded.weights).all()
    for m in FEATURES:
        assert torch.equal(encoded.masks[m], masks[m])
        expected = ~masks[m] if imputes else torch.zeros_like(masks[m])
        if not masks["image"].all() or not masks["attribute"].all():
            expected = expected & (net.knowledge.connected | masks["image"] | masks["attribute"])
        assert torch.equal(encoded.imputed[m], expected)


@pytest.mark.parametrize("attention", ["multi", "single", None])
def test_features_of_who_lacks_them_change_nothing(attention):
    masks = {m: torch.arange(N) % 3 != i for i, m in enumerate(FEATURES)}
    other = {m: torch.where(masks[m][:, None], v, 99.0) for m, v in features().items()}
    nodes = torch.arange(N)
    one, two = (
        network(masks=masks, values=values, attention=attention).eval().encode(nodes).fused
        for values in (features(), other)
    )
    torch.testing.assert_close(one, two)


def test_an_entity_with_nothing_at_all_is_zero_and_disturbs_nobody():
    masks = {m: torch.arange(N) != 9 for m in FEATURES}
    net = network(masks=masks, pairs=PAIRS[:5]).eval()
    net.knowledge.connected[9] = False
    encoded = net.encode(torch.arange(N))
    assert (encoded.fused[9] == 0).all()
    assert not any(encoded.imputed[m][9] for m in ALL)
    assert (encoded.fused[torch.arange(N) != 9] != 0).any(1).all()


# Training and inference


def test_no_chance_at_inference():
    masks = {m: torch.arange(N) % 3 != i for i, m in enumerate(FEATURES)}
    net, nodes = network(masks=masks), torch.arange(N)
    assert not torch.equal(net.encode(nodes).fused, net.encode(nodes).fused)
    net.eval()
    one, two = net.encode(nodes), net.encode(nodes)
    assert torch.equal(one.fused, two.fused)
    assert not one.reconstructions


def test_some_nodes_are_encoded_as_among_all():
    net, nodes = network().eval(), torch.tensor([7, 0, 12, 7])
    torch.testing.assert_close(net.encode(nodes).fused, net.encode(torch.arange(N)).fused[nodes])


def test_a_step_encodes_both_sides_of_the_known_pairs():
    net = network(pairs=PAIRS[:4]).eval()
    step = net(TRIPLES, PAIRS[:4])
    assert step.found is None
    assert torch.equal(step.seeds.fused, net.encode(PAIRS[:4].T.reshape(-1)).fused)
    assert len(step.distances.true) == len(TRIPLES)


def test_a_step_may_look_at_triples_alone():
    net = network()
    net.tables["image"].register_forward_pre_hook(lambda *args: pytest.fail("features were read"))
    step = net(TRIPLES)
    assert step.seeds is None is step.found
    assert list(TMEALoss()(step)) == ["triples"]


def test_a_step_may_look_at_pairs_alone():
    for net in (network(), network(FEATURES)):
        step = net(seeds=PAIRS)
        assert step.distances is None is step.found and len(step.seeds.fused) == N


def test_without_a_graph_triples_are_not_read():
    assert network(FEATURES)(TRIPLES, PAIRS).distances is None


@pytest.mark.parametrize(("modalities", "triples"), [(FEATURES, TRIPLES), (ALL, None)])
def test_a_step_that_looks_at_nothing_is_an_error(modalities, triples):
    with pytest.raises(ValueError, match="Expected seeds, or triples of a graph; found neither"):
        network(modalities)(triples)


@pytest.mark.parametrize("found", [None, PAIRS[:0]])
def test_no_found_pairs_are_no_part_of_a_step(found):
    assert network()(TRIPLES, PAIRS, found).found is None


def test_found_pairs_follow_the_seeds():
    net = network().eval()
    step = net(TRIPLES, PAIRS[:6], PAIRS[6:])
    for encoded, pairs in ((step.seeds, PAIRS[:6]), (step.found, PAIRS[6:])):
        torch.testing.assert_close(encoded.fused, net.encode(pairs.T.reshape(-1)).fused)
    assert step.seeds.reconstructions and not step.found.reconstructions
    assert "found" in TMEALoss()(step)


def test_no_more_pairs_than_wanted_and_each_as_often():
    net = network(max_pairs=3)
    sizes, drawn = [], []
    net.tables["image"].register_forward_pre_hook(lambda module, args: drawn.append(args[0]))
    torch.manual_seed(0)
    for _ in range(100):
        step = net(TRIPLES, PAIRS[:6], PAIRS[6:])
        sizes += [len(step.seeds.fused), len(step.found.fused)]
    assert set(sizes) == {2 * 3}
    counts = torch.bincount(torch.cat(drawn), minlength=N)
    assert torch.equal(counts[:N1], counts[N1:])
    assert counts[:6].tolist() == pytest.approx([100 * 3 / 6] * 6, rel=0.4)


@pytest.mark.parametrize("known", [PAIRS[:0], PAIRS[:1]])
def test_no_pair_or_a_single_one(known):
    net = network(pairs=known)
    parts = every_part(net, seeds=known)
    sum(parts.values()).backward()
    assert all(torch.isfinite(part) for part in parts.values())
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)
    if not len(known):
        assert parts["contrast_fused"] == 0


# Read-out


@pytest.mark.parametrize("block", [7, 20_000])
def test_vectors_and_read_out_are_of_all_nodes_and_hold_zeros_where_there_is_nothing(
    block, monkeypatch
):
    monkeypatch.setattr(tmea, "_BLOCK", block)
    masks = {m: torch.arange(N) % 5 != i for i, m in enumerate(FEATURES)}
    net = network(masks=masks)
    vectors, fused, read = net.vectors(), net.vectors(PAIRS, "fused"), net.read_out(PAIRS)
    assert not net.training and net.n_nodes == N
    encoded = net.encode(torch.arange(N))
    assert list(vectors) == [*ALL, "network"] and list(fused) == ["network"]
    for m in ALL:
        assert torch.equal(torch.from_numpy(read.imputed[m]), encoded.imputed[m])
        there = (encoded.masks[m] | encoded.imputed[m])[:, None]
        own = encoded.vectors[m] * encoded.masks[m][:, None]
        torch.testing.assert_close(torch.from_numpy(vectors[m]), own.detach())
        completed = (encoded.vectors[m] * there).detach()
        torch.testing.assert_close(torch.from_numpy(read.embeddings[m]), completed)
    for made in (vectors, fused):
        torch.testing.assert_close(torch.from_numpy(made["network"]), encoded.fused.detach())
    torch.testing.assert_close(torch.from_numpy(read.weights), encoded.weights.detach())
    made = (*vectors.values(), *read.embeddings.values(), read.weights)
    assert {x.dtype.name for x in made} == {"float32"}


def test_what_is_kept_is_every_array_of_vectors():
    net = network()
    expected, kept = net.vectors(), net.vectors(keep=lambda array: array.tolist())
    assert kept == {m: array.tolist() for m, array in expected.items()}
    expected, kept = net.read_out(), net.read_out(keep=lambda array: array.tolist())
    assert kept.embeddings == {m: array.tolist() for m, array in expected.embeddings.items()}


def test_vectors_without_a_graph():
    vectors = network(FEATURES).vectors()
    assert {name: x.shape for name, x in vectors.items()} == {
        "image": (N, WIDTH),
        "attribute": (N, WIDTH),
        "network": (N, 2 * WIDTH),
    }


def test_checkpoint_holds_weights_only():
    net = network()
    names = set(net.state_dict())
    weights = {name for name, _ in net.named_parameters()}
    assert names == weights | {"knowledge.connected"}
    again = network()
    again.load_state_dict(copy.deepcopy(net.state_dict()))


@pytest.mark.parametrize("attention", ["multi", "single"])
def test_learns_to_align_pairs_that_it_was_not_shown(attention):
    net = network(pairs=PAIRS[:6], attention=attention)
    triples = net.knowledge.update(PAIRS[:6])
    optimizer = torch.optim.Adam(net.parameters(), 2e-2, fused=True)
    loss = TMEALoss()
    torch.manual_seed(0)
    for _ in range(40):
        optimizer.zero_grad()
        sum(loss(net(triples, PAIRS[:6])).values()).backward()
        optimizer.step()
    net.eval()
    left, right = (torch.nn.functional.normalize(net.encode(side).fused) for side in PAIRS.T)
    hits = (left @ right.T).argmax(1) == torch.arange(N1)
    assert hits[6:].float().mean() >= 0.75
