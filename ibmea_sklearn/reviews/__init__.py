"""Pages in the browser on which a person judges matches, and the verdicts that come of it."""

from ..io import read_verdicts, write_verdicts
from ._model import ask_model
from ._opinion_weight import OpinionWeight, known_pairs
from ._review import ReviewPage, review
from ._server import serve_review

__all__ = [
    "OpinionWeight",
    "ReviewPage",
    "ask_model",
    "known_pairs",
    "read_verdicts",
    "review",
    "serve_review",
    "write_verdicts",
]
