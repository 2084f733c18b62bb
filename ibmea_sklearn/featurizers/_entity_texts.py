"""What there is to read of an entity: texts, values of attributes, a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean
from ..graph import KnowledgeGraph, SeedPairs
from ._abstract_text import describe
from .base import graphs_of

# DBpedia and Wikidata name things after these; the name may have slashes itself, as AC/DC.
_FOLDER = re.compile(r"^\w+://.*?/(?:resource|page|wiki|entity)/")
_LAST = re.compile(r"^.*[/#](?=.)")
_PREFIX = re.compile(r"^[\w.-]*:(?=\S)")
_DIGITS = 5


def joined_texts(kg: KnowledgeGraph) -> pd.Series:
    """Return the texts of each entity that has any, joined by line feeds, by its index."""
    values = [str(value) for value in kg.texts.values.tolist()]
    texts = pd.Series(values, kg.texts.entities, dtype=object)
    return texts.groupby(level=0).agg("\n".join)


def said_values(kg: KnowledgeGraph) -> pd.Series:
    """Return the texts "name is value, ..." of the entities that have values."""
    return describe(kg, {}, _DIGITS)


def values_of(kg: KnowledgeGraph, attributes: Sequence[Any]) -> pd.Series:
    """Return the values of some attributes, joined by line feeds in the order of the triples."""
    columns = pd.Index(kg.attribute_names, dtype=object).get_indexer(list(attributes))
    rows = np.flatnonzero(np.isin(kg.attribute_triples[:, 1], columns[columns >= 0]))
    values = pd.Series(kg.attribute_values[rows], kg.attribute_triples[rows, 0], dtype=object)
    return values.dropna().map(str).groupby(level=0).agg("\n".join)


def check_attributes(X: SeedPairs, attributes: Sequence[Any]) -> None:
    """Check that each of the attributes is one of either graph.

    Raises
    ------
    ValueError
        If one is of neither.
    """
    known = [name for kg in graphs_of(X) for name in kg.attribute_names.tolist()]
    for name in attributes:
        if name not in known:
            guess = did_you_mean(name, map(str, known))
            raise ValueError(
                f"Expected source to name attributes of a graph; found {name!r}, which neither "
                f"has.{guess}"
            )


def names_of_ids(kg: KnowledgeGraph) -> pd.Series:
    """Return the names that the ids of entities end with.

    Raises
    ------
    ValueError
        If the ids are integers.
    """
    if kg.entity_ids.dtype != object:
        raise ValueError(
            f"Expected entities whose ids hold names; found integers in graph {kg.name!r}. Pass "
            "source=[...] with the attributes that hold names, or leave this featurizer out."
        )
    return pd.Series([local_name(entity) for entity in kg.entity_ids.tolist()], dtype=object)


def local_name(text: str) -> str:
    """Return the name that an IRI or another id ends with; any other text as it is.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers._entity_texts import local_name
    >>> local_name("http://dbpedia.org/resource/Bob_Dylan")
    'Bob Dylan'
    >>> local_name("<http://fr.dbpedia.org/resource/AC/DC>"), local_name("dbr:K%C3%B6ln")
    ('AC/DC', 'Köln')
    >>> local_name("Star Trek: First Contact")
    'Star Trek: First Contact'
    """
    text = text.strip().removeprefix("<").removesuffix(">").rstrip("/#")
    if "://" in text:
        text = (_FOLDER if _FOLDER.match(text) else _LAST).sub("", text)
    elif " " not in text:
        text = _PREFIX.sub("", text)
    return " ".join(unquote(text).replace("_", " ").split())
