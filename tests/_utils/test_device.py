"""Where torch runs, and whose random numbers it leaves alone."""

import pytest
import torch

from ibmea_sklearn._utils.device import resolve_device, seeded


def test_the_same_numbers_inside_and_the_old_ones_after():
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(7)
    seven = torch.rand(3)
    torch.manual_seed(5)
    with seeded("cpu", 7):
        assert torch.equal(torch.rand(3), seven)
    assert torch.equal(torch.rand(2), expected)


def test_devices_that_are_not_used_are_not_seeded(monkeypatch):
    for module in (torch.cuda, torch.mps):
        for name in ("manual_seed", "manual_seed_all"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda *args: pytest.fail("seeded"))
    with seeded("cpu", 1):
        torch.rand(1)


def test_an_error_inside_restores_them():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seeded("cpu", 1):
        torch.rand(1)
        1 / 0  # noqa: B018
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("device", ["tpu", "cpu:x", "cuda:99", ""])
def test_a_device_that_is_not_there(device):
    with pytest.raises(ValueError, match=f"Expected a device that is there .*; found '{device}'"):
        resolve_device(device)


def test_auto_is_a_device_that_is_there():
    assert torch.empty(0, device=resolve_device("auto")).numel() == 0
