"""What is said of steps that take long."""

import pytest

from ibmea_sklearn._utils import progress
from ibmea_sklearn._utils.progress import as_duration, long_step


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (34.3, "34 s"), (725, "12 min"), (9000, "2.5 h")]
)
def test_a_duration_has_its_unit(seconds, said):
    assert as_duration(seconds) == said


def test_of_a_short_step_nothing_is_said(monkeypatch):
    monkeypatch.setattr(progress, "in_use", lambda: 1_234_000_000)
    assert long_step(9.9) == ""
    assert long_step(34) == " (34 s, 1.2 GB in memory)"
