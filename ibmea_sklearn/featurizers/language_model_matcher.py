"""Which attributes of two graphs mean the same: a language model is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from .._utils.files import cache_folder
from .._utils.validation import checked_integer
from ..graph import SeedPairs
from ._answer_cache import AnswerCache
from ._asking import Asking
from ._name_questions import Labels, examples_from, question
from .base import checked_view
from .name_matcher import Candidates, NameMatcher, assigned, one_to_one


class LanguageModelMatcher(BaseEstimator):
    """Match attributes of two graphs one to one by asking a language model.

    The model is asked about several attributes of the first graph at a time. It gets names and a
    few values, those of the second graph that are likeliest, and examples that the seeds make
    certain. Where it gives no sensible answer, :class:`NameMatcher` decides.

    Parameters
    ----------
    model : callable
        From text to text, such as :class:`ChatModel`.
    offline : NameMatcher, optional
        Finds the examples and what is likely, and decides where the model doesn't.
    n_examples : int, default=5
        How many matches to show: those for which most of the seeds speak. They are not asked for.
    n_names : int, default=20
        How many attributes of the first graph to ask for at a time.
    n_offered : int, default=10
        How many attributes of the second graph to offer for each.
    max_calls : int, default=100
        How often to ask at most, answers from the cache not counted, nor what the model does inside
        to get its answer. The attributes with most values are asked for first.
    cache_dir : path-like, None or False, default=None
        Where answers are kept. None is the folder that the variable IBMEA_HOME names, else that of
        this package in the user's cache; False keeps nothing.
    cache_name : str, optional
        What to keep the answers of a callable of your own under; without it they are not kept,
        since nothing tells that it is still the same. A :class:`ChatModel` brings its own.

    Warns
    -----
    UserWarning
        Once, with numbers, if the model didn't answer for some attributes.

    See Also
    --------
    NameMatcher : Needs no model.
    ChatModel : A model behind an endpoint.

    Notes
    -----
    Names of attributes and up to three values of each, cut to 60 characters, are sent to the model
    and stand in the cache. Nothing is executed of what it answers: it is read as JSON, of which
    only names of attributes count. "No such attribute" is an answer too. What it answers
    outweighs all scores of :class:`NameMatcher`; where it gives two attributes of the first graph
    the same one of the second, these scores decide. After three calls in a row that raise, it isn't
    asked again; an error of kind `LanguageModelRefusal` (wrong key, wrong address) is raised at
    once.

    Answers that don't hold a JSON object with at least one of the names are not kept.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import LanguageModelMatcher
    >>> kg1 = KnowledgeGraph(attribute_triples={"a": {"Gewicht": 70, "Augen": 2}})
    >>> kg2 = KnowledgeGraph(attribute_triples={"b": {"weight": 71}})
    >>> def model(prompt):
    ...     return 'Here you are: {"Gewicht": "weight", "Augen": null}'
    >>> LanguageModelMatcher(model).match(SeedPairs(kg1, kg2, []))[["attribute_1", "attribute_2"]]
      attribute_1 attribute_2
    0     Gewicht      weight
    """

    def __init__(
        self,
        model: Callable[[str], str],
        offline: NameMatcher | None = None,
        *,
        n_examples: int = 5,
        n_names: int = 20,
        n_offered: int = 10,
        max_calls: int = 100,
        cache_dir: str | os.PathLike[str] | bool | None = None,
        cache_name: str | None = None,
    ) -> None:
        self.model = model
        self.offline = offline
        self.n_examples = n_examples
        self.n_names = n_names
        self.n_offered = n_offered
        self.max_calls = max_calls
        self.cache_dir = cache_dir
        self.cache_name = cache_name

    def match(self, X: SeedPairs) -> pd.DataFrame:
        """Match the attributes of the graphs of a view that have values.

        Parameters
        ----------
        X : SeedPairs
            The seeds.

        Returns
        -------
        DataFrame
            As from :meth:`NameMatcher.match`, and the column ``by_model``: whether the model says
            so.

        Raises
        ------
        TypeError
            If `X` is not a view, or the model is not callable.
        ValueError
            If a parameter is out of range.
        LanguageModelRefusal
            If the server refuses.
        """
        X = checked_view(X, "LanguageModelMatcher.match")
        self._check_parameters()
        candidates = self._offline().candidates(X)
        best = assigned(candidates)
        known = best[best["n_seeds"] > 0].head(self.n_examples)
        said = self._said(X, candidates, known)
        pairs = _outweighed(
            candidates, dict(zip(known["row"], known["column"], strict=True)) | said
        )
        table = one_to_one(candidates._replace(pairs=pairs))
        answered = pd.Index(candidates.names1[list(said)], dtype=object)
        return table.assign(by_model=table["attribute_1"].isin(answered))

    def _said(
        self, X: SeedPairs, candidates: Candidates, known: pd.DataFrame
    ) -> dict[int, int | None]:
        """Return what the model says of the attributes of the first graph that are not known."""
        labels = (Labels(X.kg1, candidates.names1), Labels(X.kg2, candidates.names2))
        asked, free = (
            np.setdiff1d(np.arange(len(names)), known[column])
            for names, column in ((candidates.names1, "row"), (candidates.names2, "column"))
        )
        if not len(asked) or not len(free):
            return {}
        examples = examples_from(X, labels, known)
        ask = Asking(self.model, self._cache(), self.max_calls)
        said: dict[int, int | None] = {}
        for start in range(0, len(asked), self.n_names):
            some = asked[start : start + self.n_names]
            offered = self._offered(candidates, some, free)
            said |= ask(question(labels, some, offered, examples), labels, some)
        ask.warn(len(asked))
        return said

    def _offered(self, candidates: Candidates, asked: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Return the places of names of the second graph that are likely for those asked for."""
        scores = candidates.similarity.of(asked)
        pairs = candidates.pairs[candidates.pairs["row"].isin(asked)]
        scores[np.searchsorted(asked, pairs["row"]), pairs["column"]] = 1 + pairs["score"]
        best = np.argsort(-scores[:, free], axis=1, kind="stable")[:, : self.n_offered]
        return free[np.unique(best)]

    def _offline(self) -> NameMatcher:
        if self.offline is None or isinstance(self.offline, NameMatcher):
            return self.offline or NameMatcher()
        raise TypeError(f"Expected offline to be None or a NameMatcher; found {self.offline!r}.")

    def _cache(self) -> AnswerCache:
        name = self.cache_name or getattr(self.model, "cache_name", None)
        if self.cache_dir is False or name is None:
            return AnswerCache(None, "")
        given = self.cache_dir
        folder = cache_folder() / "answers" if given is None or given is True else Path(given)
        return AnswerCache(folder, name)

    def _check_cache(self) -> None:
        if not isinstance(self.cache_dir, (str, os.PathLike, bool, type(None))):
            raise TypeError(
                f"Expected cache_dir to be a path, None or False; found {self.cache_dir!r}."
            )
        if not isinstance(self.cache_name, (str, type(None))):
            raise TypeError(
                f"Expected cache_name to be a string or None; found {self.cache_name!r}."
            )

    def _check_parameters(self) -> None:
        self._check_cache()
        if not callable(self.model):
            raise TypeError(
                f"Expected model to be a callable from text to text; found {self.model!r}."
            )
        for name in ("n_names", "n_offered", "max_calls"):
            checked_integer(getattr(self, name), name)
        if self.n_examples != 0:
            checked_integer(self.n_examples, "n_examples")


def _outweighed(candidates: Candidates, said: Mapping[int, int | None]) -> pd.DataFrame:
    """Return the pairs with those that were said above all others of the same attribute."""
    pairs = candidates.pairs
    rows, columns = (
        np.array([(row, column) for row, column in said.items() if column is not None], np.int64)
        .reshape(-1, 2)
        .T
    )
    new = pd.DataFrame({"row": rows, "column": columns}).merge(pairs, how="left")
    new["similarity"] = candidates.similarity.between(rows, columns)
    new = new.fillna({"gain": 0.0, "n_seeds": 0, "factor": 1.0, "score": 0.0})
    new["score"] += 1 + pairs["score"].max() if len(pairs) else 1.0
    others = pairs[~pairs["row"].isin(list(said))]
    return pd.concat([new.astype(pairs.dtypes), others], ignore_index=True)
