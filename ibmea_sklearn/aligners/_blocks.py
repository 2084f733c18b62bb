"""Whether an aligner compares all pairs, or candidates that a blocker lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import rich
from scipy import sparse

from .._utils.estimator import settings_of
from ..channels.blocks import Blocks
from ..channels.hints import hint_at_low_recall
from ..graph import SeedPairs
from ..matching import Blocker, Matching

if TYPE_CHECKING:
    from ..channels import PairSearch
    from ..channels.channels import Encode

__all__ = ["blocks_of", "listed_by"]


def blocks_of(
    how: Matching, X: SeedPairs, modalities: Sequence[str] | None, verbose: bool
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
    if how.search == "blocked":
        blocker.check_sources()
    said = f"up to {blocker.n_candidates} candidates of each, by {', '.join(blocker.sources_)}"
    if not blocker.sources_:
        said = "all pairs, for there is nothing to find candidates by"
    if verbose:
        rich.print(
            f"{n:,} x {m:,} entities: compared are {said}. matching__search='exact' compares all.",
            flush=True,
        )
    return Blocks(blocker, n) if blocker.sources_ else None


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
