"""From texts to vectors: hashed character n-grams, and trained models."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from ..._utils.device import resolve_device
from ..._utils.validation import Integer, Range
from .._cache import Cache, progress
from .._matrices import projected, spread
from ..base import Matrix
from .packaged import (
    PACKAGED,
    SIDE_BY_SIDE,
    TextModel,
    is_packaged,
    packaged_model,
    sentence_model,
)

_N_HASHES = 2**18
NGRAMS = "ngrams"
MULTILINGUAL = "multilingual"
# Texts between two writes to the cache. An interrupt writes what there is.
_SHARD = 4096
# Texts that tell where the mean row of a model lies.
_SAMPLE = 1024
_WORDS = (NGRAMS, *SIDE_BY_SIDE, *PACKAGED)
_EXPECTED = (
    f"Expected model to be {NGRAMS!r}, {MULTILINGUAL!r}, the name or folder of a "
    "sentence-transformers model, a callable from a list of texts to vectors, or a list of these"
)


class NGramRange(Range):
    """The least and the greatest length of n-grams."""

    expected = "two whole numbers (min_n, max_n) with 1 <= min_n <= max_n"

    def admits(self, value: Any) -> bool:
        """Tell whether a value is in the range."""
        if not isinstance(value, Sequence | np.ndarray) or len(value) != 2:
            return False
        return all(map(Integer().admits, value)) and value[0] <= value[1]


class NGrams:
    """Hashed character n-grams, weighted by TF-IDF and projected at random.

    Parameters
    ----------
    ngram_range : tuple of 2 int
    width : int or None
        None leaves the projection out: a column for each hash that the texts of `fit` have.
    seed : int
        Of the projection.
    analyzer : str or callable
        What finds the n-grams of a text. A callable, from a text to its n-grams, heeds no range.

    Attributes
    ----------
    n_features : int
        Number of columns.
    """

    n_features: int

    def __init__(
        self,
        ngram_range: tuple[int, int],
        width: int | None,
        seed: int,
        analyzer: str | Callable[[str], Iterable[str]] = "char_wb",
    ) -> None:
        self.width = width
        self.seed = seed
        self.hashes = HashingVectorizer(
            analyzer=analyzer,
            ngram_range=ngram_range,
            n_features=_N_HASHES,
            strip_accents=None if callable(analyzer) else "unicode",
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        )

    def fit(self, texts: np.ndarray) -> Self:
        """Learn which n-grams there are, and how rare each is."""
        counts = self.hashes.transform(texts)
        self.tfidf = TfidfTransformer().fit(counts)
        self.columns = np.unique(counts.indices)
        if not len(self.columns):  # no text has an n-gram, as where all are "???": one column
            self.columns = np.zeros(1, np.int64)
        self.n_features = self.width or len(self.columns)
        return self

    def transform(self, texts: np.ndarray) -> Matrix:
        """Return float32 rows of length 1, or zero where no n-gram is known."""
        weights = sparse.csr_array(self.tfidf.transform(self.hashes.transform(texts)))
        rows = normalize(weights[:, self.columns], copy=False)
        return rows if self.width is None else projected(rows, self.width, self.seed)


def check_model(model: Any) -> None:
    """Check what the user gave for a model, as far as is possible without loading it.

    Raises
    ------
    TypeError
        If it is neither a string nor a callable, nor a list of these.
    ValueError
        If it is a misspelt word, or a list in which there is nothing, or something twice.
    """
    if isinstance(model, list | tuple):
        _check_list(models_of(model))
        return
    if not isinstance(model, str):
        if isinstance(model, type) or not callable(model):
            raise TypeError(f"{_EXPECTED}; found {model!r}.")
        return
    if model not in _WORDS and not Path(model or "?").is_dir():
        near = difflib.get_close_matches(model.lower(), _WORDS, n=1, cutoff=0.8)
        if near or not model:
            guess = near[0] if near else NGRAMS
            raise ValueError(f"{_EXPECTED}; found {model!r}. Did you mean {guess!r}?")


def _check_list(models: Sequence[Any]) -> None:
    for each in models:
        if isinstance(each, list | tuple):
            raise TypeError(f"{_EXPECTED}; found a list in a list: {each!r}.")
        check_model(each)
    twice = [each for i, each in enumerate(models) if each in models[:i]]
    if not models or twice:
        found = f"{twice[0]!r} twice" if twice else "an empty list"
        raise ValueError(f"{_EXPECTED}; found {found}. Name each model once.")


def models_of(model: Any) -> list[Any]:
    """Return the models that are meant, those that a word stands for in its place."""
    given = list(model) if isinstance(model, list | tuple) else [model]
    words = (SIDE_BY_SIDE.get(m, (m,)) if isinstance(m, str) else (m,) for m in given)
    return [each for word in words for each in word]


def text_model(model: Any, device: str) -> TextModel:
    """Return what turns texts into vectors: `model` itself, or the one of this name, loaded."""
    if callable(model):
        return model
    return packaged_model(model, device) if is_packaged(model) else sentence_model(model, device)


class Trained:
    """Rows of a trained model, of length 1, kept on disk.

    Parameters
    ----------
    model : str or callable
    device : str
    batch_size, verbose : int
    cache : Cache or None

    Attributes
    ----------
    n_features : int
        Number of columns.
    """

    n_features: int

    def __init__(
        self, model: Any, device: str, batch_size: int, verbose: int, cache: Cache | None
    ) -> None:
        self.model, self.device = model, device
        self.batch_size, self.verbose, self.cache = batch_size, verbose, cache

    def fit(self, texts: np.ndarray) -> Self:
        """Find out how many columns there are."""
        self.n_features = self._encode(texts[:1], 0).shape[1]
        return self

    def transform(self, texts: np.ndarray) -> np.ndarray:
        """Return float32 rows of length 1, or zero where there is no text."""
        mask = np.array([bool(text.strip()) for text in texts], bool)
        if not mask.any():
            return np.zeros((len(texts), self.n_features), np.float32)
        return np.asarray(spread(self._encode(texts[mask], self.verbose), mask))

    def _encode(self, texts: np.ndarray, verbose: int) -> np.ndarray:
        def load() -> TextModel:
            return text_model(self.model, resolve_device(self.device))

        return encode_texts(load, texts.tolist(), self.batch_size, verbose, self.cache)


class SideBySide:
    """Rows of several models beside each other, each model's centred and of length 1.

    Models differ in where the cosines of any two texts lie: for unlike ones at .8 by some, at 0 by
    others. Without the mean row the inner product of two rows is a fair mean of the cosines. To
    divide by how far cosines spread would be worse: those of n-grams are 0 but for few pairs, and
    would drown the others (see :class:`NameEncoder`).

    Parameters
    ----------
    blocks : sequence of NGrams and Trained
        Whose rows are dense.

    Attributes
    ----------
    n_features : int
        Number of columns.
    """

    n_features: int

    def __init__(self, blocks: Sequence[NGrams | Trained]) -> None:
        self.blocks = blocks

    def fit(self, texts: np.ndarray) -> Self:
        """Learn the means from some of the texts, the same in any order."""
        distinct = np.unique([text for text in texts if text.strip()] or [""])
        places = np.linspace(0, len(distinct) - 1, min(_SAMPLE, len(distinct))).astype(int)
        sample = distinct[places].astype(object)
        rows = [block.fit(texts).transform(sample) for block in self.blocks]
        self.means = [np.asarray(part).mean(axis=0) for part in rows]
        self.n_features = sum(block.n_features for block in self.blocks)
        return self

    def transform(self, texts: np.ndarray) -> np.ndarray:
        """Return float32 rows of length 1, or zero where there is no text."""
        parts = []
        for block, mean in zip(self.blocks, self.means, strict=True):
            rows = np.asarray(block.transform(texts))
            parts.append(normalize((rows - mean) * rows.any(axis=1, keepdims=True)))
        return np.asarray(normalize(np.hstack(parts), copy=False), np.float32)


def encode_texts(
    load: Callable[[], TextModel],
    texts: Sequence[str],
    batch_size: int,
    verbose: int,
    cache: Cache | None = None,
) -> np.ndarray:
    """Encode texts in batches, each distinct one once, and none that the cache has.

    Parameters
    ----------
    load : callable
        Gives the model; called when it is needed.
    texts : sequence of str, at least one
    batch_size, verbose : int
    cache : Cache, optional

    Returns
    -------
    float32 ndarray of shape (n_texts, n_features)
        Rows of length 1.

    Raises
    ------
    ValueError
        If the model returns anything else than a row of finite numbers for each text.
    """
    distinct, places = np.unique(np.asarray(texts, object), return_inverse=True)
    # Texts of about one length pad each other least.
    order = sorted(distinct.tolist(), key=len)
    keys = {text: hashlib.sha256(text.encode("utf8", "replace")).digest() for text in order}
    kept = cache.read(keys.values()) if cache is not None else {}
    rows = {t: np.frombuffer(kept[key], "<f4") for t, key in keys.items() if kept.get(key)}
    missing = [text for text in order if text not in rows]
    if missing:
        rows.update(_encode_missing(load(), missing, keys, batch_size, verbose, cache))
    _check_widths(rows)
    found = np.stack([rows[text] for text in distinct])
    return np.asarray(normalize(found[places], copy=False))


def _check_widths(rows: dict[str, np.ndarray]) -> None:
    widths = sorted({len(row) for row in rows.values()})
    if len(widths) > 1:
        raise ValueError(
            f"Expected rows of one width; found kept ones of another: {widths}. They are of "
            "another model. Choose another cache_name."
        )


def _encode_missing(
    model: TextModel,
    texts: list[str],
    keys: dict[str, bytes],
    batch_size: int,
    verbose: int,
    cache: Cache | None,
) -> dict[str, np.ndarray]:
    rows: dict[str, np.ndarray] = {}
    unsaved: dict[bytes, bytes] = {}
    width = None
    try:
        with progress(verbose) as bar:
            task = bar.add_task("Encoding texts", total=len(texts))
            for start in range(0, len(texts), batch_size):
                batch = texts[start : start + batch_size]
                new = _checked(model(batch), batch, width)
                width = new.shape[1]
                rows.update(zip(batch, new, strict=True))
                unsaved.update((keys[t], rows[t].astype("<f4").tobytes()) for t in batch)
                if cache is not None and len(unsaved) >= _SHARD:
                    cache.write(unsaved)
                    unsaved = {}
                bar.advance(task, len(batch))
    finally:
        # Also on an interrupt: nothing that is computed is lost.
        if cache is not None:
            cache.write(unsaved)
    return rows


def _checked(given: Any, batch: list[str], width: int | None) -> np.ndarray:
    try:
        rows = np.asarray(given, np.float32)
    except (TypeError, ValueError):
        rows = np.empty(0, np.float32)
    if rows.ndim != 2 or len(rows) != len(batch) or width not in (None, rows.shape[1]):
        found = f"shape {rows.shape}" if rows.size else type(given).__name__
        raise ValueError(
            f"Expected the model to turn {len(batch)} texts into an array of shape "
            f"({len(batch)}, {width or 'n_features'}); found {found}."
        )
    is_finite = np.isfinite(rows).all(axis=1)
    if not is_finite.all():
        first = batch[int(np.argmin(is_finite))]
        raise ValueError(
            f"Expected finite vectors from the model; found NaN or infinity for {first!r}."
        )
    return rows
