"""Which attributes of two graphs mean the same: a language model is asked."""

from __future__ import annotations

import functools
import json
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd

from ..._utils.estimator import Estimator
from ..._utils.validation import Integer, Range
from ...graph import SeedPairs
from .._cache import CACHE_DIR, CACHE_NAME
from ..base import checked_view, graphs_of
from .asking import Asking
from .attribute_names import N_VALUES, Candidates, Labels, NameMatcher, assigned, one_to_one

_TASK = """\
Two data sets describe the same kinds of things, with attributes of different names, units and \
formats. For each attribute of data set 1 below, find the attribute of data set 2 that means the \
same, or null where none does: being alike is not enough. Use no attribute of data set 2 twice.

Answer with one JSON object and nothing else. Its keys are the attributes of data set 1 exactly as \
written below; its values are attributes of data set 2, or null."""
_KNOWN = "Attributes known to mean the same, each with values of the same things in both data sets:"
_OFFERED = "Attributes of data set 2, with some of their values:"
_ASKED = "Attributes of data set 1, with some of their values:"
# What is longer is no answer to these questions, nor what has so many braces.
_LONGEST_ANSWER = 200_000
_MOST_OBJECTS = 500


class Example(NamedTuple):
    """Attributes known to mean the same, by number, and their values of the same seeds."""

    left: int
    right: int
    values1: list[str]
    values2: list[str]


def examples_from(
    X: SeedPairs, labels: tuple[Labels, Labels], matches: pd.DataFrame
) -> list[Example]:
    """Show matches on the seeds that have both attributes.

    Parameters
    ----------
    X : SeedPairs
    labels : tuple of 2 Labels
    matches : DataFrame
        Columns ``row`` and ``column``: places of the names.

    Returns
    -------
    list of Example
    """
    seeds = pd.DataFrame(X.indices, columns=["1", "2"])
    # In the order of ids: that of the seeds must not matter.
    seeds = seeds.iloc[np.lexsort([graphs_of(X)[0].entity_ids[seeds["1"]].astype(str)])]
    examples = []
    for left, right in matches[["row", "column"]].itertuples(index=False):
        firsts = [
            label.values[place].drop_duplicates("entity").set_index("entity")["value"]
            for label, place in zip(labels, (left, right), strict=True)
        ]
        both = seeds[seeds["1"].isin(firsts[0].index) & seeds["2"].isin(firsts[1].index)]
        shown = both.head(N_VALUES)
        examples.append(
            Example(left, right, *(list(f[shown[s]]) for f, s in zip(firsts, "12", strict=True)))
        )
    return examples


def question(
    labels: tuple[Labels, Labels],
    asked: np.ndarray,
    offered: np.ndarray,
    examples: Sequence[Example],
) -> str:
    """Ask which of the offered attributes mean the same as those that are asked for."""
    one, two = labels
    known = [f"{one.line(e.left, e.values1)} = {two.line(e.right, e.values2)}" for e in examples]
    parts = [
        _TASK,
        "\n".join([_KNOWN, *known]) if known else "",
        "\n".join([_OFFERED, *map(two.line, offered)]),
        "\n".join([_ASKED, *map(one.line, asked)]),
    ]
    return "\n\n".join(filter(None, parts))


def read_answer(
    answer: Any, labels: tuple[Labels, Labels], asked: np.ndarray
) -> dict[int, int | None]:
    """Read which attribute of the second graph each one that was asked for means.

    Parameters
    ----------
    answer : object
        A JSON object, perhaps among other text; anything else says nothing.
    labels : tuple of 2 Labels
    asked : ndarray of int

    Returns
    -------
    dict of {int: int or None}
        None is the answer that there is none. What is absent was not answered, or not with the
        name of an attribute.
    """
    names = {labels[0].texts[place]: place for place in asked}
    said: dict[int, int | None] = {}
    for found in _objects(answer):
        for name in names.keys() & found.keys():
            if found[name] is None:
                said[names[name]] = None
            elif isinstance(found[name], str) and found[name] in labels[1].places:
                said[names[name]] = labels[1].places[found[name]]
    return said


def _objects(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects in a text, and those inside them; the last word counts most."""
    if not isinstance(answer, str) or len(answer) > _LONGEST_ANSWER:
        return
    decoder, end = json.JSONDecoder(), 0
    starts = [place for place, letter in enumerate(answer) if letter == "{"]
    for start in starts[-_MOST_OBJECTS:]:
        if start < end:
            continue
        try:
            found, end = decoder.raw_decode(answer, start)
        except (ValueError, RecursionError):
            continue
        yield from (part for part in found.values() if isinstance(part, dict))
        yield found


class LanguageModelMatcher(Estimator):
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

    ranges: ClassVar[Mapping[str, Range]] = {
        "n_examples": Integer(0),
        **dict.fromkeys(["n_names", "n_offered", "max_calls"], Integer()),
        "cache_dir": CACHE_DIR,
        "cache_name": CACHE_NAME,
    }

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
        self.check_parameters()
        if not callable(self.model):
            raise TypeError(
                f"Expected model to be a callable from text to text; found {self.model!r}."
            )
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
        parts = [asked[i : i + self.n_names] for i in range(0, len(asked), self.n_names)]
        prompts = [
            question(labels, part, self._offered(candidates, part, free), examples)
            for part in parts
        ]
        ask = Asking(self.model, prompts, self.max_calls, self.cache_dir, self.cache_name)
        said: dict[int, int | None] = {}
        for prompt, part in zip(prompts, parts, strict=True):
            read = functools.partial(read_answer, labels=labels, asked=part)
            said |= ask(prompt, read, len(part))
        if ask.reasons():
            warnings.warn(
                f"The language model answered for {len(said)} of {len(asked)} attributes; for the "
                f"others values and names decided. {ask.reasons()}",
                UserWarning,
                stacklevel=2,
            )
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
