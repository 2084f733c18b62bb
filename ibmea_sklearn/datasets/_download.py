"""Folders of files from a public repository: whole, checked, or not there at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pooch

# More attempts at a file after a fault of the network or a wrong checksum.
RETRIES = 2


def download_folder(folder: Path, base_url: str, checksums: Mapping[str, str | None]) -> Path:
    """Download files into a folder that appears once all of them are there.

    Parameters
    ----------
    folder : Path
        Its parents are created. Until all files are there, they lie in the folder
        ``.<name>.part`` beside it, from which the next attempt goes on.
    base_url : str
        Without a slash at the end.
    checksums : mapping {path below base_url: SHA-256 or None}
        The files keep their paths in `folder`. None: no checksum is known.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    OSError
        If the server can't be reached, answers with an error, closes the connection early, or
        sends a file of another checksum; or if `folder` is there already and lacks a file.
    """
    part = folder.with_name(f".{folder.name}.part")
    registry = {path: f"sha256:{sha}" if sha else None for path, sha in checksums.items()}
    source = pooch.create(part, f"{base_url}/", registry=registry, retry_if_failed=RETRIES)
    for path in registry:
        _fetch(source, path)
    try:
        os.replace(part, folder)
    except OSError as error:
        if not folder.is_dir():
            raise
        missing = [path for path in registry if not (folder / path).is_file()]
        if missing:
            raise OSError(
                f"Expected {folder} to have all {len(registry)} files or not to be there; found it "
                f"without {', '.join(missing)}. Remove it and try again, or put the whole "
                f"download, which is kept in {part}, in its place."
            ) from error
        # Another process was faster.
        shutil.rmtree(part, ignore_errors=True)
    return folder


def _fetch(source: pooch.Pooch, path: str) -> None:
    # A fault of the network is a RequestException, which is an OSError; pooch tells of a wrong
    # checksum by ValueError.
    from requests.exceptions import HTTPError, RequestException

    url = source.get_url(path)
    try:
        file = Path(source.fetch(path))
    except HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise OSError(
            f"Expected to download {url}; the server answered {status}. The repository may have "
            f"moved: get the files elsewhere and pass their folder as data_home. {_kept(source)}"
        ) from error
    except RequestException as error:
        raise ConnectionError(
            f"Expected to download {url}; the server can't be reached or closed the connection "
            f"({type(error).__name__}). Try again, or get the files elsewhere and pass their "
            f"folder as data_home. {_kept(source)}"
        ) from error
    except ValueError as error:
        raise OSError(
            f"Expected {url} with SHA-256 {source.registry[path].partition(':')[2]}; found a file "
            "of another checksum, which was not kept. Try again; if it stays so, the file has "
            f"changed: get the original elsewhere and pass its folder as data_home. {_kept(source)}"
        ) from error
    # pooch makes files that only their owner may read; their folder is open to others.
    with suppress(PermissionError):  # of an earlier attempt, by another user
        file.chmod(file.parent.stat().st_mode & 0o666)


def _kept(source: pooch.Pooch) -> str:
    whole = sum(path.is_file() for path in Path(source.abspath).rglob("*"))
    return f"{whole} of {len(source.registry)} files came whole and are kept in {source.abspath}."
