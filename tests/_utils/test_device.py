"""Where torch runs, and whose random numbers it leaves alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from ibmea_sklearn._utils.device import (
    generator,
    global_draws,
    rand,
    randn_like,
    randperm,
    resolve_device,
    seeded,
)

CPU = torch.device("cpu")


def own_draws():
    return rand(3, CPU), rand(2, CPU, torch.float64), randn_like(torch.ones(4)), randperm(9, CPU)


def torchs_draws():
    return torch.rand(3), torch.rand(2, dtype=torch.float64), torch.randn(4), torch.randperm(9)


def are_equal(some, others):
    return all(map(torch.equal, some, others))


@pytest.fixture(params=[False, True], ids=["own", "compiled"])
def seven(request):
    return lambda: seeded("cpu", 7, request.param)


def test_the_same_numbers_inside_and_the_old_ones_after(seven):
    torch.manual_seed(7)
    expected = torchs_draws()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with seven():
        assert are_equal(own_draws(), expected)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(7)
    assert are_equal(own_draws(), expected)  # outside they are torch's


def test_what_only_torch_can_draw_comes_from_the_same_numbers(seven):
    torch.manual_seed(7)
    expected = torch.rand(2), torch.rand(3), torch.rand(2)
    before = torch.get_rng_state()
    with seven():
        first = rand(2, CPU)
        with global_draws():
            second = torch.rand(3)
        assert are_equal((first, second, rand(2, CPU)), expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_devices_that_are_not_used_are_not_seeded(monkeypatch, seven):
    for module in (torch.cuda, torch.mps):
        for name in ("manual_seed", "manual_seed_all"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, lambda *args: pytest.fail("seeded"))
    with seven():
        rand(1, CPU)


def test_an_error_inside_restores_them(seven):
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), seven(), global_draws():
        torch.rand(1)
        1 / 0  # noqa: B018
    assert torch.equal(torch.get_rng_state(), before) and generator() is None


def test_threads_draw_what_one_would(seven):
    """Each waits for the others before it draws on, where none has to wait for its turn."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with seven():
        takes_turns = generator() is None
        expected = own_draws(), own_draws()
    together = threading.Barrier(1 if takes_turns else 3)

    def draw(_):
        with seven():
            first = own_draws()
            together.wait(60)
            return first, own_draws()

    with ThreadPoolExecutor(3) as pool:
        for first, second in pool.map(draw, range(3)):
            assert are_equal(first, expected[0]) and are_equal(second, expected[1])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("device", ["tpu", "cpu:x", "cuda:99", ""])
def test_a_device_that_is_not_there(device):
    with pytest.raises(ValueError, match=f"Expected a device that is there .*; found '{device}'"):
        resolve_device(device)


def test_auto_is_a_device_that_is_there():
    assert torch.empty(0, device=resolve_device("auto")).numel() == 0
