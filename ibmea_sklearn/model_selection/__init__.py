"""Splitters and a permutation test for pairs. The rest of scikit-learn takes views as they are."""

from ._permutation import permutation_test_score
from ._split import LinkKFold, LinkShuffleSplit

__all__ = ["LinkKFold", "LinkShuffleSplit", "permutation_test_score"]
