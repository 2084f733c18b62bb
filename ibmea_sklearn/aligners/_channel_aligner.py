"""What aligners do that compare entities by several channels, and find pairs between rounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import rich

from .._utils.validation import checked_integer
from ..featurizers import ModalityFeaturizer
from ..featurizers._propagation import Propagation
from ..graph import SeedPairs
from ._channels import Channels
from ._hints import hint_at_coverage, hint_at_unreached
from ._inputs import as_nodes, frozen_vectors
from ._pair_search import PairSearch
from ._parameters import check_real
from ._seeds import split_seeds
from .base import FUSED, BaseAligner, Sides

__all__ = ["ChannelAligner"]

# Modalities whose features are made unless they are left out.
DEFAULT_FEATURES = ("image", "relation", "attribute", "value")


class ChannelAligner(BaseAligner):
    """Base of the aligners whose entities are compared by a weighted sum of channels.

    Attributes
    ----------
    channel_weights_ : dict of {str: float}
    rounds_ : list of dict
    """

    modalities: str | Sequence[str]
    n_rounds: int
    min_confidence: float
    validation_fraction: float
    label_width: int
    hub_exponent: float
    modalities_: list[str]
    channel_weights_: dict[str, float]
    rounds_: list[dict[str, Any]]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name in ("label_width", "n_rounds"):
            checked_integer(getattr(self, name), name)
        check_real("hub_exponent", self.hub_exponent, 0)
        check_real("min_confidence", self.min_confidence, 0, 1)
        check_real("validation_fraction", self.validation_fraction, 0, 1, open_ends="most")

    def _featurize(self, X: SeedPairs) -> SeedPairs:
        # Features that nobody asked for are not made: images take minutes.
        changes = self._featurizer_changes(X)
        return ModalityFeaturizer(
            **changes, device=self.device, verbose=self.verbose
        ).fit_transform(X)

    def _featurizer_changes(self, X: SeedPairs) -> dict[str, Any]:
        if self.modalities == "all":
            return {}
        return {m: "drop" for m in DEFAULT_FEATURES if m not in self.modalities}

    def _pair_search(
        self,
        X: SeedPairs,
        frozen: Sequence[str],
        propagated_width: int | None,
        random: np.random.RandomState,
    ) -> PairSearch:
        """Split the seeds, and make what finds pairs by the channels that need no training."""
        hint_at_unreached(X, self.modalities_)
        hint_at_coverage(X, self.modalities_)
        train, held_out = (
            as_nodes(X, part.indices) for part in split_seeds(X, self.validation_fraction, random)
        )
        propagation = None
        if propagated_width is not None:
            propagation = Propagation(
                X.kg1,
                X.kg2,
                n_components=propagated_width,
                label_width=self.label_width,
                hub_exponent=self.hub_exponent,
                random_state=int(random.randint(2**31 - 1)),
                device=self.device_,
            )
        n1, n2 = X.kg1.n_entities, X.kg2.n_entities
        vectors = {m: frozen_vectors(X, m) for m in frozen}
        channels = Channels(n1, n1 + n2, vectors, propagation)
        channels.known = train
        search = PairSearch(
            channels, train, held_out, self.min_confidence, self.device_, self.search
        )
        self.rounds_ = search.log
        return search

    def _find(self, search: PairSearch) -> np.ndarray:
        """Find pairs, and say how many."""
        found = search.find()
        self._say_round()
        return found

    def _settle(self, search: PairSearch) -> None:
        """Learn what a confidence is worth; then the held-out seeds are known as well."""
        self.calibration_ = search.settle()
        self._say_round()

    def _embed(self, search: PairSearch) -> dict[str, Sides]:
        """Vectors by channel, and fused."""
        channels = search.channels
        vectors = channels.vectors()
        self.channel_weights_ = channels.weights_of(list(vectors))
        return {m: channels.sides(v) for m, v in {**vectors, FUSED: channels.join(vectors)}.items()}

    def _say_round(self) -> None:
        if not self.verbose:
            return
        row = self.rounds_[-1]
        right = ""
        if row["precision"] is not None:
            right = f", {row['precision']:.0%} right of {row['n_checked']:,} held out"
        rich.print(
            f"{row['n_pairs']:,} pairs known: {row['n_found']:,} more are sure{right}", flush=True
        )
