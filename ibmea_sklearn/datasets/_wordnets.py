"""The pair of wordnets: Turkish and English, each with a hierarchy of its own."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .._utils.validation import Choice
from ..graph import KnowledgeGraph
from ._base import as_result
from ._wordnet_files import Synsets, readable_ids, wordnet_file

_FILES = ("turkish_wordnet.xml", "english_wordnet_version_31.xml")
_CALLED = ("kenet", "wordnet")
_LANGUAGES = ("tr", "en")
# What one relation says, the other says of the same two synsets, the other way round.
_INVERSES = {
    "hyponym": "hypernym",
    "instance hyponym": "instance hypernym",
    "member meronym": "member holonym",
    "part meronym": "part holonym",
    "substance meronym": "substance holonym",
    "member topic": "domain topic",
    "member region": "domain region",
    "member usage": "domain usage",
}


def load_wordnets(links: str = "one_to_one", *, return_bunch: bool = False) -> Any:
    """Load the pair of wordnets: KeNet (Turkish) and WordNet 3.1 (English).

    ==================   ==================   ==================
    .                    KeNet (1)            WordNet 3.1 (2)
    ==================   ==================   ==================
    Synsets              78,327               117,791
    Relations            10                   17
    Relation triples     147,463              233,632
    Names (words)        110,259              207,272
    Definitions          78,155               117,791
    Synsets with links   19,154               19,181
    Links, all           23,308               23,308
    Links, one to one    11,398               11,398
    ==================   ==================   ==================

    The figures are those of nlptoolkit-wordnet 1.0.26 (the extra ``wordnets``), out of which
    both graphs come; nothing is downloaded. Three in four synsets of KeNet, and five in six of
    WordNet, have no link.

    Parameters
    ----------
    links : {"one_to_one", "all"}, default="one_to_one"
        Which links to give. "all": each that KeNet says, so that a synset may stand in several:
        what one language says by one synset, the other says by two. "one_to_one": those of which
        neither synset stands in another. Only these can all be seeds; a judgement of everything
        that an aligner says needs "all".
    return_bunch : bool, default=False

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        Entities are synsets. With relations, one attribute (the part of speech), names (the words
        of a synset, each with its language, "tr" or "en") and texts (definitions).
    links : ndarray of shape (n_links, 2), object
        Ids of synsets that mean the same, in random order.
    bunch : Bunch
        Only if `return_bunch`, instead of the tuple: ``kg1``, ``kg2``, ``links``, ``DESCR``,
        ``statistics``.

    Raises
    ------
    ImportError
        If the package is missing; the message says how to install it.
    FileNotFoundError
        If the package lacks one of the two files.
    ValueError
        If `links` is none of the two, or a file is damaged.

    Warns
    -----
    UserWarning
        If relations or links name synsets that no file has, which are left out; or if no synset
        is linked. Neither is so in the version named.

    Notes
    -----
    The gold link is the inter-lingual id, which KeNet says of some synsets and which is the id
    that WordNet has for its own. It is in neither graph: entities are called by their first word,
    part of speech and a number, as in ``kenet:su.noun.1``. Entities, triples, names and links are
    in random orders that have nothing to do with each other. The hierarchies were built apart.

    KeNet was linked by people, as far as they came: that a synset has no link doesn't prove that
    the other language has none like it. What is counted as wrong there is an upper bound.

    A relation whose inverse the files have too is given once, as hypernym, holonym or domain; the
    few of a synset to itself are left out. WordNet's file refers to satellite adjectives by the
    letter of head adjectives; that is set right. Relations between single words stand between
    their synsets.

    The pair is hard: of the links, 5% join synsets that share a word as it is written. Of a part,
    150 linked synsets of KeNet and their neighbours (911 and 1,487 entities, 420 of the first
    linked), ``PropagationAligner`` with 1,024 columns reaches an F1 of .24 without seeds and of
    .28 with a tenth of the one-to-one links, all candidates and the unmatched counted; .34 and .38
    at the best of six least confidences.

    Licences: KeNet comes with nlptoolkit-wordnet, GPL-3.0 (copyright Starlang Software); WordNet
    3.1, in the XML of the same package, is under the WordNet licence (copyright 2011 Princeton
    University), which allows use, change and distribution with its notice. This project holds
    neither.

    References
    ----------
    .. [1] Bakay et al., "Turkish WordNet KeNet", GWC 2021.
    .. [2] Miller, "WordNet: a lexical database for English", Communications of the ACM 38 (11),
       1995.
    .. [3] TurkishWordNet-Py, https://github.com/StarlangSoftware/TurkishWordNet-Py

    Examples
    --------
    >>> from ibmea_sklearn.datasets import load_wordnets
    >>> kg1, kg2, links = load_wordnets()  # doctest: +SKIP
    >>> kg1.n_entities, kg2.n_entities, len(links)  # doctest: +SKIP
    (78327, 117791, 11398)
    """
    Choice("one_to_one", "all").check("links", links)
    sides = [Synsets(wordnet_file(name)) for name in _FILES]
    ids = [readable_ids(side, name) for side, name in zip(sides, _CALLED, strict=True)]
    # Each side has an order of its own, which says nothing of the other one.
    rng = np.random.default_rng(0)
    graphs = [_graph(sides[side], ids[side], side, rng) for side in range(2)]
    pairs = _links(sides[0], ids, links == "all")
    descr = inspect.getdoc(load_wordnets) or ""
    return as_result(graphs, rng.permutation(pairs), descr, return_bunch)


def _graph(
    synsets: Synsets, ids: Mapping[str, str], number: int, rng: np.random.Generator
) -> KnowledgeGraph:
    order = rng.permutation(np.array(list(ids.values()), object))
    place = {entity: i for i, entity in enumerate(order)}

    def in_order(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        # Stable: of the words of a synset, the first one stays the first.
        return sorted(rows, key=lambda row: place[row[0]])

    tag, parts = _LANGUAGES[number], synsets.parts.items()
    return KnowledgeGraph(
        in_order(_triples(synsets, ids, _CALLED[number])),
        in_order((ids[synset], "part of speech", part) for synset, part in parts if part),
        texts=in_order((ids[synset], said) for synset, said in synsets.definitions),
        names=in_order((ids[synset], word, tag) for synset, word in synsets.words),
        entities=order,
        name=_CALLED[number],
    )


def _triples(synsets: Synsets, ids: Mapping[str, str], called: str) -> list[tuple[str, ...]]:
    known = [(head, said, _resolved(tail, ids)) for head, said, tail in synsets.triples]
    kept = {_turned(ids[head], said, ids[tail]) for head, said, tail in known if tail in ids}
    _say_left_out("relations", [tail for _, _, tail in known if tail not in ids], called)
    # A set has no order; the pairs of a head are few, and say nothing.
    return sorted(row for row in kept if row[0] != row[2])


def _resolved(synset: str, ids: Mapping[str, str]) -> str:
    """Return the id of a satellite adjective for that of the head adjective it is called by."""
    satellite = synset.removesuffix("a") + "s"
    return satellite if synset.endswith("-a") and synset not in ids else synset


def _turned(head: str, relation: str, tail: str) -> tuple[str, ...]:
    inverse = _INVERSES.get(relation)
    return (head, relation, tail) if inverse is None else (tail, inverse, head)


def _links(synsets: Synsets, ids: Sequence[Mapping[str, str]], with_all: bool) -> np.ndarray:
    """Return the links, in the order of their ids."""
    left, right = ids
    kept = sorted({(left[a], right[b]) for a, b in synsets.links if b in right})
    _say_left_out("links", [b for _, b in synsets.links if b not in right], _CALLED[0])
    if not with_all:
        uses = Counter(synset for pair in kept for synset in pair)
        kept = [(a, b) for a, b in kept if uses[a] == uses[b] == 1]
    if not kept:
        warnings.warn(
            "Expected synsets of KeNet with links to WordNet; found none. Install "
            "nlptoolkit-wordnet in a version that pyproject.toml allows.",
            stacklevel=3,
        )
    return np.array(kept, object).reshape(-1, 2)


def _say_left_out(what: str, unknown: Sequence[str], called: str) -> None:
    if unknown:
        warnings.warn(
            f"{len(unknown):,} {what} of {called} lead to synsets that no file has, such as "
            f"{unknown[0]!r}, and are left out.",
            stacklevel=4,
        )
