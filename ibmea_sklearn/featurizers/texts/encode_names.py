"""Features of the names of two graphs, by a model that is named."""

from __future__ import annotations

from ...graph import KnowledgeGraph, SeedPairs
from ...graph._knowledge_graph import check_named
from .encoder import NameEncoder

__all__ = ["encode_names"]


def encode_names(
    kg1: KnowledgeGraph, kg2: KnowledgeGraph, name_model: str, *, verbose: int = 1
) -> tuple[KnowledgeGraph, KnowledgeGraph]:
    """Return two graphs with features of their names by a model.

    An aligner compares names by these features then, not by words, numbers and letters.

    Parameters
    ----------
    kg1, kg2 : KnowledgeGraph
    name_model : str
        As of :class:`NameEncoder`; several with a comma between.
    verbose : int, default=1
        0 hides the progress bar.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        With ``features["name"]``; they share all the rest with the given ones.

    Raises
    ------
    ValueError
        If a graph has no names, or there is no such model.
    ImportError
        If its package is not installed.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.featurizers import encode_names
    >>> kg1 = KnowledgeGraph([("dbr:Lyon", "in", "dbr:France")], names="id")
    >>> kg2 = KnowledgeGraph([("yago:Lyon", "in", "yago:Francia")], names="id")
    >>> [kg.features["name"].values.shape[0] for kg in encode_names(kg1, kg2, "ngrams")]
    [2, 2]
    """
    check_named((kg1, kg2), "name_model")
    names = [name.strip() for name in name_model.split(",")]
    chosen = names[0] if len(names) == 1 else names
    encoder = NameEncoder(chosen, source="names", verbose=verbose)
    new = encoder.fit_transform(SeedPairs(kg1, kg2, []))
    return new.kg1, new.kg2
