"""A synthetic pair of multi-modal knowledge graphs, with knobs for what makes alignment hard."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._utils.validation import AnyOf, Choice, Integer, Number, Range
from ..graph import KnowledgeGraph
from ._base import as_result
from ._draws import (
    add_noise,
    attribute_values,
    draw_attributes,
    draw_triples,
    mask_of_share,
    redraw_share,
    unit_rows,
)
from ._draws_of_names import draw_names

MODALITIES = ("relation", "attribute", "image")
_SHARE = Number(0, 1)
_RANGES: dict[str, Range] = {
    "n_entities": Integer(1),
    "n_relations": Integer(1),
    "n_attributes": Integer(1),
    "image_dim": Integer(0),
    "structural_overlap": _SHARE,
    "attribute_noise": _SHARE,
    "image_noise": Number(0),
    "degree_exponent": AnyOf(Number(2, open_ends="least"), None),
    "name_noise": AnyOf(_SHARE, None),
}


class _Side(NamedTuple):
    """One graph in the making; entities are numbered with the linked ones first."""

    triples: np.ndarray  # (n_triples, 3)
    attributes: np.ndarray  # (n_attribute_triples, 2)
    numbers: np.ndarray  # (n_attribute_triples,), standard normal: what the values are made of
    images: np.ndarray  # (n_entities, image_dim)
    names: np.ndarray  # (n_entities,), or (0,) without names


def make_mmkg_pair(
    n_entities: int = 500,
    *,
    n_relations: int = 20,
    n_attributes: int = 40,
    mean_degree: float = 10.0,
    degree_exponent: float | None = None,
    mean_attributes: float = 5.0,
    structural_overlap: float = 0.8,
    attribute_noise: float = 0.2,
    image_noise: float = 1.0,
    image_dim: int = 32,
    name_noise: float | None = None,
    missing_modalities: Mapping[str, float | tuple[float, float]] | None = None,
    n_dangling: int | tuple[int, int] = 0,
    random_state: int | np.random.RandomState | None = None,
    return_bunch: bool = False,
) -> Any:
    """Make a synthetic pair of multi-modal knowledge graphs.

    =================   =======================================================
    Entities            `n_entities` + `n_dangling` a side
    Links               `n_entities`, one-to-one
    Relation triples    about (entities a side) * `mean_degree` / 2 a side
    Modalities          relation, attribute (with values), image (features), name
    =================   =======================================================

    Both graphs are views of one hidden world: they share a part of its triples, and each has
    triples of its own. Names of relations and attributes mean the same on both sides; ids of
    entities say nothing. A few relations, attributes and tail entities are frequent and most are
    rare, as in real graphs.

    Parameters
    ----------
    n_entities : int, default=500
        Number of entities that both graphs have.
    n_relations, n_attributes : int, default=20 and 40
        Number of relation names and of attribute names.
    mean_degree : float, default=10.0
        Mean number of triples that an entity stands in, as head or as tail.
    degree_exponent : float above 2, optional
        Exponent of a power law of the degrees: the share of entities with a degree of d falls like
        ``d ** -degree_exponent``. Between 2 and 3 in real graphs; the lower, the larger the hubs.
        By default heads are even, and tails follow a power law of 4.
    mean_attributes : float, default=5.0
        Mean number of attribute triples of an entity; each entity has at least one.
    structural_overlap : float in [0, 1], default=0.8
        Share of the triples between linked entities that both graphs have. With 1 the linked
        parts are isomorphic.
    attribute_noise : float in [0, 1], default=0.2
        Share of the attribute triples of linked entities that `kg2` has otherwise: attribute and
        value are drawn anew.
    image_noise : float, default=1.0
        Root mean square length of the noise added to the image vector (of length 1) on each side.
        With 0 linked entities have equal images; with 1 their mean cosine is about 0.5.
    image_dim : int, default=32
        Number of image features; 0 for graphs without images.
    name_noise : float in [0, 1], optional
        Entities have names of two words, of which a few are frequent: 2 to 5% of the names are
        those of several entities. Of the linked ones, this share of the words is otherwise in
        `kg2`: one half with another letter, one half another word. By default there are no names.
    missing_modalities : mapping {"relation" | "attribute" | "image": share}, optional
        Share of the entities of each side that lack the modality, drawn on each side by itself.
        A tuple gives one share for each side. An entity without relations loses all its triples,
        which may leave others with none.
    n_dangling : int or (int, int), default=0
        Number of entities that only one graph has, in addition to `n_entities`.
    random_state : int, RandomState instance or None, default=None
        The same integer gives the same pair.
    return_bunch : bool, default=False

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        Image features are ``features["image"]``, float32 with rows of length 1.
    links : ndarray of shape (n_entities, 2), object
        Ids of equivalent entities, in random order.
    bunch : Bunch
        Only if `return_bunch`, instead of the tuple: ``kg1``, ``kg2``, ``links``, ``DESCR``,
        ``statistics``.

    Raises
    ------
    ValueError
        If a parameter is out of range, or there are not enough possible triples for
        `mean_degree` or attributes for `mean_attributes`.

    Notes
    -----
    A pair that tells something at size has hubs, names that differ, and entities of one side only.
    A million entities a side, three in ten of which have no partner, with 5,000,000 triples and as
    many values, takes 34 s of one core and 2.9 GB:
    ``make_mmkg_pair(700_000, n_dangling=300_000, n_relations=2000, degree_exponent=2.5,
    name_noise=0.3, image_dim=0)``.

    An exponent next to 2 asks for hubs that have more triples than there are entities to have them
    with; what can't be drawn is made up for by even draws.

    Examples
    --------
    >>> from ibmea_sklearn.datasets import make_mmkg_pair
    >>> kg1, kg2, links = make_mmkg_pair(
    ...     100, missing_modalities={"image": 0.2}, n_dangling=(0, 20), random_state=0
    ... )
    >>> kg2
    KnowledgeGraph 'synthetic 2': 120 entities, 20 relations, 600 relation triples, 40 attributes,
        600 attribute triples
      relation 100%, attribute 100%, image 80%
    >>> links.shape
    (100, 2)
    """
    dangling = _two(n_dangling)
    missing = {m: _two(share) for m, share in (missing_modalities or {}).items()}
    given = locals()
    for name, range_ in _RANGES.items():
        range_.check(name, given[name])
    Number(1, n_attributes).check("mean_attributes", mean_attributes)
    # Triples without loops that are possible; both sides together draw n_entities * mean_degree.
    Number(0, (n_entities - 1) * n_relations).check("mean_degree", mean_degree)
    _check_sides("n_dangling", dangling, Integer(0))
    for modality, lacking in missing.items():
        Choice(*MODALITIES).check("each key of missing_modalities", modality)
        _check_sides(f"missing_modalities[{modality!r}]", lacking, _SHARE)
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))

    structure = _draw_structure(
        n_entities, dangling, n_relations, mean_degree, structural_overlap, rng, degree_exponent
    )
    attributes = _draw_attributes(
        n_entities, dangling, n_attributes, mean_attributes, attribute_noise, rng
    )
    images = _draw_images(n_entities, dangling, image_dim, image_noise, rng)
    # Of a generator of their own: the rest is the same with names and without.
    said = draw_names(n_entities, dangling, name_noise, rng.spawn(1)[0])
    graphs, labels = [], []
    for side in range(2):
        drawn = _Side(structure[side], *attributes[side], images[side], said[side])
        shares = {m: missing[m][side] for m in MODALITIES if m in missing}
        kg, ids = _build(drawn, side, n_entities + dangling[side], shares, rng)
        graphs.append(kg)
        labels.append(ids[:n_entities])
    links = np.column_stack(labels)[rng.permutation(n_entities)]
    descr = inspect.getdoc(make_mmkg_pair) or ""
    return as_result(graphs, links, descr, return_bunch)


def _two(value: Any) -> tuple[Any, Any]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _check_sides(name: str, pair: tuple[Any, ...], range_: Range) -> None:
    if len(pair) != 2:
        raise ValueError(f"Expected {name} as one number, or one for each side; found {pair!r}.")
    for value in pair:
        range_.check(name, value)


def _draw_structure(
    n_linked: int,
    dangling: tuple[int, int],
    n_relations: int,
    mean_degree: float,
    overlap: float,
    rng: np.random.Generator,
    exponent: float | None = None,
) -> list[np.ndarray]:
    n_triples = round(n_linked * mean_degree / 2)
    n_common = round(n_triples * overlap)
    n_own = n_triples - n_common
    # Drawn together, so that what a side has of its own is never in the other one.
    drawn = draw_triples(n_common + 2 * n_own, n_linked, n_linked, n_relations, rng, 0, exponent)
    common, own1, own2 = np.split(drawn, [n_common, n_common + n_own])
    sides = []
    for own, n_private in zip((own1, own2), dangling, strict=True):
        n_around = round(n_private * mean_degree / 2)
        n_tails = n_linked + n_private
        around = draw_triples(n_around, n_private, n_tails, n_relations, rng, n_linked, exponent)
        sides.append(np.concatenate([common, own, around]))
    return sides


def _draw_attributes(
    n_linked: int,
    dangling: tuple[int, int],
    n_attributes: int,
    mean_attributes: float,
    noise: float,
    rng: np.random.Generator,
) -> list[tuple[np.ndarray, np.ndarray]]:
    shared = draw_attributes(n_linked, n_attributes, mean_attributes, rng)
    numbers = rng.standard_normal(len(shared))
    sides = []
    for n_private, share in zip(dangling, (0.0, noise), strict=True):
        pairs, changed = redraw_share(shared, share, n_attributes, rng)
        said = np.where(changed, rng.standard_normal(len(shared)), numbers)
        private = draw_attributes(n_private, n_attributes, mean_attributes, rng)
        private[:, 0] += n_linked
        said = np.append(said, rng.standard_normal(len(private)))
        sides.append((np.concatenate([pairs, private]), said))
    return sides


def _draw_images(
    n_linked: int,
    dangling: tuple[int, int],
    dim: int,
    noise: float,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    shared = unit_rows(n_linked, dim, rng)
    return [
        add_noise(np.concatenate([shared, unit_rows(n_private, dim, rng)]), noise, rng)
        for n_private in dangling
    ]


def _build(
    side: _Side, number: int, n: int, missing: Mapping[str, float], rng: np.random.Generator
) -> tuple[KnowledgeGraph, np.ndarray]:
    """Drop what is missing, shuffle, name, and build; return also the ids by hidden number."""
    lacks = {m: mask_of_share(n, missing.get(m, 0.0), rng) for m in MODALITIES}
    label = rng.permutation(n)
    names = np.array([f"{'ab'[number]}{i}" for i in range(n)], object)
    kept = ~lacks["relation"][side.triples[:, [0, 2]]].any(axis=1)
    heads, relations, tails = _relabelled(side.triples[kept], label)
    said = ~lacks["attribute"][side.attributes[:, 0]]
    owners, attributes, values = _relabelled_said(side.attributes[said], side.numbers[said], label)
    relation_names = _names("relation", relations)
    attribute_names = _names("attribute", attributes)
    kg = KnowledgeGraph(
        {"head": names[heads], "relation": relation_names[relations], "tail": names[tails]},
        {"entity": names[owners], "attribute": attribute_names[attributes], "value": values},
        features=_image_features(side.images, ~lacks["image"], label),
        names=_named(names, side.names, label),
        entities=names,
        name=f"synthetic {number + 1}",
    )
    return kg, names[label]


def _relabelled(triples: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, ...]:
    # In the order of the labels, which says nothing of the order they were drawn in. A random
    # order takes twice as long to build: every name is then far away in memory.
    heads, relations, tails = label[triples[:, 0]], triples[:, 1], label[triples[:, 2]]
    # Stable: of two relations between the same two, which comes first differs by processor else.
    order = np.argsort(heads * len(label) + tails, kind="stable")
    return heads[order], relations[order], tails[order]


def _relabelled_said(
    pairs: np.ndarray, numbers: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, ...]:
    owners = label[pairs[:, 0]]
    order = np.argsort(owners * (pairs[:, 1].max(initial=0) + 1) + pairs[:, 1], kind="stable")
    # Made last: to reorder Python objects takes longer than to make them.
    attributes = pairs[order, 1]
    return owners[order], attributes, attribute_values(attributes, numbers[order])


def _image_features(
    images: np.ndarray, present: np.ndarray, label: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    if not images.shape[1]:
        return {}
    matrix, mask = np.zeros_like(images), np.zeros(len(images), bool)
    matrix[label[present]] = images[present]
    mask[label] = present
    return {"image": (matrix, mask)}


def _named(ids: np.ndarray, names: np.ndarray, label: np.ndarray) -> np.ndarray | None:
    if not len(names):
        return None
    order = np.argsort(label)  # as ids are, which says nothing of the order names were drawn in
    return np.column_stack([ids, names[order]])


def _names(what: str, codes: np.ndarray) -> np.ndarray:
    return np.array([f"{what} {i}" for i in range(codes.max(initial=-1) + 1)], object)
