"""Features of entities that have come to the graphs, by the featurizers of the fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from .._utils.names import GRAPH, PROPAGATION
from ..channels.features import centred
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs, Sides
from ..graph._around import around
from ..graph._seed_pairs import indexed_pairs
from ..graph._verdicts import NOTHING_JUDGED
from ._growth import Growth

__all__ = ["MoreFeatures", "fitted_featurizers", "more_features", "new_rows"]

# As `with_features` of the steps of a fit.
Make = Callable[[Any, Any, SeedPairs], SeedPairs]
# By modality, of the new entities of both graphs.
MoreFeatures = dict[str, tuple[ModalityFeatures, ModalityFeatures]]


def more_features(
    aligner: Any, growth: Growth, modalities: Sequence[str], make: Make
) -> MoreFeatures:
    """Return features of the new entities, by the modalities of a fit.

    Rows that depend on an entity and its neighbours alone are made of these alone; others, such as
    propagated labels, of all that the grown graphs say. ``make`` makes features as the fit does.

    Raises
    ------
    ValueError
        If the fit found features in its graphs, and the grown ones have none, or of other widths;
        if nothing was kept.
    """
    if not hasattr(aligner, "record_"):
        raise ValueError(
            "Expected an aligner that has kept what its fit knew; found none of that, as in files "
            "of earlier versions. Fit it anew."
        )
    makers = fitted_featurizers(aligner, make)
    parts = _Parts(growth)
    found = {}
    for modality in (m for m in modalities if m != GRAPH):
        maker = makers.get(modality, "passthrough")
        if isinstance(maker, str):
            found[modality] = _given(aligner, growth, modality)
        else:
            found[modality] = parts.made(maker, modality)
    return found


def new_rows(aligner: Any, growth: Growth, features: MoreFeatures, modality: str) -> np.ndarray:
    """Return dense rows of the new nodes, what the fit took off taken off: (n_new, width)."""
    centres = aligner.record_.centres[modality]
    sides = zip(features[modality], centres, strict=True)
    return np.concatenate([centred(side, centre) for side, centre in sides])


class _Parts:
    """The part of the grown graphs that tells of new entities, made when it is first needed."""

    def __init__(self, growth: Growth) -> None:
        self.growth = growth
        self._near: tuple[SeedPairs, Sides] | None = None

    def made(self, maker: Any, modality: str) -> tuple[ModalityFeatures, ModalityFeatures]:
        """Return what a fitted transformer makes of new entities."""
        view, rows = self._around() if _is_local(maker) else (self.growth.X, self.growth.new)
        new = maker.transform(view)
        return _rows(new.kg1, modality, rows.left), _rows(new.kg2, modality, rows.right)

    def _around(self) -> tuple[SeedPairs, Sides]:
        if self._near is None:
            graphs = self.growth.X.kg1, self.growth.X.kg2
            parts = [around(kg, new) for kg, new in zip(graphs, self.growth.new, strict=True)]
            (kg1, rows1), (kg2, rows2) = parts
            nothing = np.empty((0, 2), np.int64)
            self._near = indexed_pairs(kg1, kg2, nothing, NOTHING_JUDGED), Sides(rows1, rows2)
        return self._near


def _is_local(maker: Any) -> bool:
    """Tell whether rows depend on an entity and its direct neighbours alone."""
    if isinstance(maker, Pipeline):
        return all(_is_local(step) for _, step in maker.steps if step != "passthrough")
    return bool(getattr(maker, "is_local", False))


def _rows(kg: KnowledgeGraph, modality: str, rows: np.ndarray) -> ModalityFeatures:
    side = kg.features[modality]
    return ModalityFeatures(side.values[rows], side.mask[rows])


def _given(
    aligner: Any, growth: Growth, modality: str
) -> tuple[ModalityFeatures, ModalityFeatures]:
    """Return features that the grown graphs have."""
    found = []
    for kg, before, rows, which in zip(
        (growth.X.kg1, growth.X.kg2),
        (aligner.kg1_, aligner.kg2_),
        growth.new,
        ("first", "second"),
        strict=True,
    ):
        width = before.features[modality].values.shape[1]
        side = kg.features.get(modality)
        if side is None or side.values.shape[1] != width:
            has = "none" if side is None else f"{side.values.shape[1]} columns"
            raise ValueError(
                f"Expected {modality} features of {width} columns in the {which} graph, as in the "
                f"fit; found {has}. Send the grown graphs through what made the features: "
                "pipeline[:-1].transform(SeedPairs(kg1, kg2, []))."
            )
        found.append(_rows(kg, modality, rows))
    return found[0], found[1]


def fitted_featurizers(aligner: Any, make: Make) -> dict[str, Any]:
    """Return what made the features of the fit, by modality.

    An aligner that comes from a file makes them anew, of the graphs and seeds of the fit: they are
    then the same.

    Raises
    ------
    ValueError
        If they would not be the same.
    """
    if "_makers" not in aligner.__dict__:
        _make_again(aligner, make)
    makers: dict[str, Any] = aligner._makers
    return makers


def _make_again(aligner: Any, make: Make) -> None:
    record = aligner.record_
    graphs = record.graphs or (aligner.kg1_, aligner.kg2_)
    X = indexed_pairs(graphs[0], graphs[1], record.train, record.judged)
    featurizer = aligner._featurizer(X)
    if featurizer is None:
        aligner._makers = {}
        return
    own = featurizer.transformers or {}
    if PROPAGATION in own and not isinstance(aligner.random_state, int):
        raise ValueError(
            "Expected an aligner with a random_state, such as 0, to make the features of "
            f"{PROPAGATION!r} anew that a file does not hold; found {aligner.random_state!r}. Fit "
            "it anew, or extend the one that was fitted before it is saved."
        )
    make(aligner, featurizer, X)
