"""Vectors of texts: character n-grams, or a trained model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from .._utils.device import resolve_device
from .._utils.validation import checked_integer
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ._entity_texts import check_attributes, joined_texts, said_values, values_of
from ._forms import EitherForm
from ._lift import spread
from ._ngrams import NGrams
from ._projection import drawn_seed
from ._sentence_models import NGRAMS, check_model, encode_texts, text_model
from ._text_rows import is_column, texts_of_column, texts_of_table
from .base import Matrix, graphs_of, no_features

# Texts of a column and of a table may hold what they like, so this is no check of them.
_ANY_TABLE: dict[str, Any] = {"dtype": None, "ensure_all_finite": False}


class BaseTextEncoder(EitherForm):
    """What the encoders of texts and of names share; see :class:`TextEncoder`.

    A subclass says where texts are read from: ``_texts(kg)`` and ``_sources``.
    """

    model: str | Callable[[list[str]], Any]
    source: str | Sequence[str]
    n_components: int | None
    ngram_range: tuple[int, int]
    batch_size: int
    device: str
    random_state: int | np.random.RandomState | None
    verbose: int
    _sources: ClassVar[dict[str, Callable[[KnowledgeGraph], pd.Series]]]
    _joint: ClassVar[str] = ", "
    _ngrams: NGrams

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    # Graphs

    def _fit(self, X: SeedPairs) -> None:
        self._check_source(X)
        texts = [text for kg in graphs_of(X) for text in self._rows_of(kg)[0]]
        if not texts:
            raise ValueError(
                f"{type(self).__name__} found no text in either graph: source={self.source!r} "
                "says where to look. Choose another source, or leave this featurizer out."
            )
        self._fit_rows(np.array(texts, object))

    def _check_source(self, X: SeedPairs) -> None:
        words = ", ".join(map(repr, self._sources))
        expected = f"Expected source to be {words} or a list of attributes"
        if isinstance(self.source, str):
            if self.source not in self._sources:
                raise ValueError(
                    f"{expected}; found {self.source!r}. For an attribute, pass [{self.source!r}]."
                )
            return
        if not isinstance(self.source, list | tuple | np.ndarray) or not len(self.source):
            raise ValueError(f"{expected}; found {self.source!r}.")
        check_attributes(X, list(self.source))

    def _rows_of(self, kg: KnowledgeGraph) -> tuple[np.ndarray, np.ndarray]:
        """Return the texts of the entities that have any, and whose they are, as a mask."""
        if isinstance(self.source, str):
            texts = self._sources[self.source](kg)
        else:
            texts = values_of(kg, list(self.source)).map(self._said)
        texts = texts[texts.map(str.strip) != ""].sort_index()
        mask = np.zeros(kg.n_entities, bool)
        mask[texts.index] = True
        return texts.to_numpy(object), mask

    def _features(self, kg: KnowledgeGraph) -> ModalityFeatures:
        texts, mask = self._rows_of(kg)
        if not mask.any():
            return no_features(kg, self.n_features_out_, self._is_sparse())
        return ModalityFeatures(spread(self._encode_rows(texts), mask), mask)

    # Rows

    def _said(self, cell: str, name: str | None = None) -> str:
        """Return what a value becomes, in a column of this name."""
        return cell if name is None else f"{name} is {cell}"

    def _read(self, X: Any, reset: bool) -> np.ndarray:
        if isinstance(X, str):
            raise ValueError(f"Expected texts, one a row; found one string. Pass [{X[:20]!r}].")
        if is_column(X):
            texts = [self._said(text) for text in texts_of_column(X)]
            return np.array(texts, object)
        cells = validate_data(self, X, reset=reset, **_ANY_TABLE)
        names = getattr(self, "feature_names_in_", None)
        return texts_of_table(cells, names, self._said, self._joint)

    def _fit_rows(self, rows: np.ndarray) -> None:
        check_model(self.model)
        checked_integer(self.batch_size, "batch_size")
        resolve_device(self.device)
        seed = drawn_seed(self.random_state)
        if self.model == NGRAMS:
            width = self.n_components
            width = None if width is None else checked_integer(width, "n_components")
            self._ngrams = NGrams(_checked_range(self.ngram_range), width, seed).fit(rows)
            self.n_features_out_ = self._ngrams.n_features
        else:
            self.n_features_out_ = self._by_model(rows[:1], verbose=0).shape[1]

    def _encode_rows(self, rows: np.ndarray) -> Matrix:
        if self.model == NGRAMS:
            return self._ngrams.transform(rows)
        mask = np.array([bool(text.strip()) for text in rows], bool)
        if not mask.any():
            return np.zeros((len(rows), self.n_features_out_), np.float32)
        return spread(self._by_model(rows[mask], self.verbose), mask)

    def _by_model(self, texts: np.ndarray, verbose: int) -> np.ndarray:
        model = text_model(self.model, resolve_device(self.device))
        return encode_texts(model, texts.tolist(), self.batch_size, verbose)

    def _is_sparse(self) -> bool:
        return self.model == NGRAMS and self.n_components is None


class TextEncoder(BaseTextEncoder):
    """Turn texts into vectors: of entities of two graphs, of a column, or of the rows of a table.

    Parameters
    ----------
    model : "ngrams", name or path of a model, or callable, default="ngrams"
        - "ngrams": character n-grams, hashed, weighted by how rare they are. Needs nothing.
        - Name or folder of a sentence-transformers model (extra ``[text]``).
          "all-MiniLM-L6-v2", which knows English, comes with the extra; others are downloaded.
        - A callable from a list of texts to an array of shape (n_texts, n_features).
    source : "texts", "values" or list of attributes, default="texts"
        What to read of an entity. "texts": the texts of the graph. "values": all its attribute
        values, as "name is value, name is value". A list: the values of these attributes alone.
        For names of entities there is :class:`NameEncoder`.
    n_components : int or None, default=1024
        Width that n-grams are projected to. None leaves them in a sparse matrix, a column each. A
        model has a width of its own.
    ngram_range : tuple (min_n, max_n), default=(2, 4)
        Lengths of the n-grams, within words.
    batch_size : int, default=64
        Texts that a model gets at a time.
    device : str, default="auto"
        Where a model runs; "auto" is a GPU where there is one.
    modality : str, default="text"
        Which features of the graphs to write.
    random_state : int, RandomState or None, default=0
        Seed of the projection.
    verbose : int, default=1
        0 hides the progress bar of a model.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.
    n_features_in_ : int
        Columns of the table of `fit`; only for a table.
    feature_names_in_ : ndarray of str
        Their names, where they have any.

    See Also
    --------
    NameEncoder : The same for names of entities.
    AttributeValues : Values as numbers, dates and strings that are compared with one another.

    Notes
    -----
    Rows have a length of 1. Alone, it takes a list, array or series of texts, or a table, whose
    rows become "column is value, column is value". Empty and missing texts have a row of zeros;
    entities without text, a mask of False.

    Accents and case are left out of n-grams. Those that `fit` has not seen count for nothing. The
    projection is random, not by principal components: what tells two entities apart is rare, and
    principal components keep what is frequent. On the names of the emoji pair, Hits@1 of the
    cosine, no training, 70% of the links as test pairs: .295 without projection, .288 at random to
    1,024 in 1 s, .269 by TruncatedSVD to 512 in 125 s (both before accents were left out; .296 with
    that). All texts of the emoji, names in four languages a side: .572, and .649 by CSLS (k=3).

    Texts of entities often hold their names. Say so where you report results: it is another
    protocol.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers import TextEncoder
    >>> rows = TextEncoder().fit_transform(["the blue sea", "blue seas", "a red apple"])
    >>> rows.shape
    (3, 1024)
    >>> bool(rows[0] @ rows[1] > 0.5 > 0.2 > rows[0] @ rows[2])
    True

    Of entities:

    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> kg1 = KnowledgeGraph(attribute_triples={"a": {"motto": "In Varietate Concordia"}})
    >>> kg2 = KnowledgeGraph(attribute_triples={"x": {"devise": "in varietate concordia"}})
    >>> encoder = TextEncoder(source=["motto", "devise"])
    >>> new = encoder.fit_transform(SeedPairs(kg1, kg2, [("a", "x")]))
    >>> one, two = (kg.features["text"].values for kg in (new.kg1, new.kg2))
    >>> (one @ two.T).round(2)
    array([[1.]], dtype=float32)
    """

    _sources = {"texts": joined_texts, "values": said_values}

    def __init__(
        self,
        model: str | Callable[[list[str]], Any] = NGRAMS,
        *,
        source: str | Sequence[str] = "texts",
        n_components: int | None = 1024,
        ngram_range: tuple[int, int] = (2, 4),
        batch_size: int = 64,
        device: str = "auto",
        modality: str = "text",
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
    ) -> None:
        self.model = model
        self.source = source
        self.n_components = n_components
        self.ngram_range = ngram_range
        self.batch_size = batch_size
        self.device = device
        self.modality = modality
        self.random_state = random_state
        self.verbose = verbose


def _checked_range(given: Any) -> tuple[int, int]:
    try:
        low, high = (checked_integer(n, "ngram_range") for n in given)
    except (TypeError, ValueError):
        low, high = 1, 0
    if low > high:
        raise ValueError(
            "Expected ngram_range to be two whole numbers (min_n, max_n) with 1 <= min_n <= "
            f"max_n; found {given!r}."
        )
    return low, high
