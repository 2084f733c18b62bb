"""The best candidates of each entity."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._utils.validation import checked_integer
from ._checks import checked_indices
from ._method import Method


def top_k(
    sources: Any,
    targets: Any,
    k: int,
    *,
    method: str = "csls",
    csls_k: int = 3,
    n_candidates: int = 100,
    temperature: float = 0.02,
    n_iterations: int = 15,
    rows: Any = None,
    search: str = "exact",
    normalize: bool = True,
    device: str | torch.device = "cpu",
    block_bytes: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the best k targets of each source.

    Parameters
    ----------
    sources : array-like of shape (n, d)
        Embeddings, taken as float32. A row of zeros is equally far from all.
    targets : array-like of shape (m, d)
    k : int
        Clipped to m.
    method : {"cosine", "csls", "sinkhorn"}, default="csls"
        "csls" and "sinkhorn" compare all sources and all targets at once: say so in a protocol.
    csls_k : int, default=3
        Neighbours that CSLS averages over.
    n_candidates, temperature, n_iterations
        Of Sinkhorn; see :func:`candidate_similarities` and :func:`sinkhorn`. The score is the
        probability. Targets that are no candidates follow by their cosine, with score 0. Up to
        `n_candidates` best targets cost no more than the candidates do.
    rows : array-like of int, optional
        Answer for these sources only. All others still count in CSLS and Sinkhorn: what to use
        for a few out of many.
    search : {"exact", "faiss"}, default="exact"
        "faiss" compares each source with some of the targets, in a fraction of the time: some of
        the best are missed, see the Notes, and of equal ones any comes first. It needs the extra
        ``faiss``. Below 1,000 targets the search is exact.
    normalize : bool, default=True
        Scale rows to unit length; else the similarity is the inner product.
    device : str or torch.device, default="cpu"
    block_bytes : int, optional
        Size of a block of scores. What is needed besides is a fraction of it. A block for which
        memory runs out is halved. By default 32 MiB, or what 256 sources need, up to 256 MiB.

    Returns
    -------
    scores : float32 ndarray of shape (n, k) or (len(rows), k)
        Best first.
    indices : int64 ndarray of the same shape
        Row numbers of `targets`; the lower one first where scores are equal.

    Raises
    ------
    ValueError
        If embeddings are empty, not finite or of different widths, or a parameter is out of range.
    ImportError
        If `search` is "faiss", and faiss is not installed.
    MemoryError
        If there is no memory for one row of scores.

    Notes
    -----
    With ``search="faiss"`` targets lie in lists of similar ones, of which a tenth is looked at:
    faiss' inverted file of product quantization codes (Johnson et al., 2019), and exact scores of
    twice as many as are asked for, 64 at least. For the best 10 of 100,000 entities a side, of
    width 600, it takes 17 s instead of 59 s on two CPU cores, and finds 97% of the best ones; of
    30,000, 3.8 instead of 5.4 s.

    Examples
    --------
    >>> from ibmea_sklearn.matching import top_k
    >>> scores, indices = top_k([[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]], k=2, method="cosine")
    >>> indices
    array([[0, 2],
           [1, 2]])
    >>> scores.round(2)
    array([[0.95, 0.71],
           [1.  , 0.71]], dtype=float32)
    """
    k = checked_integer(k, "k")
    how = Method(
        method,
        csls_k,
        n_candidates,
        temperature,
        n_iterations,
        normalize,
        device,
        block_bytes,
        search,
    )
    scores = how.scores(sources, targets)
    n, m = scores.shape
    if rows is not None:
        scores = scores.rows(checked_indices(rows, n, "rows", "sources"))
    values, indices = scores.top_k(min(k, m))
    return scores.published(values), indices
