"""Vectors of entities, such as labels of known pairs, propagated over entities and relations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn.functional import embedding_bag, normalize

from ..._utils.columns import StoredVectors, VectorStore, column_blocks, is_stored
from ..._utils.csr import csr_tensor, device_of_sparse
from ...graph import KnowledgeGraph
from ...graph._joint import joint_triples

# Columns that each relation feature weights: wide enough for the product to pay.
_WIDTH = 16
# Labels that are drawn at once where they are kept in a store.
_DRAWN = 4096
# Own vectors count this much more than those of the neighbours. Hits@1 of 2 against 1, on a fifth
# of the training seeds: DBP15K zh-en .559 and .544, ja-en .538 and .532, FB15K-DB15K .350 and .346.
_OWN = 2.0


class Propagation:
    """Propagate vectors of some nodes over both graphs, and return features of all nodes.

    Called with known pairs, each pair starts with a random unit vector, its label, all other nodes
    with zero; :meth:`spread` takes vectors of any other origin. Relations take the normalised
    sum of their heads, entities that of their neighbours and relations, twice. Then each feature
    of the relations weights an adjacency of its own, over which some of the entities' features
    are sent once more: neighbours by unlike relations no longer look alike. Nothing is trained.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    n_components : int
        Width of the features.
    label_width : int
        Of the labels of known pairs.
    hub_exponent : float
        A triple counts c ** -hub_exponent, where c heads share its relation and tail.
    random_state : int
    device : str
        Of torch. Random numbers are drawn on the CPU, so that all devices have the same.
    block_bytes : int
        Bound on what is held at once of the weights of adjacencies.

    Attributes
    ----------
    store : VectorStore or None
        Where the features of all nodes are kept, and what they are made of. By default they are an
        array, and so is all else.

    Notes
    -----
    After Mao et al., LightEA, EMNLP 2022, where tails take from relations instead of heads, and
    a Gaussian projection of the features is sent in the end. A selection is several times cheaper
    at nearly the same result (Hits@1 on DBP15K zh-en .720 against .732 at equal width).
    The label of a pair is that of its left node, whichever other pairs there are: features made
    from different pairs are comparable.
    """

    store: VectorStore | None = None

    def __init__(
        self,
        kg1: KnowledgeGraph,
        kg2: KnowledgeGraph,
        *,
        n_components: int = 2048,
        label_width: int = 512,
        hub_exponent: float = 0.25,
        random_state: int = 0,
        device: str = "cpu",
        block_bytes: int = 64 * 2**20,
    ) -> None:
        self.n_nodes = kg1.n_entities + kg2.n_entities
        self.n_components, self.label_width = n_components, label_width
        self.random_state, self.block_bytes = random_state, block_bytes
        self.device = device_of_sparse(device)
        triples = _with_inverses(joint_triples(kg1, kg2))
        self.has_triples = len(triples) > 0
        if self.has_triples:
            self._connect(triples, _weights(triples, self.n_nodes, hub_exponent))

    def _connect(self, triples: np.ndarray, weights: np.ndarray) -> None:
        head, relation, tail = triples.T
        n, n_relations = self.n_nodes, int(relation.max()) + 1
        neighbours = _matrix(head, tail, weights, (n, n))
        degrees = sparse.diags_array(neighbours.sum(axis=1), format="csr")
        self.neighbours = self._sparse(neighbours + degrees)
        relations_of_head = _largest(head, relation, weights, (n, n_relations))
        self.to_heads = self._sparse(relations_of_head)
        self.from_heads = self._sparse(relations_of_head.T.tocsr())
        # Connected pairs of nodes, numbered in CSR order, and the relations that connect each.
        self.edges = neighbours.copy()
        self.edges.data = np.arange(neighbours.nnz)
        edge = np.unique(head * n + tail, return_inverse=True)[1]
        shape = (neighbours.nnz, n_relations)
        self.relations_of_edge = _matrix(edge, relation, weights, shape)

    def __call__(
        self, pairs: np.ndarray, codes: np.ndarray | None = None, rows: np.ndarray | None = None
    ) -> Any:
        """Return the features that known pairs give.

        Parameters
        ----------
        pairs : int64 ndarray of shape (n_pairs, 2)
            Node numbers; those of the second graph follow those of the first.
        codes : int64 ndarray of shape (n_pairs,), optional
            Number of each pair's label among all labels; its left node if not given.
        rows : int64 ndarray of shape (n_rows,), optional
            Nodes to return the features of; all if not given.

        Returns
        -------
        float32 ndarray of shape (n_nodes or n_rows, n_components)
            Rows of length 1; zero where no known pair is near. Those of all nodes are
            StoredVectors where there is a `store`.
        """
        if not len(pairs):
            return self._nothing(rows)
        if rows is None and self.store is not None:
            return self.spread(self._stored_labels(self.store, pairs, codes))
        return self.spread(self._labels(pairs, codes), rows)

    def spread(self, start: Any, rows: np.ndarray | None = None) -> Any:
        """Return the features that vectors of the nodes give.

        Parameters
        ----------
        start : float32 Tensor, ndarray or StoredVectors of shape (n_nodes, width)
            What each node starts with: a vector of length 1, or zero. It is written over.
        rows : int64 ndarray of shape (n_rows,), optional
            Nodes to return the features of; all if not given.

        Returns
        -------
        float32 ndarray of shape (n_nodes or n_rows, n_components)
            Rows of length 1; zero where no vector but zero is near. Those of all nodes are
            StoredVectors where there is a `store`.
        """
        if not self.has_triples or (rows is not None and not len(rows)):
            return self._nothing(rows)
        if rows is None and self.store is not None:
            return self._spread_stored(self.store, start)
        entities, relations = self._views(torch.as_tensor(start, device=self.device))
        del start
        by_column = entities.T.contiguous()  # to choose columns from rows is slow
        del entities  # as large, and not needed any more: a fifth of what is held at the peak
        return self._by_relation(by_column, relations, rows).cpu().numpy()

    def _spread_stored(self, store: VectorStore, start: Any) -> StoredVectors:
        """Do the same a block of columns at a time."""
        if not is_stored(start):
            given = start
            n_rows, width = given.shape
            start = store.of_rows(n_rows, width, lambda rows: np.asarray(given[rows]), units=False)
            del given
        by_column, relations = self._stored_views(store, start)
        del start
        mixed, columns = self._drawn(relations, len(by_column))
        made = self._columns_by_relation(by_column, mixed, columns)
        width = self.n_components
        return store.of_columns(self.n_nodes, width, (part.cpu().numpy() for _, part in made))

    def _nothing(self, rows: np.ndarray | None) -> np.ndarray:
        n_rows = self.n_nodes if rows is None else len(rows)
        return np.zeros((n_rows, self.n_components), np.float32)

    def _labels(self, pairs: np.ndarray, codes: np.ndarray | None) -> Tensor:
        codes = shared_codes(pairs, pairs[:, 0] if codes is None else codes)
        random = np.random.default_rng(self.random_state)
        # The first rows are the same however many are drawn.
        drawn = normalize(self._normal(random, int(codes.max()) + 1, self.label_width))
        left, right = torch.tensor(pairs.T, device=self.device)
        labels = drawn.new_zeros((self.n_nodes, self.label_width))
        labels[left] = labels[right] = drawn[torch.tensor(codes, device=self.device)]
        return labels

    def _stored_labels(
        self, store: VectorStore, pairs: np.ndarray, codes: np.ndarray | None
    ) -> StoredVectors:
        """Return the labels of :meth:`_labels`, drawn some at a time."""
        codes = shared_codes(pairs, pairs[:, 0] if codes is None else codes)
        order = np.argsort(codes, kind="stable")
        random = np.random.default_rng(self.random_state)
        kept = store.columns(len(codes), self.label_width)
        for start in range(0, int(codes.max()) + 1, _DRAWN):
            n = min(_DRAWN, int(codes.max()) + 1 - start)
            drawn = normalize(self._normal(random, n, self.label_width)).cpu().numpy()
            first, last = np.searchsorted(codes[order], [start, start + n])
            kept.put_rows(slice(first, last), drawn[codes[order[first:last]] - start])
        labels = StoredVectors([(kept, 1.0)])
        left, right = pairs[order].T

        def block(values: np.ndarray) -> np.ndarray:
            result = np.zeros((self.n_nodes, values.shape[1]), np.float32)
            result[left] = result[right] = values
            return result

        blocks = (block(values) for values in column_blocks(labels))
        return store.of_columns(self.n_nodes, self.label_width, blocks)

    def _stored_views(
        self, store: VectorStore, start: StoredVectors
    ) -> tuple[StoredVectors, Tensor]:
        """Return the features of :meth:`_views`, those of entities by column."""
        n, width = start.shape

        def blocks(vectors: StoredVectors) -> Iterator[tuple[slice, Tensor]]:
            return ((c, torch.as_tensor(b, device=self.device)) for c, b in vectors.blocks())

        def of_relations(vectors: StoredVectors) -> Tensor:
            return _unit(torch.hstack([self.from_heads @ block for _, block in blocks(vectors)]))

        near1 = store.of_columns(
            n, width, ((self.neighbours @ block).cpu().numpy() for _, block in blocks(start))
        )
        relations1 = of_relations(start)
        near2 = store.of_columns(
            n,
            width,
            (
                (self.neighbours @ block).add_(self.to_heads @ relations1[:, columns].contiguous())
                .cpu().numpy()
                for columns, block in blocks(near1)
            ),
        )  # fmt: skip
        relations = _unit(torch.hstack([relations1, of_relations(near1)]))
        entities = start.joined(near1, _OWN, 1.0).joined(near2, 1.0, 1.0).units()
        by_column = store.columns(3 * width, n)
        for columns, block in entities.blocks():
            by_column.put_rows(columns, np.ascontiguousarray(block.T))
        return StoredVectors([(by_column, 1.0)]), relations

    def _views(self, start: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of entities, 3 vectors wide, and those of relations, 2 wide."""
        near1 = _unit(self.neighbours @ start)
        relations1 = _unit(self.from_heads @ start)
        near2 = _unit((self.neighbours @ near1).add_(self.to_heads @ relations1))
        relations2 = _unit(self.from_heads @ near1)
        return (
            _unit(torch.hstack([start.mul_(_OWN), near1, near2])),
            _unit(torch.hstack([relations1, relations2])),
        )

    def _by_relation(
        self, by_column: Tensor, relations: Tensor, rows: np.ndarray | None = None
    ) -> Tensor:
        mixed, columns = self._drawn(relations, len(by_column))
        edges = self.edges
        if rows is not None:
            edges, senders = _of_rows(edges, rows)
            by_column = by_column[:, torch.as_tensor(senders, device=self.device)]
        features = by_column.new_empty((edges.shape[0], self.n_components))
        for start, part in self._columns_by_relation(by_column, mixed, columns, edges):
            features[:, start : start + part.shape[1]] = part
        return _unit(features)

    def _drawn(self, relations: Tensor, n_columns: int) -> tuple[Tensor, Tensor]:
        """Draw what weights the adjacencies, and which columns are sent over each."""
        random = np.random.default_rng([self.random_state, 1])
        n_features = -(-self.n_components // _WIDTH)
        mixed = normalize(relations @ self._normal(random, relations.shape[1], n_features))
        return mixed, _cycle(random, n_columns, self.n_components).to(self.device)

    def _columns_by_relation(
        self,
        by_column: Tensor | StoredVectors,
        mixed: Tensor,
        columns: Tensor,
        edges: sparse.csr_array | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield the features, some columns at a time, and the first column of these."""
        edges = self.edges if edges is None else edges
        n_nodes = by_column.shape[1]
        # Held once: fresh memory for each product takes longer than the product.
        chosen = torch.empty((_WIDTH, n_nodes), device=self.device)
        dense = torch.empty((n_nodes, _WIDTH), device=self.device)
        for start, adjacencies in self._adjacencies(edges, mixed):
            for k, adjacency in enumerate(adjacencies, start):
                part = columns[k * _WIDTH : (k + 1) * _WIDTH]
                n = len(part)
                _take(by_column, part, chosen[:n])
                dense[:, :n] = chosen[:n].T
                yield k * _WIDTH, adjacency @ dense[:, :n]

    def _adjacencies(
        self, edges: sparse.csr_array, mixed: Tensor
    ) -> Iterator[tuple[int, list[_Sparse]]]:
        """Yield the adjacencies that each feature of the relations weights, in blocks."""
        relations = self._sparse(self.relations_of_edge[edges.data])
        indptr, indices = (
            torch.as_tensor(part, device=self.device) for part in (edges.indptr, edges.indices)
        )
        step = max(1, self.block_bytes // (8 * max(1, edges.nnz)))  # 4 bytes, and a copy
        for start in range(0, mixed.shape[1], step):
            weights = relations @ mixed[:, start : start + step].contiguous()
            yield (
                start,
                [_Sparse(indptr, indices, w, edges.shape) for w in weights.T.contiguous()],
            )

    def _sparse(self, matrix: sparse.csr_array) -> _Sparse:
        indptr, indices, values = (
            torch.as_tensor(part, device=self.device)
            for part in (matrix.indptr, matrix.indices, matrix.data)
        )
        return _Sparse(indptr, indices, values, matrix.shape)

    def _normal(self, random: np.random.Generator, *shape: int) -> Tensor:
        drawn = random.standard_normal(shape, dtype=np.float32)
        return torch.as_tensor(drawn, device=self.device)


def shared_codes(pairs: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give all left nodes of one right node the same label, the first of theirs."""
    _, group = np.unique(pairs[:, 1], return_inverse=True)
    first = np.full(len(codes), np.iinfo(np.int64).max)
    np.minimum.at(first, group, codes)
    return first[group]


def _of_rows(edges: sparse.csr_array, rows: np.ndarray) -> tuple[sparse.csr_array, np.ndarray]:
    """Return the edges of some rows, with a column for each node that sends them anything."""
    some = edges[rows]
    senders, columns = np.unique(some.indices, return_inverse=True)
    parts = some.data, columns.astype(some.indices.dtype), some.indptr
    senders = senders if len(senders) else np.zeros(1, senders.dtype)  # torch wants a row
    return sparse.csr_array(parts, (len(rows), len(senders))), senders


def _take(rows: Tensor | StoredVectors, places: Tensor, out: Tensor) -> None:
    """Write some rows into `out`.

    A copy of 2 MB is not worth threads: beside other programs on the same two cores torch's, which
    wait for each other, took 113 ms of CPU time for it, and numpy 2 ms.
    """
    if isinstance(rows, StoredVectors):
        out.copy_(torch.from_numpy(rows[places.cpu().numpy()]))
    elif rows.device.type == "cpu":
        np.take(rows.numpy(), places.numpy(), axis=0, out=out.numpy(), mode="clip")
    else:
        torch.index_select(rows, 0, places, out=out)


def _with_inverses(triples: np.ndarray) -> np.ndarray:
    """Return triples, each once, and each the other way round."""
    head, relation, tail = triples.T
    return np.concatenate(
        [
            np.column_stack([head, 2 * relation, tail]),
            np.column_stack([tail, 2 * relation + 1, head]),
        ]
    )


def _weights(triples: np.ndarray, n_nodes: int, hub_exponent: float) -> np.ndarray:
    """Return what each triple counts: the less, the more heads share its relation and tail."""
    _, relation, tail = triples.T
    _, group, counts = np.unique(relation * n_nodes + tail, return_inverse=True, return_counts=True)
    return (counts[group] ** -float(hub_exponent)).astype(np.float32)


def _matrix(
    row: np.ndarray, column: np.ndarray, weights: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    matrix = sparse.coo_array((weights, (row, column)), shape).tocsr()
    matrix.sort_indices()
    return matrix


def _largest(
    row: np.ndarray, column: np.ndarray, weights: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    """Keep the largest of the weights of a place, where `_matrix` sums them.

    Hits@1 against the sum, on a fifth of the training seeds: DBP15K zh-en .559 and .544, ja-en .538
    and .517, FB15K-DB15K .350 and .354.
    """
    order = np.lexsort((-weights, column, row))
    places = row[order] * shape[1] + column[order]
    first = order[np.diff(places, prepend=-1) > 0]
    return _matrix(row[first], column[first], weights[first], shape)


def _cycle(random: np.random.Generator, n_columns: int, n_chosen: int) -> Tensor:
    """Choose columns at random, each again only after all others."""
    n_cycles = -(-n_chosen // n_columns)
    columns = np.concatenate([random.permutation(n_columns) for _ in range(n_cycles)])
    return torch.as_tensor(columns[:n_chosen])


def _unit(rows: Tensor) -> Tensor:
    """Scale rows to length 1, in place."""
    return normalize(rows, out=rows)


class _Sparse:
    """A sparse matrix that multiplies dense tensors: on a CPU, as weighted sums of bags of rows.

    The weighted adjacency of FB15K-DB15K (1.3 million triples) times 16 columns, on one core: bags
    4.4 ms, scipy 13.1 ms; torch's own product of a CSR matrix is slower than both.
    """

    def __init__(
        self, indptr: Tensor, indices: Tensor, values: Tensor, shape: tuple[int, int]
    ) -> None:
        self.parts = indices, indptr, values
        self.matrix = (
            None if values.device.type == "cpu" else csr_tensor(indptr, indices, values, shape)
        )

    def __matmul__(self, dense: Tensor) -> Tensor:
        if self.matrix is not None:
            return self.matrix @ dense
        indices, indptr, values = self.parts
        return embedding_bag(
            indices, dense, indptr, mode="sum", per_sample_weights=values, include_last_offset=True
        )
