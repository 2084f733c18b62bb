"""From embeddings to ranked candidates and one-to-one matches."""

from ._assign import assign
from ._candidates import candidate_similarities
from ._csls import csls
from ._mutual import mutual_nearest
from ._ranks import ranks
from ._sinkhorn import sinkhorn
from ._top_k import top_k

__all__ = [
    "assign",
    "candidate_similarities",
    "csls",
    "mutual_nearest",
    "ranks",
    "sinkhorn",
    "top_k",
]
