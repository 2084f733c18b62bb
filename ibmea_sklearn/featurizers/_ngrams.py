"""Hashed character n-grams as features of texts."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from ._projection import projected
from .base import Matrix

_N_HASHES = 2**18


class NGrams:
    """Hashed character n-grams, weighted by TF-IDF and projected at random.

    Parameters
    ----------
    ngram_range : tuple of 2 int
    width : int or None
        None leaves the projection out: a column for each hash that the texts of `fit` have.
    seed : int
        Of the projection.

    Attributes
    ----------
    n_features : int
        Number of columns.
    """

    n_features: int

    def __init__(self, ngram_range: tuple[int, int], width: int | None, seed: int) -> None:
        self.width = width
        self.seed = seed
        self.hashes = HashingVectorizer(
            analyzer="char_wb",
            ngram_range=ngram_range,
            n_features=_N_HASHES,
            strip_accents="unicode",
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        )

    def fit(self, texts: np.ndarray) -> Self:
        """Learn which n-grams there are, and how rare each is."""
        counts = self.hashes.transform(texts)
        self.tfidf = TfidfTransformer().fit(counts)
        self.columns = np.unique(counts.indices)
        self.n_features = self.width or max(1, len(self.columns))
        return self

    def transform(self, texts: np.ndarray) -> Matrix:
        """Return float32 rows of length 1, or zero where no n-gram is known."""
        weights = sparse.csr_array(self.tfidf.transform(self.hashes.transform(texts)))
        rows = normalize(weights[:, self.columns], copy=False)
        if self.width is not None:
            return projected(rows, self.width, self.seed)
        rows.resize(len(texts), self.n_features)  # texts without any n-gram have one column
        return rows
