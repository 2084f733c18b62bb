"""Numbers in sentences."""

import pytest

from ibmea_sklearn._utils.words import counted


@pytest.mark.parametrize(("n", "said"), [(0, "0 runs"), (1, "1 run"), (1200, "1,200 runs")])
def test_one_is_no_plural(n, said):
    assert counted(n, "run") == said
