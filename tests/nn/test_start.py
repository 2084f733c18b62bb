import torch
from hypothesis import given
from hypothesis import strategies as st

from ibmea_sklearn.nn.start import AnchorStart, FixedStart, LearnedStart

NO_PAIRS = torch.empty(0, 2, dtype=torch.int64)


def pairs_of(n_pairs: int, n_nodes: int, seed: int) -> torch.Tensor:
    """Pairs of different nodes, none of them in two pairs."""
    order = torch.randperm(n_nodes, generator=torch.Generator().manual_seed(seed))
    return order[: 2 * n_pairs].reshape(-1, 2)


@given(n_pairs=st.integers(0, 5), seed=st.integers(0, 1_000))
def test_both_nodes_of_an_anchor_start_from_one_unit_vector(n_pairs, seed):
    start, anchors = AnchorStart(12, 8), pairs_of(n_pairs, 12, seed)
    x = start(anchors)
    left, right = anchors.T
    torch.testing.assert_close(x[left], x[right], rtol=0, atol=0)
    torch.testing.assert_close(x[left].norm(dim=1), torch.ones(n_pairs))
    others = torch.ones(12, dtype=torch.bool)
    others[anchors.flatten()] = False
    assert (x[others] == 0).all()
    assert len(torch.unique(x[left], dim=0)) == n_pairs  # no two anchors look alike


def test_an_anchor_keeps_its_vector_whatever_the_others():
    start = AnchorStart(6, 4)
    alone = start(torch.tensor([[0, 3]]))
    together = start(torch.tensor([[1, 4], [0, 3]]))
    assert torch.equal(alone[[0, 3]], together[[0, 3]])
    assert (start(NO_PAIRS) == 0).all()


def test_anchors_are_kept_in_a_checkpoint_and_not_learned():
    start, other = AnchorStart(6, 4), AnchorStart(6, 4)
    assert not list(start.parameters())
    other.load_state_dict(start.state_dict())
    anchors = torch.tensor([[0, 3], [2, 5]])
    assert torch.equal(start(anchors), other(anchors))


def test_learned_vectors_do_not_depend_on_anchors():
    start = LearnedStart(6, 4)
    x = start(torch.tensor([[0, 3]]))
    assert torch.equal(x, start(NO_PAIRS)) and x.shape == (6, 4)
    x.sum().backward()
    assert (start.vectors.grad == 1).all()


def test_given_vectors_stay_as_they_are():
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    start = FixedStart(vectors)
    assert start.n_components == 4
    for anchors in (NO_PAIRS, torch.tensor([[0, 3]])):
        assert torch.equal(start(anchors), vectors)
    # Data, not weights: nothing is learned, and a checkpoint does not hold it.
    assert not list(start.parameters()) and not start.state_dict()
    assert start.to(torch.float64)(NO_PAIRS).dtype == torch.float64  # yet it moves along


@given(nodes=st.lists(st.integers(0, 11), max_size=8), n_pairs=st.integers(0, 5))
def test_some_nodes_start_as_they_do_among_all(nodes, n_pairs):
    anchors, nodes = pairs_of(n_pairs, 12, 0), torch.tensor(nodes, dtype=torch.int64)
    for start in (AnchorStart(12, 4), LearnedStart(12, 4), FixedStart(torch.randn(12, 4))):
        assert torch.equal(start(anchors, nodes), start(anchors)[nodes])
        assert start(anchors, nodes).requires_grad == start(anchors).requires_grad
