"""What loaders share: where data sets lie, how they get there, and what is returned."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pooch
from sklearn.utils import Bunch

from .._utils.files import cache_folder, cache_is_needed
from .._utils.packed import most_bytes, refuse_bomb, unpacked
from ..graph import KnowledgeGraph

_UNPACK = "unpack it by tar, and pass the folder that holds what comes out as data_home"
# More attempts at a file after a fault of the network or a wrong checksum.
RETRIES = 2


def resolve_data_home(data_home: str | os.PathLike[str] | None) -> Path:
    """Return `data_home`, else what the variable IBMEA_DATA names, else the user's cache."""
    given = data_home if data_home is not None else os.environ.get("IBMEA_DATA")
    return Path(given).expanduser() if given else cache_folder()


def writable_home(home: Path) -> Path:
    """Return `home` if something can be written there, else the user's cache."""
    existing = next(p for p in (home, *home.absolute().parents) if p.exists())
    return home if os.access(existing, os.W_OK) else cache_folder()


def find_folder(
    home: Path, names: Sequence[str], archives: Sequence[str], needed: Iterable[str]
) -> Path | None:
    """Find a folder that has all files needed, in `home` or the cache, unpacked if need be.

    Parameters
    ----------
    home : Path
    names : sequence of str
        What the folder may be called; "" is `home` itself.
    archives : sequence of str
        Archives that may hold it.
    needed : iterable of str
        Paths of files in the folder.

    Returns
    -------
    Path or None
    """
    needed = list(needed)
    places = list(dict.fromkeys([home, cache_folder()]))
    for folder in (place / name for place in places for name in names):
        if _has_all(folder, needed):
            return folder
    for archive in (place / archive for place in places for archive in archives):
        if archive.is_file():
            unpacked = unpack(archive)
            for folder in (unpacked / name for name in names):
                if _has_all(folder, needed):
                    return folder
    return None


def _has_all(folder: Path, needed: Sequence[str]) -> bool:
    return all((folder / path).is_file() for path in needed)


def unpack(archive: Path) -> Path:
    """Unpack a tar archive into the user's cache, once, and return the folder there.

    Raises
    ------
    OSError
        If the file is no tar archive, is cut short, or holds a path that leads out of it; or if
        the cache can't be written to.
    ValueError
        If it unpacks to far more than its size.
    """
    target = cache_folder() / "unpacked" / f"{archive.name.partition('.')[0]}-{_key(archive)}"
    if target.is_dir():
        return target
    with cache_is_needed(target.parent):
        _unpack_to(target, archive)
    return target


def _unpack_to(target: Path, archive: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{target.name}.", dir=target.parent, ignore_cleanup_errors=True
    ) as private:
        # Only its owner may open it; a folder made in it is as open as any other.
        beside = Path(private) / target.name
        beside.mkdir()
        extract(archive, beside)
        _rename(beside, target)


def _key(archive: Path) -> str:
    """Tell this state of this file from others."""
    state = archive.stat()
    said = f"{archive.resolve()} {state.st_size} {state.st_mtime_ns}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def extract(archive: Path, folder: Path) -> None:
    """Unpack the files of an archive; OSError if it is broken, or leads out of the folder.

    A ValueError if it comes to far more than its size.
    """
    try:
        # As a stream: to go back in one, tarfile would unpack it without bounds.
        with unpacked(archive, _UNPACK) as file, tarfile.open(fileobj=file, mode="r|") as tar:
            n_bytes = 0
            for member in tar:
                n_bytes += member.size  # of a sparse file: with its holes
                if n_bytes > most_bytes(archive.stat().st_size):
                    refuse_bomb(archive, f"{n_bytes:,}", _UNPACK)
                _write(tar, member, folder)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError) as error:
        raise OSError(
            f"Expected {archive} to be a whole tar archive; found: {error}. Get it anew."
        ) from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    # By hand: tarfile's own filters are not in Python 3.11.0 to 3.11.3.
    path = (folder / member.name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise tarfile.ExtractError(f"{member.name!r}, which lies outside of its folder")
    source = tar.extractfile(member) if member.isfile() else None  # no links, no devices
    if source:
        path.parent.mkdir(parents=True, exist_ok=True)
        with source, path.open("wb") as target:
            shutil.copyfileobj(source, target)


def _rename(beside: Path, target: Path) -> None:
    try:
        os.replace(beside, target)
    except OSError:
        # Another process was faster.
        if not target.is_dir():
            raise


def download_folder(
    folder: Path,
    base_url: str,
    checksums: Mapping[str, str | None],
    urls: Mapping[str, str] | None = None,
) -> Path:
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
    urls : mapping {path: address}, optional
        Of files that lie elsewhere.

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
    with cache_is_needed(folder.parent):
        return _download(folder, base_url, checksums, urls)


def _download(
    folder: Path,
    base_url: str,
    checksums: Mapping[str, str | None],
    urls: Mapping[str, str] | None,
) -> Path:
    part = folder.with_name(f".{folder.name}.part")
    download_files(part, base_url, checksums, urls)
    try:
        os.replace(part, folder)
    except OSError as error:
        if not folder.is_dir():
            raise
        missing = [path for path in checksums if not (folder / path).is_file()]
        if missing:
            raise OSError(
                f"Expected {folder} to have all {len(checksums)} files or not to be there; found "
                f"it without {', '.join(missing)}. Remove it and try again, or put the whole "
                f"download, which is kept in {part}, in its place."
            ) from error
        # Another process was faster.
        shutil.rmtree(part, ignore_errors=True)
    return folder


def download_files(
    folder: Path,
    base_url: str,
    checksums: Mapping[str, str | None],
    urls: Mapping[str, str] | None = None,
) -> None:
    """Download files into a folder, each of which appears whole or not at all.

    Parameters and errors are those of :func:`download_folder`. A file that is there and has the
    checksum is not downloaded again.
    """
    registry = {path: f"sha256:{sha}" if sha else None for path, sha in checksums.items()}
    source = pooch.create(
        folder, f"{base_url}/", registry=registry, urls=dict(urls or {}), retry_if_failed=RETRIES
    )
    for path in registry:
        _fetch(source, path)


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
    whole = sum((Path(source.abspath) / path).is_file() for path in source.registry)
    return f"{whole} of {len(source.registry)} files came whole and are kept in {source.abspath}."


def as_result(
    graphs: Sequence[KnowledgeGraph], links: np.ndarray, descr: str, return_bunch: bool
) -> Any:
    """Return ``(kg1, kg2, ..., links)``, or a Bunch of them with DESCR and statistics."""
    if not return_bunch:
        return *graphs, links
    named = {f"kg{i}": kg for i, kg in enumerate(graphs, start=1)}
    statistics: dict[str, Any] = {name: _statistics(kg) for name, kg in named.items()}
    return Bunch(**named, links=links, DESCR=descr, statistics={**statistics, "links": len(links)})


def _statistics(kg: KnowledgeGraph) -> dict[str, Any]:
    return {
        "entities": kg.n_entities,
        "relations": kg.n_relations,
        "relation_triples": len(kg.relation_triples),
        "attributes": kg.n_attributes,
        "attribute_triples": len(kg.attribute_triples),
        "names": len(kg.names.values),
        "modalities": kg.modalities,
    }
