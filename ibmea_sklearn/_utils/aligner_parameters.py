"""Aligners by name, and their parameters by the words of options and protocols."""

from __future__ import annotations

import inspect
from typing import Any

from sklearn.base import BaseEstimator

from . import estimator
from .estimator import Estimator, is_auto

# Names of the package, which imports them at use.
ALIGNERS = {
    "eva": "EVAAligner",
    "gcn_align": "GCNAlignAligner",
    "ibmea": "IBMEAAligner",
    "mclea": "MCLEAAligner",
    "meaformer": "MEAformerAligner",
    "paris": "PARISAligner",
    "propagation": "PropagationAligner",
    "tmea": "TMEAAligner",
}

# The parameter of the aligners that an option sets, or that the protocol tells. Where parameters
# get other names, this table alone follows: options and protocol know the words on the left.
PARAMETERS = {
    "epochs": "training__max_epochs",
    "rounds": "rounds__n_rounds",
    "seed": "random_state",
    "modalities": "modalities",
    "matching": "matching__method",
    "csls_k": "matching__csls_k",
    "search": "matching__search",
    "candidates": "score_candidates",
    "held_out": "rounds__validation_fraction",
    "device": "device",
    "memory_limit": "memory_limit",
    "checkpoint_dir": "training__checkpoint_dir",
    "verbose": "verbose",
}
# Epochs between searches within one round: such an aligner is iterative, too.
CANDIDATES = "rounds__candidate_interval"


def parameter_of(aligner: BaseEstimator, word: str) -> str | None:
    """Return the parameter that an aligner has for a word of `PARAMETERS`; None without one.

    That of the table, or one that is called as the word itself.
    """
    known = aligner.get_params(deep=True)
    return next((name for name in (PARAMETERS[word], word) if name in known), None)


def setting_of(aligner: BaseEstimator, word: str, default: Any = None) -> Any:
    """Return the value of a parameter, by the word of `PARAMETERS`; the default if there is none.

    Parameters
    ----------
    aligner : BaseEstimator
    word : str
        A key of `PARAMETERS`.
    default : object, default=None

    Returns
    -------
    object
        What "auto" stands for, where a setting is left open.
    """
    name = parameter_of(aligner, word)
    if name is None:
        return default
    value = aligner.get_params(deep=True)[name]
    outer, _, inner = name.partition("__")
    if isinstance(aligner, Estimator) and inner and is_auto(value):
        return getattr(estimator.settings_of(aligner, outer), inner)
    return value


def settings_of(aligner: BaseEstimator) -> dict[str, Any]:
    """Return all parameters; of those that hold others, what they hold.

    Parameters
    ----------
    aligner : BaseEstimator

    Returns
    -------
    dict of {str: object}
    """
    params = aligner.get_params(deep=True)
    outer = {name.rpartition("__")[0] for name in params}
    return {name: value for name, value in params.items() if name not in outer}


def leave_candidates_out(aligner: BaseEstimator) -> None:
    """Let pairs join between rounds alone: a preset may let them join within one."""
    if aligner.get_params(deep=True).get(CANDIDATES) is not None:
        aligner.set_params(**{CANDIDATES: None})


def rounds_for(aligner: BaseEstimator, iterative: bool) -> int | None:
    """Return how many rounds make an aligner iterative, or not; None where it is so already.

    Raises
    ------
    ValueError
        If it is to be iterative, and has no such parameter.
    """
    if not iterative:
        return 1
    if aligner.get_params(deep=True).get(CANDIDATES) is not None:
        return None
    if setting_of(aligner, "rounds", 1) > 1:
        return None
    own = _own_rounds(type(aligner))
    if own is None:
        raise ValueError(
            f"Expected an aligner with the parameter {PARAMETERS['rounds']!r} for "
            f"iterative=True; found {type(aligner).__name__}, which has none. Leave it out."
        )
    return own


def _own_rounds(kind: Any) -> int | None:
    """Return the rounds that a class has by itself."""
    parameters = inspect.signature(kind).parameters.values()
    if any(p.default is p.empty for p in parameters):  # vectors, which it can't be made without
        own = kind.defaults.get("rounds", {}).get("n_rounds")
    else:
        own = setting_of(kind(), "rounds")
    return None if own is None else int(own)
