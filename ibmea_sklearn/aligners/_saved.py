"""Fitted aligners as files."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, Self

from sklearn.utils.validation import check_is_fitted
from torch import nn

from .._utils.device import resolve_device
from .._utils.validation import did_you_mean
from ..persistence import StateFile, write_state

__all__ = ["Saved"]

_CONTENT = "aligner"


class Saved:
    """Mixin of estimators that a file can hold without pickle.

    What is saved are the parameters, and all that ``fit`` has set: by scikit-learn's convention,
    the attributes whose name ends with an underscore. A subclass has to do nothing for it.
    """

    # NamedTuples that fitted attributes may be made of.
    _tuples: ClassVar[tuple[type, ...]] = ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted aligner to a file, whole or not at all.

        The file is in the safetensors format: arrays, and JSON for the rest. Reading it runs no
        code of the file, as reading a pickle would.

        Parameters
        ----------
        path : path-like
            Such as "aligner.safetensors". A file of that name is replaced.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        TypeError
            If a parameter, or a value or an image of a graph, is of a type that only its own code
            could write. The message names it.

        See Also
        --------
        load : The way back.

        Examples
        --------
        >>> import tempfile
        >>> from ibmea_sklearn import PropagationAligner
        >>> from ibmea_sklearn.datasets import make_mmkg_pair
        >>> kg1, kg2, links = make_mmkg_pair(60, random_state=0)
        >>> aligner = PropagationAligner(n_components=64, random_state=0, verbose=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     aligner.fit(kg1, kg2, links[:30]).save(f"{folder}/aligner.safetensors")
        ...     again = PropagationAligner.load(f"{folder}/aligner.safetensors")
        >>> (again.rank(links[30:]) == aligner.rank(links[30:])).all()
        np.True_
        """
        check_is_fitted(self, "embeddings_")
        state = {
            "class": type(self).__name__,
            "parameters": self.get_params(deep=False),  # type: ignore[attr-defined]
            "fitted": fitted_attributes(self),
        }
        write_state(path, _CONTENT, state, self._tuples)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str | None = None) -> Self:
        """Read an aligner that :meth:`save` has written.

        Parameters
        ----------
        path : path-like
        device : str, optional
            "auto", "cpu", "cuda" or "mps": where the aligner is to run from now on, also in a
            further fit. None keeps to the parameter ``device``, and to the device of the fit as
            long as it is there.

        Returns
        -------
        BaseAligner
            Of the class that was saved. ``BaseAligner.load`` reads any aligner whose class is
            imported, ``IBMEAAligner.load`` an IBMEAAligner only.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds no aligner of this class, was written in a newer format, is damaged,
            or has a parameter that the class has not; if the device is not there.

        Warns
        -----
        UserWarning
            If the class has parameters that the file does not know: they take their defaults.

        Examples
        --------
        >>> from ibmea_sklearn import IBMEAAligner
        >>> IBMEAAligner.load("absent.safetensors")
        Traceback (most recent call last):
        FileNotFoundError: Expected a file with the aligner ...; found no file absent.safetensors.
        """
        with StateFile(path, _CONTENT, cls._tuples) as file:
            kind = cls._class_called(file["class"], file)
            parameters = file["parameters"]
            kind._compare_parameters(parameters, file)
            aligner = kind(**parameters)
            vars(aligner).update(file["fitted"])
        aligner._move(device)
        return aligner

    @classmethod
    def _class_called(cls, name: str, file: StateFile) -> type[Self]:
        # Of two classes of one name, in a notebook for instance, the later one replaces the other.
        kinds = (kind for kind in _with_subclasses(cls) if not inspect.isabstract(kind))
        known = {kind.__name__: kind for kind in kinds}
        if name not in known:
            raise ValueError(
                f"Expected {' or '.join(known)}; found {name} in {file.path}. Use {name}.load, or "
                "import the module that defines it first."
            )
        return known[name]

    @classmethod
    def _compare_parameters(cls, found: dict[str, Any], file: StateFile) -> None:
        known = list(inspect.signature(cls.__init__).parameters)[1:]
        for name in found:
            if name not in known:
                raise ValueError(
                    f"Expected parameters of {cls.__name__}; found {name!r} in {file.path}, which "
                    f"version {file.written_by} wrote.{did_you_mean(name, known)} This version "
                    "can't tell what it stood for: load the file with that one."
                )
        absent = [name for name in known if name not in found]
        if absent:
            warnings.warn(
                f"{file.path} was written by version {file.written_by}, in which "
                f"{cls.__name__} had no {', '.join(absent)}: here the defaults.",
                stacklevel=3,
            )

    def _move(self, device: str | None) -> None:
        """Settle on a device, and bring the networks there."""
        if device is not None:
            self.device = device
        self.device_ = _present(device, vars(self).get("device_"), getattr(self, "device", "auto"))
        for value in vars(self).values():
            if isinstance(value, nn.Module):
                value.to(self.device_)


def fitted_attributes(estimator: object) -> dict[str, Any]:
    """Return what ``fit`` has set, by scikit-learn's convention."""
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }


def _with_subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from _with_subclasses(subclass)


def _present(wanted: str | None, of_fit: str | None, parameter: str) -> str:
    if wanted is not None:
        return resolve_device(wanted)
    for name in (of_fit, parameter):
        try:
            return resolve_device(name or parameter)
        except ValueError as error:
            absent = error
    raise ValueError(
        f"{absent} The aligner was fitted there: pass device='cpu' to load."
    ) from absent
