"""Names compared by their words and letters, whatever accents and scripts they are written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import ClassVar

import numpy as np
from anyascii import anyascii
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.utils.validation import check_is_fitted

from ..._utils.validation import (
    AlignmentWarning,
    AnyOf,
    Integer,
    RandomState,
    Range,
    warn_user,
)
from ...graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from .._matrices import drawn_seed, projected
from ..base import BaseFeaturizer, graphs_of, no_features
from .models import NGramRange, NGrams
from .reading import printable

_PARTS = re.compile(r"[a-z]+|[0-9]+")


def folded(name: str) -> str:
    """Return a name in lower-case ASCII: without accents, other scripts transliterated.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers.texts.names import folded
    >>> folded("Kraków"), folded("ＡＢＣ №７"), folded("Москва"), folded("北京")
    ('krakow', 'abc no7', 'moskva', 'beijing')
    """
    text = anyascii(unicodedata.normalize("NFKC", printable(name)))
    return text.casefold().replace("'", "")


def words_and_numbers(name: str) -> list[str]:
    """Return the words and the numbers of a name, apart also where they stand together.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers.texts.names import words_and_numbers
    >>> words_and_numbers("Łódź Kaliska, Wagon EN57")
    ['lodz', 'kaliska', 'wagon', 'en', '57']
    """
    return _PARTS.findall(folded(name))


class NameParts:
    """Finds what a name consists of: numbers, words and the n-grams of letters in words.

    Parameters
    ----------
    low, high : int
        Lengths of the n-grams.
    """

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, name: str) -> Iterator[str]:
        """Yield the parts; numbers and words differ from n-grams by a mark."""
        for word in words_and_numbers(name):
            yield f"#{word}"
            if not word[0].isdigit():
                yield from _letters(f" {word} ", self.low, self.high)


@lru_cache(1 << 17)  # words are many times in many names
def _letters(word: str, low: int, high: int) -> tuple[str, ...]:
    """Return the n-grams of a word; where it is shorter it counts once, as a whole."""
    lengths = range(low, min(high, max(low, len(word))) + 1)
    return tuple(word[i : i + n] for n in lengths for i in range(max(1, len(word) - n + 1)))


class NameNGrams(BaseFeaturizer):
    """Compare the names of entities by words, numbers and letter n-grams that are rare.

    Parameters
    ----------
    ngram_range : tuple (min_n, max_n), default=(2, 4)
        Lengths of the letter n-grams, within words; the space around a word counts as a letter.
    n_components : int or None, default=None
        Width that rows are projected to at random. None leaves them in a sparse matrix, a column
        each: nearly nothing is lost, and a row has as many numbers as its names have n-grams.
    modality : str, default="name"
        Which features of the graphs to write.
    random_state : int, RandomState or None, default=0
        Seed of the projection.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.

    Raises
    ------
    ValueError
        In `fit`, if no entity of either graph has a name.

    Warns
    -----
    AlignmentWarning
        In `fit`, if no name has a letter or a number, as "???".

    See Also
    --------
    NameEncoder : Names by a trained model, which knows words of several languages.
    Diffusion : Sends names, as any features, along the relations.

    Notes
    -----
    A name is normalised (Unicode's NFKC), transliterated to ASCII, so that neither accents nor
    scripts count, and put in lower case. It consists of its words, the n-grams of their letters,
    and its numbers, which have no n-grams: 1994 is as unlike 1998 as any number. These are hashed
    and weighted by TF-IDF over all names of both graphs, and the row is scaled to a length of 1.
    What `fit` has not seen counts for nothing.

    How long n-grams are was chosen without links, by how many names of two graphs are each other's
    nearest (CSLS, k=3) on DBP15K zh-en, machine-translated names: 11,338 of 15,000 with n-grams of
    2 to 4 letters, 11,113 with 3 to 5, 11,033 where words and n-grams are halves of a row.

    **Several names.** Each has a row of its own; the entity's row is their largest number in each
    column, scaled to a length of 1. The inner product of two such rows is, but for the scale, at
    least that of the two names that are most alike, where that of mean rows may be far below.
    :meth:`name_rows` has the rows themselves, for the exact best of all pairs of names.

    **Names are another protocol**: see :class:`NameEncoder`.

    References
    ----------
    anyascii: Unicode to ASCII transliteration, https://github.com/anyascii/anyascii

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import NameNGrams
    >>> kg1 = KnowledgeGraph(names={1: ["Warsaw", ("Warszawa", "pl")], 2: ("Kraków", "pl")})
    >>> kg2 = KnowledgeGraph(names={1: ("Краков", "ru"), 2: ("Варшава", "ru")})
    >>> new = NameNGrams().fit_transform(SeedPairs(kg1, kg2, []))
    >>> one, two = (kg.features["name"].values for kg in (new.kg1, new.kg2))
    >>> (one @ two.T).toarray().argmax(axis=1)
    array([1, 0])
    """

    is_local = True
    ranges: ClassVar[Mapping[str, Range]] = {
        "ngram_range": NGramRange(),
        "n_components": AnyOf(Integer(), None),
        "random_state": RandomState(),
    }
    _ngrams: NGrams
    _seed: int

    def __init__(
        self,
        ngram_range: tuple[int, int] = (2, 4),
        *,
        n_components: int | None = None,
        modality: str = "name",
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.ngram_range = ngram_range
        self.n_components = n_components
        self.modality = modality
        self.random_state = random_state

    def _fit(self, X: SeedPairs) -> None:
        names = np.concatenate([kg.names.values for kg in graphs_of(X)])
        if not len(names):
            raise ValueError(
                "NameNGrams found no name in either graph, so there is nothing to compare. Pass "
                "KnowledgeGraph(names=...), take names from ids by kg.with_names('id'), or leave "
                "this featurizer out."
            )
        if not any(map(words_and_numbers, names)):
            warn_user(
                f"None of the {len(names):,} names has a letter or a number, such as {names[0]!r}: "
                "nothing can be compared by names. Give the graphs others, such as by "
                "kg.with_names('id').",
                AlignmentWarning,
            )
        low, high = self.ngram_range
        self._seed = drawn_seed(self.random_state)
        ngrams = NGrams((low, high), None, self._seed, analyzer=NameParts(low, high))
        self._ngrams = ngrams.fit(names)
        self.n_features_out_ = self.n_components or self._ngrams.n_features

    def name_rows(self, kg: KnowledgeGraph) -> sparse.csr_array:
        """Return a row for each name of a graph, in the order of ``kg.names``.

        Parameters
        ----------
        kg : KnowledgeGraph

        Returns
        -------
        float32 sparse matrix of shape (n_names, n_columns)
            Rows of length 1, or zero where nothing in a name is known. Not projected.

        Examples
        --------
        >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
        >>> from ibmea_sklearn.featurizers import NameNGrams
        >>> kg = KnowledgeGraph(names={"Q90": ["Paris", "Lutetia"], "Q1": "Paris (Texas)"})
        >>> rows = NameNGrams().fit(SeedPairs(kg, kg, [])).name_rows(kg)
        >>> (rows[[0]] @ rows.T).toarray().round(1)
        array([[1. , 0. , 0.6]], dtype=float32)
        """
        check_is_fitted(self)
        if not len(kg.names.values):
            return sparse.csr_array((0, self._ngrams.n_features), dtype=np.float32)
        return sparse.csr_array(self._ngrams.transform(kg.names.values))

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        if not len(kg.names.values):
            return no_features(kg, self.n_features_out_, self.n_components is None)
        rows = largest_by_owner(self.name_rows(kg), kg.names.entities, kg.n_entities)
        mask = np.diff(rows.indptr) > 0
        rows = normalize(rows, copy=False)
        if self.n_components is None:
            return ModalityFeatures(rows, mask)
        return ModalityFeatures(projected(rows, self.n_components, self._seed), mask)


def largest_by_owner(rows: sparse.csr_array, owners: np.ndarray, n_owners: int) -> sparse.csr_array:
    """Return a row for each owner: the largest number of its rows in each column, none below 0."""
    places = rows.tocoo()
    order = np.lexsort((-places.data, places.col, owners[places.row]))
    owner, column = owners[places.row][order], places.col[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(owner) != 0) | (np.diff(column) != 0)
    kept = places.data[order][first], (owner[first], column[first])
    return sparse.coo_array(kept, (n_owners, rows.shape[1])).tocsr()
