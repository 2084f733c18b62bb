import pytest
import torch

from ibmea_sklearn.nn.vae import VariationalAutoencoder


def autoencoder(**kwargs):
    torch.manual_seed(0)
    return VariationalAutoencoder(6, n_latent=3, **kwargs)


def test_equals_the_formula_at_inference():
    model, x = autoencoder().eval(), torch.randn(5, 6)

    def layer(module, x):
        return x @ module.weight.T + module.bias

    h = x
    for i in (0, 2):
        h = torch.relu(layer(model.encoder[i], h))
    mean, log_variance = (layer(head, h) for head in model.posterior.children())
    made = model(x)
    torch.testing.assert_close(tuple(made.posterior), (mean, log_variance))
    h = mean
    for i in (0, 2):
        h = torch.relu(layer(model.decoder[i], h))
    torch.testing.assert_close(made.outputs, layer(model.output, h))
    assert made.inputs is x and torch.equal(made.latent, mean)


def test_draws_in_training_around_the_mean():
    model, x = autoencoder(), torch.randn(1, 6)
    one, two = model(x).latent, model(x).latent
    assert not torch.equal(one, two)
    made = model(x.expand(20_000, 6))
    spread = torch.exp(made.posterior.log_variance[0] / 2)
    torch.testing.assert_close(made.latent.mean(0), made.posterior.mean[0], rtol=0, atol=0.05)
    torch.testing.assert_close(made.latent.std(0), spread, rtol=0.05, atol=0)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_layers(n_layers):
    model = autoencoder(n_layers=n_layers)
    for part in (model.encoder, model.decoder):
        assert [type(m).__name__ for m in part] == ["Linear", "ReLU"] * n_layers
    assert model(torch.randn(4, 6)).outputs.shape == (4, 6)


def test_no_rows():
    made = autoencoder()(torch.empty(0, 6))
    assert made.outputs.shape == (0, 6) and made.latent.shape == (0, 3)


def test_learns_to_reconstruct():
    torch.manual_seed(0)
    model = VariationalAutoencoder(6, n_latent=16)
    x = torch.randn(50, 2) @ torch.randn(2, 6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, fused=True)
    model.eval()  # by the mean alone
    before = (model(x).outputs - x).square().mean()
    for _ in range(100):
        optimizer.zero_grad()
        (model(x).outputs - x).square().mean().backward()
        optimizer.step()
    assert (model(x).outputs - x).square().mean() < before / 4
