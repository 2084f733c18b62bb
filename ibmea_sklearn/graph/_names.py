"""Names of entities: several each, in languages; and those that ids end with."""

from __future__ import annotations

import re
import warnings
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd

# DBpedia and Wikidata name things after these; the name may have slashes itself, as AC/DC.
_FOLDER = re.compile(r"^\w+://.*?/(?:resource|page|wiki|entity)/")
_LAST = re.compile(r"^.*[/#](?=.)")
_PREFIX = re.compile(r"^[\w.-]*:(?=\S)")
_BLANK = "_:"


class EntityNames(NamedTuple):
    """Names of entities, one a row.

    ``entities`` is an int64 array of shape (n_names,) of entity indices, ``values`` an object
    array of their names, and ``languages`` one of language tags such as "en", or None where a name
    has none. An entity may have several rows, or none; no row is there twice.
    """

    entities: np.ndarray
    values: np.ndarray
    languages: np.ndarray


def checked_names(entities: np.ndarray, values: np.ndarray, languages: np.ndarray) -> EntityNames:
    """Return names without the spaces around them, each once.

    Parameters
    ----------
    entities : int64 ndarray of shape (n_rows,)
    values, languages : ndarray of shape (n_rows,)

    Raises
    ------
    ValueError
        If a name or language is no text. Missing ones are left out.

    Warns
    -----
    UserWarning
        If names are empty or missing, with their number; they are left out.
    """
    tags = [tag.removeprefix("@") or None for tag in _texts(languages, "languages of names")]
    table = pd.DataFrame(
        {
            "entity": entities,
            "name": pd.Series(_texts(values, "names"), dtype=object),
            "language": pd.Series(tags, dtype=object),
        }
    )
    empty = (table["name"] == "").to_numpy()
    if empty.any():
        warnings.warn(
            f"{empty.sum():,} of {len(empty):,} names are empty and left out.", stacklevel=3
        )
    table = table[~empty].drop_duplicates()
    # Strides as a pickle brings them back, also of no name: others are another key in a cache.
    return EntityNames(
        np.fromiter(table["entity"], np.int64, len(table)),
        np.array(table["name"].tolist(), object),
        np.array(table["language"].tolist(), object),
    )


def _texts(column: np.ndarray, what: str) -> list[str]:
    texts = [value.strip() if isinstance(value, str) else value for value in column.tolist()]
    for row, text in enumerate(texts):
        if text is None or text is pd.NA or text != text:  # NaN
            texts[row] = ""
        elif not isinstance(text, str):
            raise ValueError(f"Expected {what} to be texts; found {text!r} in row {row}.")
    return texts


def names_of_ids(ids: np.ndarray, graph: str) -> EntityNames:
    """Return the names that the ids of entities end with; blank nodes have none.

    Raises
    ------
    ValueError
        If the ids are integers.
    """
    if ids.dtype != object:
        raise ValueError(
            f"Expected entities whose ids hold names; found integers in graph {graph!r}. Pass "
            "names as a table, or source=[...] with the attributes that hold names."
        )
    names = [local_name(i) if not i.startswith(_BLANK) else "" for i in ids.tolist()]
    has_name = np.array([name != "" for name in names], bool)
    values = np.array(names, object)[has_name]
    return EntityNames(np.flatnonzero(has_name), values, np.full(len(values), None, object))


def local_name(text: str) -> str:
    """Return the name that an IRI or another id ends with; any other text as it is.

    Examples
    --------
    >>> from ibmea_sklearn.graph._names import local_name
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


def is_read_first(language: str | None) -> bool:
    """Tell whether a name is English or of no language."""
    return language is None or language.lower().replace("_", "-").split("-")[0] == "en"
