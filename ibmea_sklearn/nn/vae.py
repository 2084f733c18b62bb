"""A variational autoencoder of vectors."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from .gaussian import Gaussian, GaussianHead

__all__ = ["Reconstruction", "VariationalAutoencoder"]


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

    Notes
    -----
    Kingma & Welling, ICLR 2014; layers and start as in the published TMEA code (Chen et al.,
    NeurIPS 2024).

    Examples
    --------
    >>> import torch
    >>> from ibmea_sklearn.nn.vae import VariationalAutoencoder
    >>> made = VariationalAutoencoder(n_features=5, n_latent=2).eval()(torch.zeros(3, 5))
    >>> made.latent.shape, made.outputs.shape
    (torch.Size([3, 2]), torch.Size([3, 5]))
    >>> torch.equal(made.latent, made.posterior.mean)
    True
    """

    def __init__(self, n_features: int, n_latent: int = 64, n_layers: int = 2) -> None:
        super().__init__()
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
        """Draw latents in training; take the mean at inference.

        Parameters
        ----------
        posterior : Gaussian of shape (n, n_latent)

        Returns
        -------
        Tensor of shape (n, n_latent)
        """
        return posterior.sample() if self.training else posterior.mean

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
