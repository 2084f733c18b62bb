"""The review page by a small server on this computer, for any number of matches."""

from __future__ import annotations

import os
import secrets
import socket
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from .._utils.optional import import_optional
from .._utils.validation import Integer
from ..graph import KnowledgeGraph
from ..io import VerdictFile
from ._contents import Contents
from ._verdicts import Verdicts

_HOST = "127.0.0.1"


def serve_review(
    matches: pd.DataFrame,
    kg1: KnowledgeGraph,
    kg2: KnowledgeGraph,
    path: str | os.PathLike[str] = "verdicts.sssom.tsv",
    candidates: pd.DataFrame | None = None,
    evidence: Any = None,
    verdicts: pd.DataFrame | None = None,
    *,
    image_folders: Sequence[str | os.PathLike[str]] | None = None,
    author: str = "",
    port: int = 0,
    open_browser: bool = True,
    announce: Callable[[str], Any] = print,
) -> None:
    """Show the review page of any number of matches in a browser, until Ctrl-C.

    Each verdict is on disk before the page goes on: whatever is closed or killed, nothing is lost.
    The same file goes on where it stopped, and several tabs see each other's verdicts.

    Parameters
    ----------
    matches : DataFrame with columns source, target[, confidence]
        As the method ``align`` of every aligner returns it.
    kg1, kg2 : KnowledgeGraph
    path : path-like, default="verdicts.sssom.tsv"
        File of the verdicts, for :func:`read_verdicts`. Those in it are kept and shown.
    candidates, evidence
        As for :func:`review`.
    verdicts : DataFrame with columns source, target, verdict, optional
        Earlier ones, which go into the file as well.
    image_folders, author
        As for :func:`review`.
    port : int, default=0
        0 takes a free one.
    open_browser : bool, default=True
        Whether to open the page; its address is said in any case.
    announce : callable, default=print
        Gets the address.

    Raises
    ------
    ImportError
        If starlette or uvicorn is not installed.
    TypeError, ValueError
        As for :func:`review`; or if another review has the file open.

    See Also
    --------
    review : The same page as one file.

    Notes
    -----
    Only this computer is answered, and only a browser that knows the random word in the address:
    other hosts and pages of other origins are refused.

    Examples
    --------
    >>> from ibmea_sklearn.reviews import serve_review
    >>> serve_review(aligner.align(), kg1, kg2, evidence=aligner)  # doctest: +SKIP
    http://127.0.0.1:42117/cP3.../
    """
    Integer(0).check("port", port)
    uvicorn = import_optional("uvicorn", "review", "Serving a review page")
    from ._app import make_app  # it needs what has just been asked for

    contents = Contents(matches, kg1, kg2, candidates, evidence, image_folders)
    with VerdictFile(path) as file, _listening(port) as listening:
        known = Verdicts(contents, file.table(), file)
        if verdicts is not None:
            known.load(verdicts)
        token = secrets.token_urlsafe(18)
        address = f"{_HOST}:{listening.getsockname()[1]}"
        app = make_app(contents, known, token, address, {"author": author, "path": Path(path).name})
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, ws="none", lifespan="off",
            server_header=False, timeout_graceful_shutdown=2,
        )  # fmt: skip
        announce(f"http://{address}/{token}/")
        if open_browser:
            webbrowser.open(f"http://{address}/{token}/")
        # Ctrl-C is how a person ends it.
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"Expected a port that is free; found {port}: {error}. Choose another, or 0 for any."
        ) from None
