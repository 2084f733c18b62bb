"""Files to be written, checked before the work of minutes and not after it."""

from __future__ import annotations

import os
from pathlib import Path

from .._utils.optional import import_optional

SUFFIXES = (".tsv", ".nt", ".csv", ".parquet")


def check_alignment_file(path: Path) -> None:
    """Check that an alignment can be written there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If the suffix tells no format, or the path is a folder.
    OSError
        If its folder can't be made or written to.
    ImportError
        If it is Parquet and pyarrow is missing.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"Expected a file for the alignment that ends in {', '.join(SUFFIXES)}; found "
            f"{path.name!r}."
        )
    if path.suffix == ".parquet":
        import_optional("pyarrow", "parquet", f"Writing {path.name}")
    check_file(path)


def check_file(path: Path) -> None:
    """Check that a file can be written there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is a folder.
    OSError
        If its folder can't be made or written to.
    """
    if path.is_dir():
        raise ValueError(f"Expected a file to write; found the folder {path}. Name a file in it.")
    check_folder(path.parent)


def check_folder(path: Path) -> None:
    """Make a folder if need be, and check that files can be written to it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If it is a file.
    OSError
        If it can't be made or written to.
    """
    if path.exists() and not path.is_dir():
        raise ValueError(f"Expected a folder to write to; found the file {path}.")
    path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK):
        raise PermissionError(f"Expected a folder that can be written to; found {path}, which not.")
