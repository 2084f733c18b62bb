"""Pairs of knowledge graphs: shipped, fetched, made."""

from ._emoji import load_emoji
from ._fetch import fetch_dbp15k, fetch_mmkg
from ._pairs import DATASETS, load_pair
from ._synthetic import make_mmkg_pair
from ._wordnets import load_wordnets

__all__ = [
    "DATASETS",
    "fetch_dbp15k",
    "fetch_mmkg",
    "load_emoji",
    "load_pair",
    "load_wordnets",
    "make_mmkg_pair",
]
