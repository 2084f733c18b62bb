"""Pages in the browser on which a person judges matches, and the verdicts that come of it."""

from ..io import read_verdicts, write_verdicts
from ._review import ReviewPage, review
from ._server import serve_review

__all__ = ["ReviewPage", "read_verdicts", "review", "serve_review", "write_verdicts"]
