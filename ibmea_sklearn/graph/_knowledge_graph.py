"""The knowledge graph: frozen arrays and what they are called."""

from __future__ import annotations

import copy
import difflib
import html
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from ._tables import column_of, columns_of, factorize, flatten, flatten_nested, frozen


class EntityValues(NamedTuple):
    """Things said of entities, one a row: images or texts.

    ``entities`` is an int64 array of shape (n_rows,) of entity indices, ``values`` an object
    array of shape (n_rows,). An entity may have several rows, or none.
    """

    entities: np.ndarray
    values: np.ndarray


class ModalityFeatures(NamedTuple):
    """A feature matrix with a row for each entity, and which entities really have one.

    ``values`` has shape (n_entities, n_features), a numpy array or a scipy CSR matrix; ``mask`` is
    a boolean array of shape (n_entities,), False where the entity lacks the modality.
    """

    values: np.ndarray | sparse.csr_array
    mask: np.ndarray


class KnowledgeGraph:
    """A frozen multi-modal knowledge graph: relations, attributes, images, texts, features.

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
        Precomputed features. A matrix has a row for each of `entities`, in their order.
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
    features : dict of {str: ModalityFeatures}

    Raises
    ------
    ValueError
        If there is no entity, an id is missing or of mixed type, a table has the wrong number of
        columns, or a feature matrix has the wrong length or is not finite.

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
        entities: Any = None,
        name: str = "",
    ) -> None:
        heads, relations, tails = columns_of(relation_triples, 3, "relation triples")
        attribute_triples = flatten_nested(attribute_triples)
        owners, attributes, values, datatypes = columns_of(
            attribute_triples, 4, "attribute triples", n_required=3
        )
        image_owners, image_values = columns_of(flatten(images), 2, "images")
        text_owners, text_values = columns_of(flatten(texts), 2, "texts")
        vectors = {m: f for m, f in (features or {}).items() if isinstance(f, Mapping)}
        named = {
            "entities": column_of(entities),
            "heads of relation triples": heads,
            "tails of relation triples": tails,
            "entities of attribute triples": owners,
            "entities of images": image_owners,
            "entities of texts": text_owners,
            **{f"entities of {m} features": column_of(list(f)) for m, f in vectors.items()},
        }
        codes, entity_ids = factorize(named, "an entity id")
        if not len(entity_ids):
            raise ValueError(
                f"Graph {name!r} has no entity. Expected relation triples, attribute triples, "
                "images, texts or a list of entities, at least one of them not empty."
            )
        given = codes["entities"]
        if len(np.unique(given)) != len(given):
            twice = entity_ids[np.flatnonzero(np.bincount(given) > 1)[0]]
            raise ValueError(f"Expected each entity once in `entities`; found {twice!r} twice.")
        relation_codes, relation_names = factorize({"relations": relations}, "a relation name")
        attribute_codes, attribute_names = factorize(
            {"attributes": attributes}, "an attribute name"
        )
        triples = np.column_stack(
            [
                codes["heads of relation triples"],
                relation_codes["relations"],
                codes["tails of relation triples"],
            ]
        )
        self.__dict__.update(
            name=str(name),
            entity_ids=frozen(entity_ids),
            relation_names=frozen(relation_names),
            attribute_names=frozen(attribute_names),
            relation_triples=frozen(triples[~pd.DataFrame(triples).duplicated().to_numpy()]),
            attribute_triples=frozen(
                np.column_stack(
                    [codes["entities of attribute triples"], attribute_codes["attributes"]]
                )
            ),
            attribute_values=frozen(values),
            attribute_datatypes=frozen(datatypes),
            images=EntityValues(frozen(codes["entities of images"]), frozen(image_values)),
            texts=EntityValues(frozen(codes["entities of texts"]), frozen(text_values)),
            features={},
        )
        self.__dict__["features"] = self._checked_features(features or {})

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(
            f"A KnowledgeGraph is frozen; {key!r} can't be set. "
            "Build a new one, or use `with_features` to add features."
        )

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
            **{m: float(f.mask.mean()) for m, f in self.features.items()},
        }
        return {m: share for m, share in shares.items() if share > 0}

    @cached_property
    def _entity_index(self) -> pd.Index:
        return pd.Index(self.entity_ids)

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
        index = self._entity_index.get_indexer(pd.Index(ids.tolist(), dtype=object))
        if (index < 0).any():
            raise ValueError(self._unknown(ids[index < 0], what))
        return index.astype(np.int64)

    def _unknown(self, unknown: np.ndarray, what: str) -> str:
        graph = f"graph {self.name!r}" if self.name else "the graph"
        shown = ", ".join(repr(i) for i in unknown[:5].tolist())
        message = (
            f"Expected {what} to be ids of {graph} ({self.n_entities} entities, such as "
            f"{self.entity_ids[:1].tolist()[0]!r}); found {len(unknown)} unknown: {shown}"
            f"{', ...' if len(unknown) > 5 else ''}."
        )
        if isinstance(self.entity_ids[0], str):
            close = difflib.get_close_matches(
                str(unknown[0]), self.entity_ids[:50_000].tolist(), n=1, cutoff=0.8
            )
            return message + (f" Did you mean {close[0]!r}?" if close else "")
        if isinstance(unknown[0], str):
            message += " The graph's ids are integers, these are strings: convert them."
        return message

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
        new = copy.copy(self)
        kept = {m: f for m, f in self.features.items() if m not in features}
        given = {m: f for m, f in features.items() if f is not None}
        new.__dict__["features"] = {**kept, **self._checked_features(given)}
        return new

    def _checked_features(self, features: Mapping[str, Any]) -> dict[str, ModalityFeatures]:
        return {m: self._checked_feature(m, f) for m, f in features.items()}

    def _checked_feature(self, modality: str, given: Any) -> ModalityFeatures:
        if isinstance(given, Mapping):
            given = self._from_vectors(modality, given)
        values, mask = given if isinstance(given, tuple) else (given, None)
        if sparse.issparse(values):
            values = sparse.csr_array(values)
        elif not isinstance(values, np.ndarray):
            values = np.asarray(values, dtype=np.float32)
        if values.ndim != 2 or values.shape[0] != self.n_entities:
            raise ValueError(
                f"Expected {modality} features with a row for each of the {self.n_entities} "
                f"entities; found shape {values.shape}. Pass `entities` in the order of the rows, "
                "or a mapping {entity: vector}."
            )
        mask = np.ones(len(self.entity_ids), bool) if mask is None else np.asarray(mask, bool)
        if mask.shape != (self.n_entities,):
            raise ValueError(
                f"Expected a mask of shape ({self.n_entities},) for {modality} features; "
                f"found {mask.shape}."
            )
        bad = _rows_not_finite(values) & mask
        if bad.any():
            raise ValueError(
                f"Expected finite {modality} features; found NaN or infinity for {bad.sum()} of "
                f"{self.n_entities} entities, first {self.entity_ids[bad][0]!r}. "
                "Repair them, or pass (matrix, mask) with mask False there."
            )
        return ModalityFeatures(values, mask)

    def _from_vectors(self, modality: str, vectors: Mapping[Any, Any]) -> tuple[Any, np.ndarray]:
        rows = self.entity_index(list(vectors), f"entities of {modality} features")
        lengths = {entity: np.size(v) for entity, v in vectors.items()}
        usual = next(iter(lengths.values()), 0)
        for entity, length in lengths.items():
            if length != usual:
                raise ValueError(
                    f"Expected {modality} features of one length; found {usual} for "
                    f"{next(iter(lengths))!r} and {length} for {entity!r}."
                )
        matrix = np.zeros((self.n_entities, usual), np.float32)
        mask = np.zeros(self.n_entities, bool)
        if len(rows):
            matrix[rows] = np.stack([np.ravel(v) for v in vectors.values()])
            mask[rows] = True
        return matrix, mask

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


def _share(entities: np.ndarray, n_entities: int) -> float:
    return len(np.unique(entities)) / n_entities


def _rows_not_finite(values: np.ndarray | sparse.csr_array) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return np.asarray(~np.isfinite(values).all(axis=1))
    rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    return np.bincount(rows[~np.isfinite(values.data)], minlength=values.shape[0]) > 0
