"""Embeddings as tables, and reasons for a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn import get_config
from sklearn.utils.validation import check_is_fitted

from ..graph import KnowledgeGraph, SeedPairs
from ..io import embeddings_to_frame
from ._parameters import check_choice

if TYPE_CHECKING:
    from ..inspection import PairExplanation

__all__ = ["Reports"]

_SIDES = ("left", "right")
_CONTAINERS = ("default", "pandas", "polars", "arrow")


class Reports:
    """Mixin of aligners: what a fitted one says of entities and pairs, beside their match."""

    embeddings_: dict[str, Any]
    kg1_: KnowledgeGraph
    kg2_: KnowledgeGraph

    def transform(self, X: Any = None, *, side: str = "left", modality: str = "fused") -> Any:
        """Embeddings of entities of one graph, as a table.

        Parameters
        ----------
        X : SeedPairs or array-like of shape (n,), optional
            A view, of which the entities on the given side count, or ids of entities. By default
            all entities of the graph.
        side : {"left", "right"}, default="left"
            Of the first graph, or of the second.
        modality : str, default="fused"
            Name of the embeddings.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table of shape (n, width)
            A pandas table has the ids as its index, the others as their first column, ``entity``.
            Which it is, says :meth:`set_output`; a pandas table by default.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If an entity is unknown, or there is no such side or modality.

        See Also
        --------
        ibmea_sklearn.io.embeddings_from_frame : Features of a graph out of such a table.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(n_components=64, random_state=0, verbose=0)
        >>> aligner.fit(kg1, kg2, links[:30]).transform(links[30:, 0]).shape
        (30, 64)
        >>> aligner.transform(side="right").index.equals(aligner.transform(kg2.entity_ids,
        ...     side="right").index)
        True
        """
        check_is_fitted(self, "embeddings_")
        check_choice("side", side, _SIDES)
        check_choice("modality", modality, tuple(self.embeddings_))
        place = _SIDES.index(side)
        kg, vectors = (self.kg1_, self.kg2_)[place], self.embeddings_[modality][place]
        if isinstance(X, SeedPairs):
            X = X.pairs[:, place]
        rows = slice(None) if X is None else _rows(kg, X)
        container = self._container()
        return embeddings_to_frame(
            kg.entity_ids[rows], vectors[rows], container=container, prefix=modality
        )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns that :meth:`transform` gives by default.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (width,), object
        """
        check_is_fitted(self, "embeddings_")
        width = self.embeddings_["fused"][0].shape[1]
        return np.array([f"fused{i}" for i in range(width)], object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what :meth:`transform` gives.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", "arrow"}, optional
            "default" is pandas. None leaves it as it is: what was set before, or else what
            ``sklearn.set_config(transform_output=...)`` says.

        Returns
        -------
        self
        """
        if transform is not None:
            check_choice("transform", transform, _CONTAINERS)
            # Under the name by which scikit-learn's `clone` takes it along.
            self._sklearn_output_config = {"transform": transform}
        return self

    def _container(self) -> str:
        own = getattr(self, "_sklearn_output_config", {})
        name: str = own.get("transform", get_config()["transform_output"])
        return "pandas" if name == "default" else name

    def explain(self, source: Any, target: Any, alignment: Any = None) -> PairExplanation:
        """Say what speaks for a pair of entities.

        Parameters
        ----------
        source, target : str or int
            An entity of the first graph, and one of the second.
        alignment : DataFrame or array-like of shape (n_pairs, 2), optional
            Pairs that are taken for known beside the seeds when neighbours are compared, such as
            what :meth:`align` returns.

        Returns
        -------
        PairExplanation
            Similarity by channel, with its weight; shared neighbours that are known, by their
            relations; shared attributes and values. It prints as a text, in a notebook as tables,
            and is one table by ``to_frame()``.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        ValueError
            If an entity is unknown.

        Examples
        --------
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(n_components=64, random_state=0, verbose=0)
        >>> explanation = aligner.fit(kg1, kg2, links[:30]).explain(*links[30])
        >>> explanation.to_frame()["kind"].unique().tolist()
        ['channel', 'neighbor', 'attribute']
        """
        from ..inspection import explain_pair  # who only aligns should not wait for it

        return explain_pair(self, source, target, alignment)


def _rows(kg: KnowledgeGraph, entities: Any) -> np.ndarray:
    if np.ndim(entities) != 1:
        raise ValueError(
            "Expected a view, or ids of entities of one graph in one dimension; found "
            f"{np.ndim(entities)} dimensions. Of pairs pass a column: pairs[:, 0], or pairs[:, 1] "
            "with side='right'."
        )
    return kg.entity_index(entities)
