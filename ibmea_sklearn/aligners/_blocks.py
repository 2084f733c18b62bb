"""Whether an aligner compares all pairs, or candidates that a blocker lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich
from scipy import sparse

from .._utils.estimator import settings_of
from .._utils.optional import is_installed
from ..channels.blocks import Blocks
from ..channels.hints import hint_at_low_recall
from ..graph import SeedPairs, Sides
from ..matching import Blocker, Matching
from ..matching._candidates import n_sums

if TYPE_CHECKING:
    from ..channels import PairSearch
    from ..channels.channels import Encode

# How many pairs of vectors are compared where they are what lists candidates.
_LOOKED_UP = {
    True: "a tenth of all, by faiss",
    False: "all, for there is no faiss: pip install 'ibmea_sklearn\\[faiss]' has a tenth compared",
}

__all__ = ["blocks_of", "listed_by", "say_if_sketched"]


def blocks_of(
    how: Matching,
    X: SeedPairs,
    modalities: Sequence[str] | None,
    verbose: bool,
    must_find: bool = True,
) -> Blocks | None:
    """Return what lists candidates; None where all pairs are compared.

    Parameters
    ----------
    how : Matching
    X : SeedPairs
        The graphs, with features.
    modalities : sequence of str or None
        What they are aligned by: nothing else finds candidates. None looks at all.
    verbose : bool
        Whether to say so.
    must_find : bool, default=True
        Whether it is an error if candidates were asked for, and there is nothing to find them by.

    Raises
    ------
    ValueError
        If candidates were asked for, and there is nothing to find them by.
    """
    n, m = X.kg1.n_entities, X.kg2.n_entities
    if not how.is_blocked(n, m):
        return None
    blocker: Blocker = settings_of(how, "blocker")
    blocker.read(X, modalities)
    if how.search == "blocked" and must_find:
        blocker.check_sources()
    said = f"up to {blocker.n_candidates} candidates of each, by {', '.join(blocker.sources_)}"
    if not blocker.sources_:
        said = "all pairs, for there is nothing to find candidates by"
    if "vector" in blocker.sources_:
        said += f". Vectors find theirs among {_LOOKED_UP[is_installed('faiss')]}"
    if verbose:
        rich.print(
            f"{n:,} x {m:,} entities: compared are {said}. matching__search='exact' compares all.",
            flush=True,
        )
    return Blocks(blocker, n) if blocker.sources_ else None


def say_if_sketched(how: Matching, sides: Sides, verbose: bool) -> None:
    """Say that `align` chooses candidates by a sketch, where nobody has asked for one.

    Parameters
    ----------
    how : Matching
    sides : Sides of matrices of shapes (n, width) and (m, width)
    verbose : bool
    """
    (n, width), m = sides.left.shape, sides.right.shape[0]
    asked = how.sketch_width != "auto" or how.is_blocked(n, m) or sparse.issparse(sides.left)
    sums = None if asked else n_sums("auto", n, m, width)
    if verbose and sums is not None:
        rich.print(
            f"{n:,} x {m:,} entities of {width:,} numbers: `align` and `predict` choose candidates "
            f"by {sums:,} random sums of these, and compare them by all. "
            "matching__sketch_width=None chooses by all.",
            flush=True,
        )


def listed_by(search: PairSearch, encode: Encode | None = None) -> sparse.csr_array | None:
    """Return the similarities of a search's candidates, and warn if they hold too few partners.

    Parameters
    ----------
    search : PairSearch
        That has settled, or was interrupted.
    encode : callable, optional
        What a network makes of known pairs.
    """
    last = search.log[-1] if search.log else {}  # none after an interrupt
    hint_at_low_recall(last.get("recall"), len(search.held_out))
    return search.listed(encode)
