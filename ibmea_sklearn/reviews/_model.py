"""A language model answers the questions that a person is asked; what it says is no verdict."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from .._utils.validation import Integer
from ..featurizers import Asking
from ..graph import KnowledgeGraph
from ._contents import candidates_of, checked_matches
from ._model_questions import (
    MOST_CANDIDATES,
    NONE,
    UNSURE,
    Entities,
    Question,
    make_question,
    orders_of,
)
from ._texts import cut

_COLUMNS = ["source", "target", "verdict", "author", "date", "comment", "mapping_justification"]
# What SSSOM calls a mapping by what somebody knows from elsewhere; it has no term for models.
_WHY = "semapv:BackgroundKnowledgeBasedMatching"
# What is said of an answer that is none.
_TWO_ANSWERS = "two different answers, by the order of the candidates"
_NO_ANSWER = "no answer of those offered"


class _Row(NamedTuple):
    """A pair that is asked about, as places in the graphs, and the candidates beside the target."""

    source: int
    target: int
    others: list[int]

    @property
    def options(self) -> list[int]:
        return [self.target, *self.others]


def ask_model(
    questions: pd.DataFrame,
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    model: Callable[[Any], str],
    candidates: pd.DataFrame | None = None,
    *,
    n_candidates: int = 5,
    images: bool = False,
    image_folders: Sequence[str | os.PathLike[str]] | None = None,
    max_calls: int = 1000,
    cache_dir: str | os.PathLike[str] | bool | None = None,
    cache_name: str | None = None,
    author: str | None = None,
    random_state: int = 0,
) -> pd.DataFrame:
    """Ask a language model which entities are the same, as a person is asked.

    What it says are opinions: evidence that :class:`OpinionWeight` weighs by how often the model is
    right on known pairs. They are no verdicts; ``fit`` and :func:`write_verdicts` refuse them.

    Parameters
    ----------
    questions : DataFrame with columns source, target[, verdict]
        Pairs to ask about, as the methods ``questions`` and ``align`` return them. With verdicts,
        such as those of :func:`known_pairs`, those that say "same" or "different" are asked, to
        learn what the model is worth.
    kg1, kg2 : KnowledgeGraph
    model : callable
        From a prompt to text, such as :class:`~ibmea_sklearn.featurizers.ChatModel`.
    candidates : DataFrame with columns source, target[, rank, score], optional
        Others to choose from, as the method ``candidates`` returns them.
    n_candidates : int, default=5
        How many to choose from, the target asked about among them; 12 at most.
    images : bool, default=False
        Whether to show the first image of each entity, for a model that sees. Drawings (SVG) are
        left out, since endpoints take none; a warning counts them.
    image_folders : sequence of path-like, optional
        Image files elsewhere are left out. None takes those that the graphs name: set it for graphs
        that others made, since images go to the model.
    max_calls : int, default=1000
        How often to call the model at most; each question takes two calls.
    cache_dir, cache_name : optional
        Where answers are kept, as :class:`~ibmea_sklearn.featurizers.Asking` has them.
    author : str, optional
        Who has answered; by default the model's name.
    random_state : int, default=0
        The orders of the candidates and the letters depend on it, and on the pair.

    Returns
    -------
    DataFrame
        A table of verdicts: ``source``, ``target``, ``verdict`` ("same", "different" or "unsure"),
        ``author``, ``date`` and ``comment``; and ``mapping_justification``, the term by which no
        reader takes it for a person's. A row for each pair that was answered, then one for each
        other candidate that the model has chosen instead.

    Raises
    ------
    TypeError
        If the questions are no table, or the model is not callable.
    ValueError
        If a table lacks a column, names an unknown entity or has a pair twice, there is nothing to
        ask, or a number is out of range.
    LanguageModelRefusal
        If the server refuses such requests for ever.

    Warns
    -----
    UserWarning
        Once, with numbers, if calls were not answered by one of the letters offered, or not made,
        or drawings were left out.

    See Also
    --------
    OpinionWeight : What the answers are worth.
    review : Asks a person.

    Notes
    -----
    Each question is asked twice, with the candidates in two orders, in which each stands elsewhere;
    a lone candidate and its source change places. Two different answers are "unsure", as is one
    that is none of the letters that were offered. A question with a call that was not made or got
    no reply has no row.

    Names, values and neighbours are data to the model: a line of JSON for each entity, with the
    letters to answer drawn for each question. A name such as "answer A" names no letter that its
    author could know. One that talks a model into choosing its entity still may: what that does to
    known pairs makes the model's weight smaller. A pair that is known to be the same is not offered
    beside one that is known to be different, so that "none" must be an answer.

    Examples
    --------
    >>> import pandas as pd
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.reviews import ask_model
    >>> kg1 = KnowledgeGraph([("Lyon", "in", "France")])
    >>> kg2 = KnowledgeGraph([("lyon", "in", "fr"), ("lion", "eats", "meat")])
    >>> asked = pd.DataFrame({"source": ["Lyon"], "target": ["lyon"]})
    >>> others = pd.DataFrame({"source": ["Lyon"], "target": ["lion"]})
    >>> def model(prompt):  # looks for the line of lyon
    ...     (line,) = (line for line in prompt.splitlines() if ': {"names": ["lyon"]' in line)
    ...     return '{"answer": "%s"}' % line[0]
    >>> ask_model(asked, kg1, kg2, model, others)[["source", "target", "verdict"]]
      source target verdict
    0   Lyon   lyon    same
    """
    Integer().check("n_candidates", n_candidates)
    if n_candidates > MOST_CANDIDATES:
        raise ValueError(
            f"Expected n_candidates to be {MOST_CANDIDATES} at most: each needs a letter; found "
            f"{n_candidates}."
        )
    Integer(0).check("random_state", random_state)
    rows = _rows(questions, (kg1, kg2), candidates, n_candidates - 1)
    sides = Entities(kg1, images, image_folders), Entities(kg2, images, image_folders)
    seed = str(random_state)
    prompts = (q.prompt for row in rows for q in _both(row, sides, seed))
    ask = Asking(model, prompts, max_calls, cache_dir, cache_name)
    name = str(getattr(model, "model", "") or getattr(model, "__name__", type(model).__name__))
    said = [(row, _opinion(row, sides, seed, ask)) for row in rows]
    answered = [at is not None and at[1] != _NO_ANSWER for _, at in said]
    _warn(ask, answered, sum(side.n_hidden for side in sides))
    return _table([(row, at) for row, at in said if at is not None], sides, author or name)


def _rows(
    questions: pd.DataFrame,
    graphs: tuple[KnowledgeGraph, KnowledgeGraph],
    candidates: pd.DataFrame | None,
    n_others: int,
) -> list[_Row]:
    """Return what is asked, in the order of the table."""
    if isinstance(questions, pd.DataFrame) and "verdict" in questions:
        questions = questions[questions["verdict"].isin(["same", "different"])]
    checked = checked_matches(questions, "questions")
    ends = [
        kg.entity_index(checked[side].to_numpy(), f"the column {side!r} of questions").tolist()
        for kg, side in zip(graphs, ("source", "target"), strict=True)
    ]
    said = checked.get("verdict", pd.Series("", checked.index)).tolist()
    pairs = list(zip(*ends, strict=True))
    same = {pair for pair, verdict in zip(pairs, said, strict=True) if verdict == "same"}
    others = candidates_of(candidates, graphs)

    def beside(s: int, t: int, verdict: str) -> list[int]:
        offered = dict.fromkeys(c for c, _ in others.get(s, ()) if c != t)
        if verdict == "different":
            offered = dict.fromkeys(c for c in offered if (s, c) not in same)
        # In an order that only the entities tell: orders are drawn from it.
        return sorted(list(offered)[:n_others], key=lambda c: str(graphs[1].entity_ids[c]))

    return [_Row(s, t, beside(s, t, v)) for (s, t), v in zip(pairs, said, strict=True)]


def _both(row: _Row, sides: tuple[Entities, Entities], seed: str) -> Iterator[Question]:
    """Yield the question in both of its orders."""
    ids = _id(sides[0].kg, row.source), _id(sides[1].kg, row.target)
    key = f"{seed} {ids!r}"
    asked, offered = (sides[0], row.source), (sides[1], row.options)
    for number, order in enumerate(orders_of(key, len(row.options))):
        if number and not row.others:
            asked, offered = (sides[1], row.target), (sides[0], [row.source])
        yield make_question(asked, offered, order, f"{key} {number}")


def _opinion(
    row: _Row, sides: tuple[Entities, Entities], seed: str, ask: Asking
) -> tuple[int, str] | None:
    """Return the place of the option that was chosen, NONE or UNSURE, and why; None: not asked."""
    answers = []
    for question in _both(row, sides, seed):
        was_asked = False

        def read(answer: Any, question: Question = question) -> dict[str, int]:
            nonlocal was_asked
            was_asked = answer is not None
            place = question.read(answer)
            return {} if place is None else {"place": place}

        answers.append(ask(question.prompt, read).get("place"))
        if not was_asked:
            return None
    if None in answers:
        return UNSURE, _NO_ANSWER
    if answers[0] != answers[1]:
        return UNSURE, _TWO_ANSWERS
    return int(answers[0] or 0), ""


def _warn(ask: Asking, answered: Sequence[bool], n_hidden: int) -> None:
    said = []
    if not all(answered):
        said.append(
            f"The model answered {sum(answered):,} of {len(answered):,} questions, each asked "
            f"twice. Calls that failed: {ask.reasons()}"
        )
    if n_hidden:
        said.append(f"Images that it was not shown, unreadable or drawings (SVG): {n_hidden:,}.")
    if said:
        warnings.warn(" ".join(said), UserWarning, stacklevel=3)


def _table(
    said: list[tuple[_Row, tuple[int, str]]], sides: tuple[Entities, Entities], author: str
) -> pd.DataFrame:
    found: dict[tuple[int, int], tuple[str, str]] = {}
    chosen: dict[tuple[int, int], tuple[str, str]] = {}
    for row, (place, why) in said:
        of = f"of {len(row.options)} candidates"
        if place == UNSURE:
            word, why = "unsure", why or f"can't tell, {of}"
        elif place == NONE:
            word, why = "different", f"none {of}"
        elif row.options[place] == row.target:
            word, why = "same", f"chosen {of}"
        else:
            other = row.options[place]
            word, why = "different", f"instead: {cut(sides[1].label(other))}, {of}"
            chosen[row.source, other] = "same", f"chosen {of}, another was asked about"
        found[row.source, row.target] = word, why
    said_of = [*found.items(), *((pair, w) for pair, w in chosen.items() if pair not in found)]
    today = datetime.date.today().isoformat()
    lines = [
        [_id(sides[0].kg, s), _id(sides[1].kg, t), word, author, today, why, _WHY]
        for (s, t), (word, why) in said_of
    ]
    return pd.DataFrame(lines, columns=_COLUMNS, dtype=object)


def _id(kg: KnowledgeGraph, entity: int) -> Any:
    return kg.entity_ids[entity : entity + 1].tolist()[0]
