"""Where data sets lie: unpacked folders, archives, and the cache that archives go to."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from .._utils.files import cache_folder


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
        If the file is no tar archive, is cut short, or holds a path that leads out of it.
    """
    target = cache_folder() / "unpacked" / f"{archive.name.partition('.')[0]}-{_key(archive)}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{target.name}.", dir=target.parent, ignore_cleanup_errors=True
    ) as private:
        # Only its owner may open it; a folder made in it is as open as any other.
        beside = Path(private) / target.name
        beside.mkdir()
        extract(archive, beside)
        _rename(beside, target)
    return target


def _key(archive: Path) -> str:
    """Tell this state of this file from others."""
    state = archive.stat()
    said = f"{archive.resolve()} {state.st_size} {state.st_mtime_ns}"
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def extract(archive: Path, folder: Path) -> None:
    """Unpack the files of an archive; OSError if it is broken, or leads out of the folder."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _write(tar, member, folder)
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
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
