"""What networks of one encoder for each modality say of entities."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from .features import Array


class Encoded(NamedTuple):
    """What the network says of n entities, by modality and fused.

    ``posteriors`` holds a Gaussian and ``vectors`` a sample of it (its mean at inference) for each
    modality; ``masks`` (n,) says who has the modality; ``fused`` is (n, width), ``weights``
    (n, n_modalities). Posteriors may be of all entities of both graphs: ``everywhere`` is `masks`
    itself unless they are, and says which of the posteriors' entities have the modality.
    ``apart`` (2k, width) are fused vectors of pairs that are known to be different, left ones
    first; None where there are none.
    """

    posteriors: dict[str, Any]
    vectors: dict[str, Tensor]
    masks: dict[str, Tensor]
    everywhere: dict[str, Tensor]
    fused: Tensor
    weights: Tensor
    apart: Tensor | None = None

    def of(self, rows: Tensor) -> Encoded:
        """Return what is said of some of the entities; posteriors of all of them stay as they are.

        Parameters
        ----------
        rows : int64 Tensor of shape (m,)

        Returns
        -------
        Encoded
            Of m entities, with nothing apart.
        """
        masks = {m: mask[rows] for m, mask in self.masks.items()}
        are_of_all = self.everywhere is not self.masks
        own = {} if are_of_all else {m: p.of(rows) for m, p in self.posteriors.items()}
        return Encoded(
            self.posteriors if are_of_all else own,
            {m: vectors[rows] for m, vectors in self.vectors.items()},
            masks,
            self.everywhere if are_of_all else masks,
            self.fused[rows],
            self.weights[rows],
        )


class Readout(NamedTuple):
    """What a trained network says of all entities: numpy arrays in float32.

    By modality: ``embeddings`` (n_nodes, width), posterior means, zero where an entity lacks it;
    ``variances`` of the same shape, none of a modality without a bottleneck. ``weights``
    (n_nodes, n_modalities) are the fusion's.
    """

    embeddings: dict[str, Array]
    variances: dict[str, Array]
    weights: Array


class Kept(NamedTuple):
    """What stands for vectors of one modality, and for their variances; ``mask``: who has it."""

    vectors: Any
    variances: Any
    mask: Tensor
