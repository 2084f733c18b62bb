"""Graphs of networkx and triples of PyKEEN, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .._utils.optional import import_optional
from ..graph import KnowledgeGraph

# The attribute of a node that holds its names.
_NAMES = "names"


def to_networkx(kg: KnowledgeGraph) -> Any:
    """Turn a graph into a directed multigraph of networkx.

    Parameters
    ----------
    kg : KnowledgeGraph

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are the entities' ids, in their order. An edge leads from head to tail; the relation
        is its key, and its attribute ``relation``. The attributes of an entity are those of its
        node: the value, or a list where there are several. Its names are the attribute ``names``
        of its node, a list of names or, where a language is known, tuples (name, language). The
        graph's name is its ``name``.

    Raises
    ------
    ImportError
        If networkx is not installed.
    ValueError
        If the graph has names, and an attribute that is called ``names``.

    See Also
    --------
    from_networkx : The way back.

    Notes
    -----
    Datatypes of values, images, texts and features stay behind. The order of the entities does
    not change, so that features fit the graph that comes back: ``with_features(**kg.features)``.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import to_networkx
    >>> kg = KnowledgeGraph([("Lyon", "located in", "France")], {"Lyon": {"population": 522250}})
    >>> graph = to_networkx(kg)
    >>> graph.edges(keys=True), graph.nodes["Lyon"]
    (OutMultiEdgeView([('Lyon', 'France', 'located in')]), {'population': 522250})
    """
    networkx = import_optional("networkx", "networkx", "Turning a graph into one of networkx")
    graph = networkx.MultiDiGraph(name=kg.name) if kg.name else networkx.MultiDiGraph()
    graph.add_nodes_from(zip(kg.entity_ids.tolist(), _said(kg), strict=True))
    graph.add_edges_from((h, t, r, {"relation": r}) for h, r, t in _named_triples(kg))
    return graph


def _said(kg: KnowledgeGraph) -> list[dict[Any, Any]]:
    """By entity: its attributes and, as one of them, its names."""
    said = _attributes(kg)
    if len(kg.names.values) and _NAMES in kg.attribute_names:
        raise ValueError(
            f"Expected no attribute that is called {_NAMES!r} in a graph whose entities have "
            f"names, which take that attribute; found one in {kg.name!r}. Rename it, or leave "
            "the names out: kg.with_names(None)."
        )
    for entity, name, language in zip(*(c.tolist() for c in kg.names), strict=True):
        called = name if language is None else (name, language)
        said[entity].setdefault(_NAMES, []).append(called)
    return said


def _attributes(kg: KnowledgeGraph) -> list[dict[Any, Any]]:
    """By entity: what it has, a list where there are several values, or the value is a list."""
    said: list[dict[Any, list[Any]]] = [{} for _ in range(kg.n_entities)]
    names = kg.attribute_names.tolist()
    rows = zip(kg.attribute_triples.tolist(), kg.attribute_values, strict=True)
    for (entity, attribute), value in rows:
        said[entity].setdefault(names[attribute], []).append(value)
    return [{name: _one_or_all(values) for name, values in row.items()} for row in said]


def _one_or_all(values: list[Any]) -> Any:
    return values if len(values) > 1 or isinstance(values[0], (list, tuple)) else values[0]


def _named_triples(kg: KnowledgeGraph) -> Iterator[tuple[Any, Any, Any]]:
    heads, relations, tails = kg.relation_triples.T
    names = kg.entity_ids[heads], kg.relation_names[relations], kg.entity_ids[tails]
    return zip(*(column.tolist() for column in names), strict=True)


def from_networkx(
    graph: Any,
    *,
    relation: str | None = "relation",
    names: str | None = _NAMES,
    name: str | None = None,
) -> KnowledgeGraph:
    """Make a graph of one of networkx.

    Parameters
    ----------
    graph : networkx.Graph, DiGraph, MultiGraph or MultiDiGraph
        Nodes are strings, or all of them integers. Attributes of the nodes become attribute
        triples; a list or tuple counts as several values. An edge that has no direction becomes
        one triple, from the node that networkx names first.
    relation : str or None, default="relation"
        The attribute of an edge that names its relation. None: the key of the edge.
    names : str or None, default="names"
        The attribute of a node that holds its names: a name, a tuple (name, language) or a list
        of these. Other nodes need not have it. None: no attribute does.
    name : str, optional
        The name of the graph; by default that of the given one.

    Returns
    -------
    KnowledgeGraph

    Raises
    ------
    TypeError
        If it is no graph of networkx.
    ValueError
        If an edge does not say its relation, a node is no string or integer, or a name is no
        text.

    See Also
    --------
    to_networkx : The way there.

    Examples
    --------
    >>> import networkx
    >>> from ibmea_sklearn.io import from_networkx
    >>> graph = networkx.DiGraph(name="cities")
    >>> graph.add_edge("Lyon", "France", label="located in")
    >>> from_networkx(graph, relation="label")
    KnowledgeGraph 'cities': 2 entities, 1 relations, 1 relation triples, 0 attributes, ...
      relation 100%
    """
    if not all(hasattr(graph, method) for method in ("nodes", "edges", "is_multigraph")):
        raise TypeError(f"Expected a graph of networkx; found {type(graph).__name__}.")
    said = {node: dict(data) for node, data in graph.nodes(data=True) if data}
    called = _names_of(said, names)
    return KnowledgeGraph(
        [_triple(edge, relation) for edge in _edges(graph, relation)],
        {node: data for node, data in said.items() if data},
        names=called,
        entities=list(graph.nodes),
        name=graph.graph.get("name", "") if name is None else name,
    )


def _names_of(said: dict[Any, dict[Any, Any]], attribute: str | None) -> dict[Any, Any]:
    """Take the names out of what is said of nodes."""
    if attribute is None:
        return {}
    names = {node: data.pop(attribute) for node, data in said.items() if attribute in data}
    for node, found in names.items():
        if not all(map(_is_name, found if isinstance(found, list) else [found])):
            raise ValueError(
                f"Expected the attribute {attribute!r} of nodes to hold names: texts, tuples "
                f"(text, language) or a list of these; found {found!r} at {node!r}. Pass "
                "names=None to read it as any other attribute."
            )
    return names


def _is_name(value: Any) -> bool:
    if isinstance(value, tuple) and len(value) == 2:
        value, language = value
        return isinstance(value, str) and (language is None or isinstance(language, str))
    return isinstance(value, str)


def _edges(graph: Any, relation: str | None) -> Any:
    """Edges as (head, tail, key or attributes)."""
    if relation is not None:
        return graph.edges(data=True)
    if graph.is_multigraph():
        return graph.edges(keys=True)
    raise ValueError(
        f"Expected a multigraph with relation=None, which takes the keys of the edges; found a "
        f"{type(graph).__name__}, whose edges have none. Name the attribute that has the relation."
    )


def _triple(edge: tuple[Any, Any, Any], relation: str | None) -> tuple[Any, Any, Any]:
    head, tail, said = edge
    if relation is None:
        return head, said, tail
    if relation not in said:
        raise ValueError(
            f"Expected every edge to name its relation by the attribute {relation!r}; found one "
            f"from {head!r} to {tail!r} with {sorted(map(str, said)) or 'no attribute'}. Pass "
            "relation='...', or None to take the keys of the edges."
        )
    return head, said[relation], tail


def to_pykeen(kg: KnowledgeGraph, *, create_inverse_triples: bool = False) -> Any:
    """Turn the relation triples of a graph into a triples factory of PyKEEN.

    Parameters
    ----------
    kg : KnowledgeGraph
        With one relation triple at least.
    create_inverse_triples : bool, default=False
        Passed on: whether PyKEEN's training adds the inverse of each triple.

    Returns
    -------
    pykeen.triples.TriplesFactory
        Entities and relations have the numbers that they have in the graph, and their ids, as
        strings, as labels.

    Raises
    ------
    ValueError
        If there is no relation triple.
    ImportError
        If PyKEEN is not installed.

    See Also
    --------
    from_pykeen : The way back.

    Notes
    -----
    Attributes, images, texts, names and features stay behind. Since the numbers are those of the
    graph, the vectors of a PyKEEN model are features of it as they are:
    ``kg.with_features(transe=model.entity_representations[0]().detach().numpy())``.

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph
    >>> from ibmea_sklearn.io import to_pykeen
    >>> factory = to_pykeen(KnowledgeGraph([("a", "knows", "b")]))  # doctest: +SKIP
    """
    if not len(kg.relation_triples):
        raise ValueError(
            "Expected a graph with relation triples, the only thing that PyKEEN knows; found none "
            f"in {kg!r}."
        )
    triples = import_optional("pykeen.triples", "pykeen", "Turning a graph into PyKEEN's triples")
    return triples.TriplesFactory(
        mapped_triples=kg.relation_triples.copy(),  # torch can't keep to what is read-only
        entity_to_id={str(e): i for i, e in enumerate(kg.entity_ids.tolist())},
        relation_to_id={str(r): i for i, r in enumerate(kg.relation_names.tolist())},
        create_inverse_triples=create_inverse_triples,
        metadata={"name": kg.name} if kg.name else None,
    )


def from_pykeen(factory: Any, *, name: str | None = None) -> KnowledgeGraph:
    """Make a graph of the triples of a PyKEEN factory.

    Parameters
    ----------
    factory : pykeen.triples.TriplesFactory or CoreTriplesFactory
        Such as ``dataset.training``. Entities are called by their labels; by their numbers where
        the factory has none.
    name : str, optional
        The name of the graph; by default what the factory's metadata say.

    Returns
    -------
    KnowledgeGraph
        Entities in the order of their numbers, those without a triple included. Inverse triples,
        which PyKEEN adds in training, are left out.

    Raises
    ------
    TypeError
        If it is no triples factory.
    ValueError
        If a number in the triples has no label.

    See Also
    --------
    to_pykeen : The way there.

    Examples
    --------
    >>> from pykeen.datasets import Nations  # doctest: +SKIP
    >>> from ibmea_sklearn.io import from_pykeen
    >>> kg = from_pykeen(Nations().training)  # doctest: +SKIP
    """
    if not hasattr(factory, "mapped_triples") or not hasattr(factory, "num_entities"):
        raise TypeError(
            f"Expected a triples factory of PyKEEN; found {type(factory).__name__}. Of a data set "
            "pass one of its factories, such as dataset.training."
        )
    heads, relations, tails = np.asarray(factory.mapped_triples.cpu()).T.tolist()
    labels = _labels(factory, "entity", factory.num_entities)
    names = _labels(factory, "relation", factory.num_relations)
    columns = {"head": (heads, labels), "relation": (relations, names), "tail": (tails, labels)}
    return KnowledgeGraph(
        {what: _called(numbers, called, what) for what, (numbers, called) in columns.items()},
        entities=[labels[number] for number in sorted(labels)],
        name=(factory.metadata or {}).get("name", "") if name is None else name,
    )


def _labels(factory: Any, what: str, n: int) -> Mapping[int, Any]:
    labels: Mapping[int, Any] | None = getattr(factory, f"{what}_id_to_label", None)
    return {number: number for number in range(n)} if labels is None else labels


def _called(numbers: list[int], labels: Mapping[int, Any], what: str) -> list[Any]:
    try:
        return [labels[number] for number in numbers]
    except KeyError as error:
        raise ValueError(
            f"Expected a label for each number in the triples; found none for {what} {error}. "
            "Build the factory by TriplesFactory.from_labeled_triples."
        ) from None
