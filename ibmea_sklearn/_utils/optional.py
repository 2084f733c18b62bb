"""Optional packages, imported at use."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


def import_optional(module: str, extra: str, purpose: str) -> Any:
    """Import `module`, or say which extra of this package brings it.

    Parameters
    ----------
    module : str
        Dotted name.
    extra : str
        The extra of this package that installs it.
    purpose : str
        What needs it, as the subject of a sentence: "Reading RDF".

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which is not installed. "
            f"Install it with: pip install 'ibmea_sklearn[{extra}]'"
        ) from error


def is_installed(module: str) -> bool:
    """Tell whether an optional package is there, without importing it."""
    return importlib.util.find_spec(module) is not None
