"""Names of entities on the command line: which, and what makes features of them."""

from __future__ import annotations

from collections.abc import Sequence

from .._utils.validation import did_you_mean
from ..featurizers import NameEncoder
from ..graph import KnowledgeGraph, SeedPairs


def check_choice(option: str, value: str | None, choices: Sequence[str]) -> None:
    """Check that an option that was given has one of a few values.

    Raises
    ------
    ValueError
        If not; guesses which was meant.
    """
    if value is not None and value not in choices:
        *others, last = choices
        guess = did_you_mean(value, choices) or " Choose one of them."
        raise ValueError(
            f"Expected {option} {', '.join(others)} or {last}; found {value!r}.{guess}"
        )


def with_name_rows(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, model: str, verbose: int
) -> tuple[KnowledgeGraph, KnowledgeGraph]:
    """Return the graphs with features of their names by a model.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    model : str
        As of :class:`NameEncoder`; several with a comma between.
    verbose : int
        0 hides the progress bar.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph

    Raises
    ------
    ValueError
        If a graph has no names, or there is no such model.
    ImportError
        If its package is not installed.
    """
    check_names((kg1, kg2), "--name-model")
    names = [name.strip() for name in model.split(",")]
    chosen = names[0] if len(names) == 1 else names
    encoder = NameEncoder(chosen, source="names", verbose=verbose)
    new = encoder.fit_transform(SeedPairs(kg1, kg2, []))
    return new.kg1, new.kg2


def check_names(graphs: Sequence[KnowledgeGraph], option: str = "--names") -> None:
    """Check that entities of both graphs have names.

    Raises
    ------
    ValueError
        If not.
    """
    nameless = [repr(kg.name) for kg in graphs if not len(kg.names.values)]
    if nameless:
        raise ValueError(
            f"Expected {option} with two graphs whose entities have names; found none in "
            f"{' and '.join(nameless)}. Add names to the graphs, such as a table names.csv, take "
            "the last parts of the ids by --names id, or leave the option out."
        )
