"""Benchmarks of the field: from a folder, an archive, or the repositories that host them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .._utils.files import cache_folder
from ._base import (
    as_result,
    download_files,
    download_folder,
    find_folder,
    resolve_data_home,
    writable_home,
)

# By data set, the folder of the public repository that the paths of the files are relative to.
BASE_URLS = {
    "dbp15k": "https://raw.githubusercontent.com/lzxlin/MCLEA/HEAD/data/DBP15K",
    "mmkg": "https://raw.githubusercontent.com/mniepert/mmkb/master",
}
_MMKG_PAIRS = {"fb15k_db15k": ("FB15K", "DB15K"), "fb15k_yago15k": ("FB15K", "YAGO15K")}

_DBP15K_NAMES = "translated_ent_name.json"
_MMKG_NAMES = "FB15K/FB15K_mid2name.txt"

# SHA-256 of the files, None where the original was not at hand: copies that have the same content
# in another order, or less of it, would give sums that no download has.

# Subset, then file.
DBP15K: dict[str, dict[str, str | None]] = {
    "zh_en": {
        "ent_ids_1": "6d230db7922b58f6fe31fb75b478d5edcbb3cc7d3f76763b5af8232ff1940082",
        "ent_ids_2": "68d7cccc5334881d386094df3e4f9af479eedf3161ed00ec4d06e0685d510f69",
        "triples_1": "5bd1df6af7b51a0bc1111809c980364455e42f2cc27946cd664861f0d95aafcb",
        "triples_2": "bbab07e5d97247221d742a7ab4e14c20ffdb3125667b2bac2b317a714a07bc48",
        "ill_ent_ids": "f6fc5f4b4c162eb21119697561b38686c48935222c11d07f08edc6efc5414507",
        "training_attrs_1": None,
        "training_attrs_2": None,
        _DBP15K_NAMES: "d187deebecf6406527b3a15757e93a782ec7de25e05872e54c1e59d1949424fd",
    },
    "ja_en": {
        "ent_ids_1": "c0163c3e4d1a1173fde4941c6c3752e659ff54c50149fbe8776e10c78077f1ad",
        "ent_ids_2": "b6e8aa468861daa932f5bbb50c4743273418331839543de8889b13cc267a84a2",
        "triples_1": "5c9396f4bc18f62f395bdea897228285be85f3590d89c336739877d7fc0eeae5",
        "triples_2": "aeb66ed5e3dd1588f4d7e2cae50bc930794dbc29063f71365242c924ae27c2d6",
        "ill_ent_ids": "60edbd1d05d65e80cc81957eb6efa06fa53901a2a3042cfb0a115abccb2dff91",
        "training_attrs_1": None,
        "training_attrs_2": None,
        _DBP15K_NAMES: "d5b6501885f5184d25bd0ebcab6e689cd295c8ac8efd1c7aef113ba56c72428e",
    },
    "fr_en": {
        "ent_ids_1": "8c5c96ba6ef3b3a7791f2ee33e0a779049e4fee36aac77c813814964a23b4401",
        "ent_ids_2": "9e14e2ae75c45d18fc1fd310657dfd2b84925e625ceb89f96b7775f6218e042c",
        "triples_1": "318c50b356055ccfdbb98d6733ecb8213b3f0ee8f2222cd9733e2d6ef04f5718",
        "triples_2": "38508926b2e93dae9bb9b066e308cbb11545e62fa93239b574b53f496aeb2f1c",
        "ill_ent_ids": "ba1c4b07e67ab2581d6ca11038e9f527b08666fe5bedad3a95cb7f61579a3c64",
        "training_attrs_1": None,
        "training_attrs_2": None,
        _DBP15K_NAMES: "9a76ccc43353f9e8e27c214d6fef401de866dbda751d39c176470adc5cce35c0",
    },
}

# Graph, then kind of file, as in FB15K/FB15K_EntityTriples.txt. Each graph but FB15K brings its
# links to FB15K.
MMKG: dict[str, dict[str, str | None]] = {
    "FB15K": {
        "EntityTriples": "b1f7384259a93b79fcac9696c172cef5c1ce393d2e312c8f4399a67dc1a770f1",
        "NumericalTriples": "9fd4f2dfe95af2bc4caa6ce1db84641168f42be759217dfbfcf95ca79d5aa0f3",
        "ImageIndex": "3e7e2be4f8f801d0cfc57ab7fcbb537ffe3d26212f17383c4091c19686f76940",
    },
    "DB15K": {
        "EntityTriples": None,
        "NumericalTriples": None,
        "ImageIndex": "fcd2f034111388af8ae3fc58e15822d85b02d9d043b5191b4b0ffa0a622bd29b",
        "SameAsLink": "329f13f5834eff712ab7fcaa214407d3f48bcaa9b6c48e5fcae632994e070141",
    },
    "YAGO15K": {
        "EntityTriples": None,
        "NumericalTriples": None,
        "ImageIndex": "af68898baf5ca12c0de922d5cf1d683a180ff30a58da8c64737a750030f0eb81",
        "SameAsLink": "a32768251e35fc199aebd1087bd8fac25cc4fe79a8167811f58ae86b2d35bb8f",
    },
}


class _Names(NamedTuple):
    """The file that has the names of a data set."""

    path: str
    url: str | None = None  # None: the repository does not have it
    checksum: str | None = None


class _Source(NamedTuple):
    """Where a data set may lie on the disk, and where it comes from."""

    called: str
    folders: Sequence[str]  # what its folder may be called; "" for data_home itself
    archives: Sequence[str]
    needed: Sequence[str]
    base_url: str
    checksums: dict[str, str | None]
    names: _Names | None = None  # where they are wanted


def fetch_dbp15k(
    subset: str = "zh_en",
    *,
    names: bool = False,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_bunch: bool = False,
) -> Any:
    """Load a pair of DBP15K: DBpedia in two languages, without images.

    ==================   =================   =================   ==================
    .                    zh_en               ja_en               fr_en
    ==================   =================   =================   ==================
    Entities             19,388 / 19,572     19,814 / 19,780     19,661 / 19,993
    Relations            1,701 / 1,323       1,299 / 1,153       903 / 1,208
    Relation triples     70,414 / 95,142     77,214 / 93,484     105,998 / 115,722
    Attribute names      8,111 / 7,173       5,882 / 6,066       4,547 / 6,422
    Names                19,388 / 19,572     19,814 / 19,780     19,660 / 19,993
    Links                15,000              15,000              15,000
    ==================   =================   =================   ==================

    The left side is the other language, the right side English.

    Parameters
    ----------
    subset : {"zh_en", "ja_en", "fr_en"}, default="zh_en"
    names : bool, default=False
        Give the entities names: all in English, those of the other language machine-translated.
        Results with them are a protocol of their own, not comparable to results without: say so.
        For the names as they are in the URIs, which is another one, see
        :meth:`~ibmea_sklearn.KnowledgeGraph.with_names`.
    data_home : path-like, optional
        Folder with the folder of the subset (``zh_en/``), or an archive of it
        (``dbp15k_zh_en.tar.xz``), which is unpacked into the user's cache. By default what the
        environment variable ``IBMEA_DATA`` names, else the user's cache. What is not there is
        looked for in the cache, then downloaded: into `data_home` if that can be written, else
        into the cache. If only the file of the names is missing, it is added to the folder.
    download_if_missing : bool, default=True
        If False, raise an error instead of downloading.
    return_bunch : bool, default=False

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        As :func:`ibmea_sklearn.io.read_dbp15k` gives them.
    links : ndarray of shape (15000, 2), object
        URIs of equivalent entities.
    bunch : Bunch
        Only if `return_bunch`, instead of the tuple: ``kg1``, ``kg2``, ``links``, ``DESCR``,
        ``statistics``.

    Raises
    ------
    ValueError
        If the subset is unknown, or an archive unpacks to far more than its size.
    FileNotFoundError
        If the files are missing and `download_if_missing` is False.
    OSError
        If a download fails or has a wrong checksum, or an archive is damaged. What came whole is
        kept for the next attempt, nothing half-written stays.

    Notes
    -----
    The files are those of EVA and MCLEA [2]_ [3]_, hosted at https://github.com/lzxlin/MCLEA.
    Content from DBpedia, CC BY-SA. Checksums are known of all but the attributes.

    References
    ----------
    .. [1] Sun, Hu, Li, "Cross-lingual entity alignment via joint attribute-preserving embedding",
       ISWC 2017.
    .. [2] Liu, Chen, Roth, Collier, "Visual pivoting for (unsupervised) entity alignment",
       AAAI 2021.
    .. [3] Lin et al., "Multi-modal contrastive representation learning for entity alignment",
       COLING 2022.

    Examples
    --------
    >>> from ibmea_sklearn.datasets import fetch_dbp15k
    >>> kg1, kg2, links = fetch_dbp15k("zh_en")  # doctest: +SKIP
    """
    from ..io import read_dbp15k

    _check_choice("subset", subset, DBP15K)
    checksums = dict(DBP15K[subset])
    url = f"{BASE_URLS['dbp15k']}/translated_ent_name/dbp_{subset}.json"
    named = _Names(_DBP15K_NAMES, url, checksums.pop(_DBP15K_NAMES))
    source = _Source(
        called=f"DBP15K {subset}",
        folders=(subset, f"DBP15K/{subset}", f"dbp15k_{subset}"),
        archives=(f"dbp15k_{subset}.tar.xz",),
        needed=[name for name in checksums if not name.startswith("training_attrs")],
        base_url=f"{BASE_URLS['dbp15k']}/{subset}",
        checksums=checksums,
        names=named if names else None,
    )
    folder = _folder_of(source, data_home, download_if_missing)
    return _read(lambda: read_dbp15k(folder, names=names), fetch_dbp15k, return_bunch)


def fetch_mmkg(
    pair: str = "fb15k_db15k",
    *,
    names: bool = False,
    data_home: str | os.PathLike[str] | None = None,
    download_if_missing: bool = True,
    return_bunch: bool = False,
) -> Any:
    """Load a pair of MMKG: Freebase with DBpedia or YAGO, with numeric attributes, without images.

    =========================   =================   =================
    .                           fb15k_db15k         fb15k_yago15k
    =========================   =================   =================
    Entities                    14,951 / 12,842     14,951 / 15,404
    Relations                   1,345 / 279         1,345 / 32
    Relation triples            592,213 / 89,197    592,213 / 122,886
    Numeric attribute triples   29,395 / 48,044     29,395 / 23,532
    Names                       14,951 / 12,842     14,951 / 15,404
    Links                       12,842              11,199
    =========================   =================   =================

    DB15K_EntityTriples has 99,028 lines, of which 89,197 are distinct. The original
    DB15K_NumericalTriples has about 36 lines more than the copy that was counted. Of 12,846 links
    of FB15K and DB15K, 4 repeat an entity and are left out. The triples of YAGO15K were counted in
    a copy that was rebuilt.

    Parameters
    ----------
    pair : {"fb15k_db15k", "fb15k_yago15k"}, default="fb15k_db15k"
    names : bool, default=False
        Give the entities names: those of FB15K are in ``FB15K_mid2name.txt`` (id, tab, name), which
        the repository does not have: add it to the folder ``FB15K``. Those of DB15K and YAGO15K
        are what their ids end with. Results with names are a protocol of their own, not comparable
        to results without: say so.
    data_home : path-like, optional
        Folder with the folder ``mmkg/`` (in it ``FB15K/``, ``DB15K/``, ``YAGO15K/``), or with an
        archive of it (``mmkg.tar.xz``), which is unpacked into the user's cache. By default what
        the environment variable ``IBMEA_DATA`` names, else the user's cache. What is not there
        is looked for in the cache, then downloaded (70 MB): into `data_home` if that can be
        written, else into the cache.
    download_if_missing : bool, default=True
        If False, raise an error instead of downloading.
    return_bunch : bool, default=False

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
        As :func:`ibmea_sklearn.io.read_mmkg` gives them.
    links : ndarray of shape (n_links, 2), object
    bunch : Bunch
        Only if `return_bunch`, instead of the tuple: ``kg1``, ``kg2``, ``links``, ``DESCR``,
        ``statistics``.

    Raises
    ------
    ValueError
        If the pair is unknown, or an archive unpacks to far more than its size.
    FileNotFoundError
        If the files are missing and `download_if_missing` is False, or names are wanted and the
        file of those of FB15K is missing.
    OSError
        If a download fails or has a wrong checksum, or an archive is damaged. What came whole is
        kept for the next attempt, nothing half-written stays.

    Notes
    -----
    Hosted at https://github.com/mniepert/mmkb, BSD-3-Clause; content from Freebase (CC BY),
    DBpedia (CC BY-SA) and YAGO (CC BY). Checksums are known of ``FB15K_EntityTriples``,
    ``FB15K_NumericalTriples``, the links and the image keys.

    References
    ----------
    .. [1] Liu et al., "MMKG: Multi-modal knowledge graphs", ESWC 2019.

    Examples
    --------
    >>> from ibmea_sklearn.datasets import fetch_mmkg
    >>> kg1, kg2, links = fetch_mmkg("fb15k_db15k")  # doctest: +SKIP
    """
    from ..io import read_mmkg

    _check_choice("pair", pair, _MMKG_PAIRS)
    graphs = _MMKG_PAIRS[pair]
    checksums = {
        f"{graph}/{graph}_{kind}.txt": sha for graph in graphs for kind, sha in MMKG[graph].items()
    }
    needed = [path for path in checksums if path.endswith(("EntityTriples.txt", "SameAsLink.txt"))]
    source = _Source(
        called=f"MMKG {pair}",
        folders=(f"mmkg_{pair}", "mmkg", ""),
        archives=("mmkg.tar.xz",),
        needed=needed,
        base_url=BASE_URLS["mmkg"],
        checksums={**checksums, "LICENSE.txt": None},
        names=_Names(_MMKG_NAMES) if names else None,
    )
    folder = _folder_of(source, data_home, download_if_missing)
    return _read(lambda: read_mmkg(folder, pair=graphs, names=names), fetch_mmkg, return_bunch)


def _check_choice(name: str, value: object, choices: Any) -> None:
    if value not in choices:
        raise ValueError(f"Expected {name} among {', '.join(choices)}; found {value!r}.")


def _folder_of(
    source: _Source, data_home: str | os.PathLike[str] | None, download_if_missing: bool
) -> Path:
    home = resolve_data_home(data_home)
    names = source.names
    bare = find_folder(home, source.folders, source.archives, source.needed)
    if bare is not None and names is None:
        return bare
    if names is not None:
        wanted = [*source.needed, names.path]
        found = find_folder(home, source.folders, source.archives, wanted)
        if found is not None:
            return found
        if names.url is None or (bare is not None and not download_if_missing):
            raise FileNotFoundError(_say_no_names(source.called, names, bare))
    if not download_if_missing:
        places = dict.fromkeys([str(home), str(cache_folder())])
        raise FileNotFoundError(
            f"Expected {source.called} in {' or '.join(places)}, as folder {source.folders[0]!r} "
            f"or archive {source.archives[0]!r}; found neither. Pass data_home, set IBMEA_DATA, "
            "or let it be downloaded (download_if_missing=True)."
        )
    return _download(source, home, bare)


def _say_no_names(called: str, names: _Names, folder: Path | None) -> str:
    where = f"in {folder}" if folder else f"in the folder of {called}"
    advice = (
        "Let it be downloaded (download_if_missing=True)"
        if names.url
        else "The repository of the data does not have it: put it there"
    )
    return (
        f"Expected the names of {called} in the file {names.path} {where}; found no such file. "
        f"{advice}, or leave the names out (names=False)."
    )


def _download(source: _Source, home: Path, bare: Path | None) -> Path:
    """Download a data set, or only the names to the rest of it, where that can be written."""
    names = source.names
    checksums = {names.path: names.checksum} if names else {}
    urls = {names.path: names.url} if names and names.url else {}
    if bare is not None and os.access(bare, os.W_OK):
        download_files(bare, source.base_url, checksums, urls)
        return bare
    target = writable_home(home) / source.folders[0]
    return download_folder(target, source.base_url, {**source.checksums, **checksums}, urls)


def _read(read: Callable[[], tuple[Any, Any, Any]], loader: Any, return_bunch: bool) -> Any:
    kg1, kg2, links = read()
    return as_result((kg1, kg2), links, inspect.getdoc(loader) or "", return_bunch)
