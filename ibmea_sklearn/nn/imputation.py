"""Filling in the vectors of modalities that entities lack, by autoencoders of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .gaussian import Gaussian, GaussianHead


class Reconstruction(NamedTuple):
    """What an autoencoder makes of n vectors.

    ``inputs`` and ``outputs`` are (n, n_features), ``posterior`` is a Gaussian of width n_latent,
    ``latent`` (n, n_latent) a draw from it, at inference its mean.
    """

    inputs: Tensor
    posterior: Gaussian
    latent: Tensor
    outputs: Tensor


class VariationalAutoencoder(nn.Module):
    """Encode vectors as Gaussians, draw a latent from each, and decode it.

    Parameters
    ----------
    n_features : int
    n_latent : int, default=64
        Width of the latent and of all layers in between.
    n_layers : int, default=2
        Hidden layers of the encoder, and of the decoder, each with a ReLU.
    draws_always : bool, default=False
        Whether latents are drawn at inference as well, as in the published code.

    Notes
    -----
    Kingma & Welling, ICLR 2014; layers and start as in the published TMEA code (Chen et al.,
    NeurIPS 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.imputation import VariationalAutoencoder
    >>> made = VariationalAutoencoder(n_features=5, n_latent=2).eval()(torch.zeros(3, 5))
    >>> made.latent.shape, made.outputs.shape
    (torch.Size([3, 2]), torch.Size([3, 5]))
    >>> torch.equal(made.latent, made.posterior.mean)
    True
    """

    def __init__(
        self,
        n_features: int,
        n_latent: int = 64,
        n_layers: int = 2,
        draws_always: bool = False,
    ) -> None:
        super().__init__()
        self.draws_always = draws_always
        self.encoder = _hidden_layers(n_features, n_latent, n_layers)
        self.posterior = GaussianHead(n_latent, n_latent)
        self.decoder = _hidden_layers(n_latent, n_latent, n_layers)
        self.output = nn.Linear(n_latent, n_features)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)

    def encode(self, x: Tensor) -> Gaussian:
        """Return the posterior of the latents of `x`.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)

        Returns
        -------
        Gaussian of shape (n, n_latent)
        """
        posterior: Gaussian = self.posterior(self.encoder(x))
        return posterior

    def draw(self, posterior: Gaussian) -> Tensor:
        """Draw latents in training; take the mean at inference, unless it draws always.

        Parameters
        ----------
        posterior : Gaussian of shape (n, n_latent)

        Returns
        -------
        Tensor of shape (n, n_latent)
        """
        return posterior.sample() if self.training or self.draws_always else posterior.mean

    def decode(self, latent: Tensor) -> Tensor:
        """Return the vectors that latents stand for.

        Parameters
        ----------
        latent : Tensor of shape (n, n_latent)

        Returns
        -------
        Tensor of shape (n, n_features)
        """
        decoded: Tensor = self.output(self.decoder(latent))
        return decoded

    def forward(self, x: Tensor) -> Reconstruction:
        """Encode, draw and decode.

        Parameters
        ----------
        x : Tensor of shape (n, n_features)

        Returns
        -------
        Reconstruction
            Of the n rows.
        """
        posterior = self.encode(x)
        latent = self.draw(posterior)
        return Reconstruction(x, posterior, latent, self.decode(latent))


def _hidden_layers(n_features: int, n_hidden: int, n_layers: int) -> nn.Sequential:
    widths = [n_features] + [n_hidden] * (n_layers - 1)
    layers = [(nn.Linear(width, n_hidden), nn.ReLU()) for width in widths]
    return nn.Sequential(*(module for layer in layers for module in layer))


class Reconstructed(NamedTuple):
    """A modality's own vectors and their source, of the same ``rows`` (int64, of who has both)."""

    own: Reconstruction
    source: Reconstruction
    rows: Tensor


class Completed(NamedTuple):
    """Vectors of n entities after imputation.

    ``vectors`` (n, width) and ``masks`` (n,) are by modality; a mask tells who has it now.
    ``reconstructions``, by target, are empty unless asked for.
    """

    vectors: dict[str, Tensor]
    masks: dict[str, Tensor]
    reconstructions: dict[str, Reconstructed]


class TargetImputer(nn.Module):
    """Two autoencoders with one latent space: of a target modality, and of what it is made from.

    Parameters
    ----------
    target : str
        Modality to fill in.
    sources : sequence of str
        Modalities that it is made from.
    widths : mapping of {str: int}
        Width of each modality's vectors.
    n_components, n_latent : int
    draws_always : bool, default=False
        As of :class:`ModalityImputer`, which has one of these for each target.

    Notes
    -----
    Chen et al., NeurIPS 2024 (TMEA).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.imputation import TargetImputer
    >>> widths = {"graph": 3, "image": 2}
    >>> imputer = TargetImputer("image", ["graph"], widths, n_components=4, n_latent=2)
    >>> vectors = {"graph": torch.ones(3, 3), "image": torch.zeros(3, 2)}
    >>> masks = {"graph": torch.ones(3, dtype=torch.bool), "image": torch.arange(3) > 0}
    >>> completed, mask, made = imputer(vectors, masks, reconstruct=True)
    >>> mask, made.rows
    (tensor([True, True, True]), tensor([1, 2]))
    """

    def __init__(
        self,
        target: str,
        sources: Sequence[str],
        widths: Mapping[str, int],
        n_components: int,
        n_latent: int,
        draws_always: bool = False,
    ) -> None:
        super().__init__()
        self.target, self.sources = target, list(sources)
        self.map = nn.Linear(sum(widths[m] for m in sources), n_components)
        self.own, self.source = (
            VariationalAutoencoder(width, n_latent, draws_always=draws_always)
            for width in (widths[target], n_components)
        )
        nn.init.xavier_normal_(self.map.weight)

    def forward(
        self, vectors: Mapping[str, Tensor], masks: Mapping[str, Tensor], reconstruct: bool
    ) -> tuple[Tensor, Tensor, Reconstructed]:
        """Complete the vectors of the target, and reconstruct them if asked for.

        Rows to reconstruct and rows to fill in go through the autoencoders together.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            By modality.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.
        reconstruct : bool
            Also reconstruct what is there, of entities that have the target and all sources.

        Returns
        -------
        completed : Tensor of shape (n, width)
            Filled in for who lacks the target and has a source.
        mask : bool Tensor of shape (n,)
            Who has the target now.
        reconstructed : Reconstructed
            Without rows, unless asked for.
        """
        x, mask = vectors[self.target], masks[self.target]
        has = torch.stack([masks[m] for m in self.sources])
        complete = (has.all(0) & mask & reconstruct).nonzero()[:, 0]
        lacking = (has.any(0) & ~mask).nonzero()[:, 0]
        n = len(complete)
        source = self._source(vectors, torch.cat([complete, lacking]), n)
        own, generated = self._own(x.detach()[complete], source.latent[n:])
        source = source._replace(latent=source.latent[:n])
        completed = x.index_copy(0, lacking, generated)
        return completed, mask.index_fill(0, lacking, True), Reconstructed(own, source, complete)

    def _source(self, vectors: Mapping[str, Tensor], rows: Tensor, n: int) -> Reconstruction:
        """Encode the sources of `rows`, and reconstruct the first `n`; the latent is of all."""
        parts = [vectors[m].detach()[rows] for m in self.sources]
        mapped: Tensor = self.map(torch.cat(parts, 1))
        mean, log_variance = self.source.encode(mapped)
        latent = self.source.draw(Gaussian(mean, log_variance))
        posterior = Gaussian(mean[:n], log_variance[:n])
        return Reconstruction(mapped[:n], posterior, latent, self.source.decode(latent[:n]))

    def _own(self, x: Tensor, others: Tensor) -> tuple[Reconstruction, Tensor]:
        """Reconstruct vectors, and generate further ones from the latents of their sources."""
        posterior = self.own.encode(x)
        latent = self.own.draw(posterior)
        outputs = self.own.decode(torch.cat([latent, others]))
        return Reconstruction(x, posterior, latent, outputs[: len(x)]), outputs[len(x) :]


class ModalityImputer(nn.Module):
    r"""Decode a missing modality from the latent of all others.

    For each target m there is an autoencoder of its own vectors, and one of the others, mapped to
    one vector; both share one latent space. Whoever lacks m gets

    .. math::
        \hat x_m = \operatorname{decode}_m(z_s), \quad
        z_s \sim \operatorname{encode}_s(W_m [x_k]_{k \ne m} + b_m)

    in training, and the mean of :math:`z_s` at inference, so that it does not depend on chance.

    Parameters
    ----------
    widths : mapping of {str: int}
        Width of each modality's vectors.
    targets : sequence of str, optional
        Modalities to fill in; the others only serve as sources. All by default.
    n_components : int, default=100
        Width of the vector that the sources are mapped to.
    n_latent : int, default=64
    draws_always : bool, default=False
        Whether latents are drawn at inference as well, as in the published code.

    Raises
    ------
    ValueError
        If there is a single modality, or a target without a width.

    Notes
    -----
    Inputs are detached: training the autoencoders does not move what they read. An entity that has
    no modality at all stays without. Chen et al., NeurIPS 2024 (TMEA): there the targets are image
    and attribute, and the relation only a source.

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.imputation import ModalityImputer
    >>> imputer = ModalityImputer({"graph": 3, "image": 2}, targets=["image"]).eval()
    >>> vectors = {"graph": torch.ones(2, 3), "image": torch.zeros(2, 2)}
    >>> masks = {"graph": torch.tensor([True, True]), "image": torch.tensor([True, False])}
    >>> completed = imputer(vectors, masks)
    >>> completed.masks["image"]
    tensor([True, True])
    >>> completed.vectors["image"][0].detach()  # what is there stays as it is
    tensor([0., 0.])
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        targets: Sequence[str] | None = None,
        n_components: int = 100,
        n_latent: int = 64,
        draws_always: bool = False,
    ) -> None:
        super().__init__()
        targets = list(widths) if targets is None else list(targets)
        _check_targets(widths, targets)
        parts = {}
        for m in targets:
            sources = [k for k in widths if k != m]
            parts[m] = TargetImputer(m, sources, widths, n_components, n_latent, draws_always)
        self.targets = nn.ModuleDict(parts)

    def forward(
        self,
        vectors: Mapping[str, Tensor],
        masks: Mapping[str, Tensor],
        reconstruct: bool = False,
    ) -> Completed:
        """Complete vectors by modality.

        Parameters
        ----------
        vectors : mapping of {str: Tensor of shape (n, width)}
            What stands in the rows of missing vectors is read where they serve as a source: it
            should be the same for all, such as zeros.
        masks : mapping of {str: bool Tensor of shape (n,)}
            Who has what.
        reconstruct : bool, default=False
            Also reconstruct what is there, of entities that have all: for training.

        Returns
        -------
        Completed
            Vectors and masks of modalities that are no targets are as given.
        """
        completed = Completed(dict(vectors), dict(masks), {})
        for m, target in self.targets.items():
            completed.vectors[m], completed.masks[m], made = target(vectors, masks, reconstruct)
            if reconstruct:
                completed.reconstructions[m] = made
        return completed


def _check_targets(widths: Mapping[str, int], targets: Sequence[str]) -> None:
    unknown = [m for m in targets if m not in widths]
    if unknown or len(widths) < 2:
        raise ValueError(
            "Expected two modalities or more, and targets among them; found modalities "
            f"{list(widths)} and targets {list(targets)}. A modality is filled in from others."
        )
