"""Names of attributes as words, and how alike they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from ..graph import KnowledgeGraph
from ._values import TypedValues

_NEW_WORD = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")
# Rows of similarities that are computed at a time.
_BLOCK = 1024


def words_of(name: Any) -> str:
    """Return the words of a name, in lower case: of an IRI, those of its last part.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers._attribute_names import words_of
    >>> words_of("http://dbpedia.org/ontology/birthDate")
    'birth date'
    >>> words_of("http://rdf.freebase.com/ns/location.location.area_km2")
    'location area km 2'
    """
    last = re.split("[/#]", unquote(printable(str(name))).rstrip("/#"))[-1]
    words = _NO_WORD.sub(" ", _NEW_WORD.sub(" ", last)).casefold().split()
    once = [word for i, word in enumerate(words) if words[i - 1 : i] != [word]]
    return " ".join(once) or printable(str(name))


def printable(text: str) -> str:
    """Return a text without halves of characters, which no encoder nor file takes.

    They come of files that were read with a wrong encoding.
    """
    return text.encode("utf8", "replace").decode("utf8")


def attributes_with_values(kg: KnowledgeGraph, values: TypedValues) -> pd.Series:
    """Count the values of each attribute that has any, by its name, the most frequent first."""
    attributes = np.concatenate([table["attribute"].to_numpy(np.int64) for table in values])
    counts = np.bincount(attributes, minlength=kg.n_attributes)
    found = np.flatnonzero(counts)
    series = pd.Series(counts[found], pd.Index(kg.attribute_names[found], dtype=object))
    # By name where equally frequent: the order of the triples must not matter.
    order = sorted(range(len(series)), key=lambda i: (-series.iloc[i], str(series.index[i])))
    return series.iloc[order]


class NameSimilarity:
    """Cosine of the letters of names, weighted by how rare they are (TF-IDF of 2- to 4-grams).

    Parameters
    ----------
    names1, names2 : sequence of names
        Integers name nothing: they are like no other name.
    """

    _rows: tuple[sparse.csr_array, sparse.csr_array] | None

    def __init__(self, names1: Sequence[Any], names2: Sequence[Any]) -> None:
        texts1, texts2 = ([_letters(name) for name in names] for names in (names1, names2))
        self.shape = (len(texts1), len(texts2))
        if not any(texts1) or not any(texts2):
            self._rows = None
            return
        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        vectorizer.fit(texts1 + texts2)
        self._rows = (vectorizer.transform(texts1), vectorizer.transform(texts2))

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return the similarities of some of the first names to all second names, in [0, 1]."""
        if self._rows is None:
            return np.zeros((len(rows), self.shape[1]))
        left, right = self._rows
        # Rounded, so that names are as similar whatever the order of the others.
        return np.asarray((left[rows] @ right.T).toarray()).round(9)

    def between(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the similarities of pairs of names, in [0, 1]."""
        if self._rows is None:
            return np.zeros(len(rows))
        left, right = self._rows
        return np.asarray(left[rows].multiply(right[columns]).sum(axis=1)).ravel().round(9)

    def at_least(self, minimum: float) -> tuple[np.ndarray, np.ndarray]:
        """Return row and column of the pairs of names that are at least so similar, and not 0."""
        parts = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for start in range(0, self.shape[0], _BLOCK):
            block = self.of(np.arange(start, min(start + _BLOCK, self.shape[0])))
            rows, columns = np.nonzero((block >= minimum) & (block > 0))
            parts.append((rows + start, columns))
        rows, columns = map(np.concatenate, zip(*parts, strict=True))
        return rows, columns


def _letters(name: Any) -> str:
    return words_of(name) if isinstance(name, str) else ""
