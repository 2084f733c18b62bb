"""The knowledge graph: frozen arrays and what they are called."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .._utils.validation import did_you_mean
from ._features import ModalityFeatures, checked_features, is_within
from ._names import EntityNames, checked_names, is_read_first, names_of_ids
from ._tables import (
    Frozen,
    are_ids,
    column_of,
    columns_of,
    factorize,
    flatten,
    flatten_nested,
    frozen,
    kind_of,
    name_columns,
    say_unknown,
)

# Modalities with raw data of their own, and where these lie.
_TABLES = {"image": "images", "text": "texts", "name": "names"}


class EntityValues(NamedTuple):
    """Things said of entities, one a row: images or texts.

    ``entities`` is an int64 array of shape (n_rows,) of entity indices, ``values`` an object
    array of shape (n_rows,). An entity may have several rows, or none.
    """

    entities: np.ndarray
    values: np.ndarray


class KnowledgeGraph(Frozen):
    """A frozen multi-modal knowledge graph: relations, attributes, images, texts, names, features.

    Tables may be pandas, Polars or Arrow tables, numpy arrays, sequences of tuples, or mappings;
    columns are read by position. Entities are named by strings or by integers, not both.
    An entity's id belongs to its graph: two graphs may use the same ids for different things.

    Parameters
    ----------
    relation_triples : table with columns (head, relation, tail), optional
        Repeated triples are kept once. A mapping is read as ``{column name: values}``.
    attribute_triples : table with columns (entity, attribute, value[, datatype]), optional
        Values may be of any type; ``datatype`` says more of a literal, such as its unit. Also a
        mapping ``{entity: {attribute: value or list of values}}``.
    images : mapping {entity: image or list of images} or table (entity, image), optional
        An image is a path, the bytes of an image file, a PIL image or an array of shape
        (height, width, 3). Images are read when they are encoded, not before.
    texts : mapping {entity: text or list of texts} or table (entity, text), optional
    features : mapping {modality: matrix, (matrix, mask) or {entity: vector}}, optional
        Precomputed features. A matrix has a row for each of `entities`, in their order. It is
        shared, not copied: don't change it afterwards.
    names : mapping, table (entity, name[, language]) or "id", optional
        A mapping is ``{entity: name, (name, language) or list of these}``. "id": the last part of
        each entity's id, as "Bob Dylan" in ``http://dbpedia.org/resource/Bob_Dylan``. Names are
        stripped; empty and missing ones are left out, with a warning that counts them.
    entities : sequence of ids, optional
        All entities, in the order of the rows of `features`. Without it, the entities that the
        tables name, in order of appearance. Entities that only the tables name are added.
    name : str, optional
        How the graph is called in messages and displays.

    Attributes
    ----------
    entity_ids : ndarray of shape (n_entities,), object (strings) or int64
    relation_names : ndarray of shape (n_relations,)
    attribute_names : ndarray of shape (n_attributes,)
    relation_triples : int64 ndarray of shape (n_triples, 3)
        Head entity, relation, tail entity, as indices into the names.
    attribute_triples : int64 ndarray of shape (n_attribute_triples, 2)
        Entity and attribute, as indices.
    attribute_values, attribute_datatypes : object ndarrays of shape (n_attribute_triples,)
    images, texts : EntityValues
    names : EntityNames
    features : read-only mapping of {str: ModalityFeatures}

    Raises
    ------
    TypeError
        If a table is no table.
    ValueError
        If there is no entity, an id is missing or of mixed type, a table has the wrong number of
        columns, a name is no text, or a feature matrix has the wrong length or is not finite.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> kg = KnowledgeGraph(
    ...     [("Paris", "capital of", "France"), ("Lyon", "located in", "France")],
    ...     attribute_triples={"Paris": {"population": 2102650}},
    ...     name="cities",
    ... )
    >>> kg
    KnowledgeGraph 'cities': 3 entities, 2 relations, 2 relation triples, 1 attributes, 1 attribute triples
      relation 100%, attribute 33%
    """  # noqa: E501

    entity_ids: np.ndarray
    relation_names: np.ndarray
    attribute_names: np.ndarray
    relation_triples: np.ndarray
    attribute_triples: np.ndarray
    attribute_values: np.ndarray
    attribute_datatypes: np.ndarray
    images: EntityValues
    texts: EntityValues
    names: EntityNames
    features: Mapping[str, ModalityFeatures]
    name: str

    def __init__(
        self,
        relation_triples: Any = None,
        attribute_triples: Any = None,
        images: Any = None,
        texts: Any = None,
        features: Mapping[str, Any] | None = None,
        *,
        names: Any = None,
        entities: Any = None,
        name: str = "",
    ) -> None:
        features = features or {}
        heads, relations, tails = columns_of(relation_triples, 3, "relation triples")
        owners, attributes, values, datatypes = columns_of(
            flatten_nested(attribute_triples), 4, "attribute triples", n_required=3
        )
        image_owners, image_values = columns_of(flatten(images), 2, "images")
        text_owners, text_values = columns_of(flatten(texts), 2, "texts")
        by_id = isinstance(names, str) and names == "id"
        name_owners, name_values, languages = name_columns(None if by_id else names)
        named = {
            "entities": column_of(entities),
            "heads of relation triples": heads,
            "tails of relation triples": tails,
            "entities of attribute triples": owners,
            "entities of images": image_owners,
            "entities of texts": text_owners,
            "entities of names": name_owners,
            **{
                f"entities of {modality} features": column_of(list(vectors))
                for modality, vectors in features.items()
                if isinstance(vectors, Mapping)
            },
        }
        (given, head, tail, owner, image, text, called, *_), ids = factorize(named, "an entity id")
        _check_entities(given, ids, name)
        (relation,), relation_names = factorize({"relations": relations}, "a relation name")
        (attribute,), attribute_names = factorize({"attributes": attributes}, "an attribute name")
        # `astype` copies: a column that is an object array is still the caller's.
        self._set(
            name=str(name),
            entity_ids=ids,
            relation_names=relation_names,
            attribute_names=attribute_names,
            relation_triples=_distinct(np.column_stack([head, relation, tail])),
            attribute_triples=np.column_stack([owner, attribute]),
            attribute_values=values.astype(object),
            attribute_datatypes=datatypes.astype(object),
            images=EntityValues(image, image_values.astype(object)),
            texts=EntityValues(text, text_values.astype(object)),
            names=names_of_ids(ids, name)
            if by_id
            else checked_names(called, name_values, languages),
        )
        self._set(features={m: checked_features(self, m, f) for m, f in features.items()})

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_entity_index", None)  # quickly built again
        return state

    @property
    def n_entities(self) -> int:
        """Number of entities."""
        return len(self.entity_ids)

    @property
    def n_relations(self) -> int:
        """Number of distinct relation names."""
        return len(self.relation_names)

    @property
    def n_attributes(self) -> int:
        """Number of distinct attribute names."""
        return len(self.attribute_names)

    @property
    def modalities(self) -> dict[str, float]:
        """Share of entities that have each modality, of those that any entity has."""
        shares = {
            "relation": _share(self.relation_triples[:, [0, 2]], self.n_entities),
            "attribute": _share(self.attribute_triples[:, 0], self.n_entities),
            "image": _share(self.images.entities, self.n_entities),
            "text": _share(self.texts.entities, self.n_entities),
            "name": _share(self.names.entities, self.n_entities),
            **{m: float(f.mask.mean()) for m, f in self.features.items()},
        }
        return {m: share for m, share in shares.items() if share > 0}

    @cached_property
    def _entity_index(self) -> pd.Index:
        return pd.Index(self.entity_ids, dtype=self.entity_ids.dtype)

    def entity_index(self, ids: Any, what: str = "entities") -> np.ndarray:
        """Turn entity ids into indices.

        Parameters
        ----------
        ids : array-like of shape (n,)
        what : str
            What the ids are, for the message of the error.

        Returns
        -------
        ndarray of shape (n,), int64

        Raises
        ------
        ValueError
            If an id is unknown; the message names the first ones and what is close to them.

        Examples
        --------
        >>> from ibmea_sklearn import KnowledgeGraph
        >>> KnowledgeGraph([("a", "knows", "b")]).entity_index(["b", "a"])
        array([1, 0])
        """
        ids = column_of(ids)
        # Of the right kind only: pandas would find 2 for 2.0, and 1 for True.
        known = are_ids(ids, kind_of(self.entity_ids[:1]))
        index = np.full(len(ids), -1)
        index[known] = self._entity_index.get_indexer(
            pd.Index(ids[known], dtype=self.entity_ids.dtype)
        )
        if (index < 0).any():
            raise ValueError(say_unknown(ids[index < 0], what, self.entity_ids, self.name))
        return index

    def with_features(self, **features: Any) -> KnowledgeGraph:
        """Return a new graph with these features, which shares all the rest with this one.

        Parameters
        ----------
        **features : matrix, (matrix, mask), {entity: vector}, or None
            By modality, as in the constructor. None removes a modality's features.

        Returns
        -------
        KnowledgeGraph

        Examples
        --------
        >>> import numpy as np
        >>> from ibmea_sklearn import KnowledgeGraph
        >>> kg = KnowledgeGraph([("a", "knows", "b")]).with_features(image=np.eye(2))
        >>> kg.features["image"].mask
        array([ True,  True])
        """
        kept = {m: f for m, f in self.features.items() if m not in features}
        added = {m: checked_features(self, m, f) for m, f in features.items() if f is not None}
        return self._with(features=MappingProxyType({**kept, **frozen(added)}))

    def with_names(self, names: Any) -> KnowledgeGraph:
        """Return a new graph with these names instead, which shares all the rest with this one.

        Parameters
        ----------
        names : mapping, table (entity, name[, language]), "id" or None
            As in the constructor. None leaves the graph without names.

        Returns
        -------
        KnowledgeGraph

        Raises
        ------
        ValueError
            If an entity is unknown, or a name is no text.

        Examples
        --------
        >>> from ibmea_sklearn import KnowledgeGraph
        >>> kg = KnowledgeGraph([("dbr:Lyon", "in", "dbr:France")]).with_names("id")
        >>> kg.names.values
        array(['Lyon', 'France'], dtype=object)
        >>> kg.with_names({"dbr:Lyon": ["Lyon", ("Lione", "it")]}).names.languages
        array([None, 'it'], dtype=object)
        """
        if isinstance(names, str) and names == "id":
            return self._with(names=frozen(names_of_ids(self.entity_ids, self.name)))
        owners, values, languages = name_columns(names)
        owners = self.entity_index(owners, "entities of names")
        return self._with(names=frozen(checked_names(owners, values, languages)))

    def without(self, entities: Any, modality: str | None = None) -> KnowledgeGraph:
        """Return a new graph without some entities, or in which they lack a modality.

        Parameters
        ----------
        entities : array-like of shape (n,)
            Ids.
        modality : str, optional
            "attribute", "image", "text", "name", or that of features: only what it says of the
            entities is left out, and they stay.

        Returns
        -------
        KnowledgeGraph
            The other entities in their order, with the triples among them. Names of relations and
            attributes that no triple has any more are gone, too.

        Raises
        ------
        ValueError
            If an entity is unknown, none is left, or the graph has no such modality.

        Examples
        --------
        >>> from ibmea_sklearn import KnowledgeGraph
        >>> kg = KnowledgeGraph([("a", "knows", "b"), ("c", "likes", "b")], names={"b": "Bea"})
        >>> rest = kg.without(["a"])
        >>> rest.entity_ids.tolist(), rest.relation_names.tolist(), rest.labels()
        (['c', 'b'], ['likes'], ['', 'Bea'])
        >>> kg.without(["b"], modality="name").labels()
        ['', '', '']
        """
        is_kept = np.ones(self.n_entities, bool)
        is_kept[self.entity_index(entities, "entities to leave out")] = False
        if modality is not None:
            return self._with(**frozen(self._lacking(modality, is_kept)))
        if not is_kept.any():
            raise ValueError(
                f"Expected entities that stay; found all {self.n_entities:,} of {self.name!r} "
                "among those to leave out."
            )
        place = np.cumsum(is_kept) - 1
        relations = self.relation_triples[is_kept[self.relation_triples[:, [0, 2]]].all(axis=1)]
        relation_names, used = _used(self.relation_names, relations[:, 1])
        ends = place[relations[:, [0, 2]]]
        attributes = self._attributes_of(is_kept)
        owners, predicates = attributes["attribute_triples"].T
        changed = {
            **attributes,
            "entity_ids": self.entity_ids[is_kept],
            "relation_names": relation_names,
            "relation_triples": np.column_stack([ends[:, 0], used, ends[:, 1]]),
            "attribute_triples": np.column_stack([place[owners], predicates]),
            **{
                what: _rows_of(getattr(self, what), is_kept, place)
                for what in ("images", "texts", "names")
            },
        }
        features = {
            m: ModalityFeatures(f.values[is_kept], f.mask[is_kept])
            for m, f in self.features.items()
        }
        new = self._with(**frozen(changed), features=frozen(features))
        new.__dict__.pop("_entity_index", None)
        return new

    def _attributes_of(self, is_kept: np.ndarray) -> dict[str, np.ndarray]:
        """Return what attributes say of the entities that are kept, under their numbers."""
        has = is_kept[self.attribute_triples[:, 0]]
        names, used = _used(self.attribute_names, self.attribute_triples[has, 1])
        return {
            "attribute_names": names,
            "attribute_triples": np.column_stack([self.attribute_triples[has, 0], used]),
            "attribute_values": self.attribute_values[has],
            "attribute_datatypes": self.attribute_datatypes[has],
        }

    def _lacking(self, modality: str, is_kept: np.ndarray) -> dict[str, Any]:
        """Return what changes where only the entities that are kept have a modality."""
        known = [*_TABLES, "attribute", *(m for m in self.features if m not in _TABLES)]
        if modality not in known:
            raise ValueError(
                f"Expected a modality among {', '.join(known)}; found {modality!r}."
                f"{did_you_mean(modality, known)}"
            )
        changed: dict[str, Any] = {}
        if modality == "attribute":
            changed |= self._attributes_of(is_kept)
        elif modality in _TABLES:
            table = getattr(self, _TABLES[modality])
            rows = is_kept[table.entities]
            changed[_TABLES[modality]] = type(table)(*(column[rows] for column in table))
        if modality in self.features:
            values, mask = self.features[modality]
            kept = is_kept[:, None]
            few = values * kept if isinstance(values, np.ndarray) else values.multiply(kept).tocsr()
            lessened = ModalityFeatures(few, mask & is_kept)
            changed["features"] = {**self.features, modality: lessened}
        return changed

    def labels(self, entities: np.ndarray | None = None) -> list[str]:
        """Return what a reader calls entities: a name, else a text, else nothing.

        Parameters
        ----------
        entities : int64 ndarray of shape (n,), optional
            Indices of entities; by default all of the graph.

        Returns
        -------
        list of n str
            Of the names of an entity the first that is English or of no language, else its first;
            without a name its first text; "" where it has neither.

        Examples
        --------
        >>> from ibmea_sklearn import KnowledgeGraph
        >>> kg = KnowledgeGraph(
        ...     [("Q64", "older than", "Q90"), ("Q90", "older than", "Q1")],
        ...     names={"Q64": [("Berlino", "it"), ("Berlin", "en")], "Q90": [("Parigi", "it")]},
        ...     texts={"Q90": "a city", "Q1": "all there is"},
        ... )
        >>> kg.labels()
        ['Berlin', 'Parigi', 'all there is']
        >>> kg.labels(kg.entity_index(["Q1"]))
        ['all there is']
        """
        entities = np.arange(self.n_entities) if entities is None else entities
        is_asked = np.zeros(self.n_entities, bool)
        is_asked[entities] = True
        owners, names, languages = (c[is_asked[self.names.entities]] for c in self.names)
        order = np.argsort([not is_read_first(tag) for tag in languages.tolist()], kind="stable")
        has_text = is_asked[self.texts.entities]
        said = [
            *zip(owners[order].tolist(), names[order].tolist(), strict=True),
            *zip(self.texts.entities[has_text].tolist(), self.texts.values[has_text], strict=True),
        ]
        first = dict(reversed(said))
        return [str(first.get(entity, "")) for entity in entities.tolist()]

    def _with(self, **changed: Any) -> KnowledgeGraph:
        new = object.__new__(KnowledgeGraph)
        new.__dict__.update(self.__dict__, **changed)
        return new

    def _counts(self) -> dict[str, int]:
        return {
            "entities": self.n_entities,
            "relations": self.n_relations,
            "relation triples": len(self.relation_triples),
            "attributes": self.n_attributes,
            "attribute triples": len(self.attribute_triples),
        }

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        counts = ", ".join(f"{n:,} {what}" for what, n in self._counts().items())
        shares = ", ".join(f"{m} {share:.0%}" for m, share in self.modalities.items())
        return f"KnowledgeGraph{name}: {counts}\n  {shares or 'no modality'}"

    def _repr_html_(self) -> str:
        shares = {f"with {m}": f"{share:.0%}" for m, share in self.modalities.items()}
        cells = {what: f"{n:,}" for what, n in self._counts().items()} | shares
        rows = "".join(
            f"<tr><th>{html.escape(what)}</th><td>{n}</td></tr>" for what, n in cells.items()
        )
        title = html.escape(f"KnowledgeGraph {self.name}".strip())
        return f"<table><caption>{title}</caption>{rows}</table>"


def check_named(graphs: Sequence[KnowledgeGraph], what: str = "names") -> None:
    """Check that entities of both graphs have names.

    Raises
    ------
    ValueError
        If not. ``what`` asks for them.
    """
    nameless = [repr(kg.name) for kg in graphs if not len(kg.names.values)]
    if nameless:
        raise ValueError(
            f"Expected {what} with two graphs whose entities have names; found none in "
            f"{' and '.join(nameless)}. Add names to the graphs, such as a table names.csv, take "
            "the last parts of the ids by names='id', or leave it out."
        )


def restored(state: dict[str, Any]) -> KnowledgeGraph:
    """Return the graph of a state that a file holds.

    Raises
    ------
    ValueError
        If its parts don't fit each other: compiled code would read where they point.
    """
    kg: KnowledgeGraph = object.__new__(KnowledgeGraph)
    kg.__setstate__(state)
    n = kg.n_entities
    _check_table(kg.relation_triples, (n, kg.n_relations, n), "relation triples")
    _check_table(kg.attribute_triples, (n, kg.n_attributes), "attribute triples")
    for what, (entities, values) in (("images", kg.images), ("texts", kg.texts)):
        _check_table(np.asarray(entities)[:, None], (n,), what, len(values))
    said = kg.attribute_values, kg.attribute_datatypes
    for column in said:
        _check_table(kg.attribute_triples[:, :1], (n,), "attribute triples", len(column))
    kg._set(features={m: checked_features(kg, m, tuple(f)) for m, f in kg.features.items()})
    return kg


def _check_table(
    table: np.ndarray, sizes: tuple[int, ...], what: str, n_rows: int | None = None
) -> None:
    is_table = table.ndim == 2 and table.shape[1] == len(sizes) and table.dtype.kind in "iu"
    has_rows = n_rows is None or n_rows == len(table)
    if not (is_table and has_rows and all(map(is_within, table.T, sizes))):
        raise ValueError(f"found {what} that don't fit the names of the graph")


def _share(entities: np.ndarray, n_entities: int) -> float:
    return len(np.unique(entities)) / n_entities


def _distinct(triples: np.ndarray) -> np.ndarray:
    return triples[~pd.DataFrame(triples).duplicated().to_numpy()]


def _check_entities(given: np.ndarray, ids: np.ndarray, name: str) -> None:
    if not len(ids):
        raise ValueError(
            f"Graph {name!r} has no entity. Expected relation triples, attribute triples, "
            "images, texts or a list of entities, at least one of them not empty."
        )
    counts = np.bincount(given)
    if (counts > 1).any():
        twice = ids[np.argmax(counts > 1)]
        raise ValueError(f"Expected each entity once in `entities`; found {twice!r} twice.")


def _used(names: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the names that codes stand for, and the codes among these."""
    used, codes = np.unique(codes, return_inverse=True)
    return names[used], codes.astype(np.int64)


def _rows_of(table: Any, is_kept: np.ndarray, place: np.ndarray) -> Any:
    """Return the rows of a table of entities that stay, with their new places."""
    rows = is_kept[table.entities]
    return type(table)(place[table.entities[rows]], *(column[rows] for column in table[1:]))
