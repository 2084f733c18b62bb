"""Two sides whose entities are alike by planted pairs, and a search among them."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ibmea_sklearn.channels import PairSearch
from ibmea_sklearn.channels.channels import Channels
from ibmea_sklearn.graph import Sides
from ibmea_sklearn.matching import Matching, sinkhorn

N_LEFT, N_RIGHT = 40, 45
TRUE = np.column_stack([np.arange(N_LEFT), N_LEFT + np.arange(N_LEFT)])
TRAIN, HELD_OUT, REST = TRUE[:8], TRUE[8:18], TRUE[18:]


def vectors_of(noise, seed=0, width=12):
    """Vectors by which TRUE are alike, more or less; the last right nodes have no partner."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(N_LEFT + N_RIGHT, width))
    values[N_LEFT : 2 * N_LEFT] = values[:N_LEFT]
    return (values + noise * rng.normal(size=values.shape)).astype(np.float32)


def search_in(
    noise=0.8,
    min_confidence=0.5,
    train=TRAIN,
    held_out=HELD_OUT,
    frozen=None,
    other=None,
    propagation=None,
    **options,
):
    frozen = {"x": vectors_of(noise)} if frozen is None else frozen
    if other is not None:
        frozen["other"] = other
    channels = Channels(N_LEFT, N_LEFT + N_RIGHT, frozen, propagation)
    return PairSearch(channels, train, held_out, min_confidence, Matching(), **options)


def joined(search, encode=None, weights=None):
    """Vectors of all nodes, of length 1, by all channels as they are weighed."""
    vectors = search.channels.vectors(search.known, encode)
    if weights is not None:
        search.channels.weights = dict(zip(vectors, weights, strict=True))
    return search.channels.join(vectors)


def naive_mutual(vectors, train=TRAIN):
    """Pairs that are each other's best by Sinkhorn, with their probability, in plain loops."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.where(lengths > 0, lengths, 1)
    nodes = Sides(range(N_LEFT), range(N_LEFT, N_LEFT + N_RIGHT))
    free = [[n for n in side if n not in train[:, i]] for i, side in enumerate(nodes)]
    similarities = np.array([[vectors[i] @ vectors[j] for j in free[1]] for i in free[0]])
    rows, columns = np.indices(similarities.shape)
    every = sparse.coo_array(
        (similarities.astype(np.float32).ravel(), (rows.ravel(), columns.ravel())),
        similarities.shape,
    )
    chances = sinkhorn(every.tocsr()).toarray()
    found = {}
    for i, left in enumerate(free[0]):
        j = int(chances[i].argmax())
        if chances[:, j].argmax() == i:
            found[left, free[1][j]] = float(chances[i, j])
    return found


def as_set(pairs):
    return set(map(tuple, pairs.tolist()))
