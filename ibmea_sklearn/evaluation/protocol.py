"""The protocol of a figure, and its digest: the same rules have the same one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from .._utils.validation import AnyOf, Choice, Flag, Integer, Number, Range, did_you_mean

__all__ = ["Protocol"]

METHODS = ("csls", "cosine", "sinkhorn")
NAMES = ("given", "id", "none")
PUBLISHED = "published"
PARTS_TO_KEEP = ("attribute", "image", "text", "name")
# Raised where the same fields come to mean something else.
_EDITION = 1
_DIGITS = 12
# Fields that came later are told where they say anything: the digests of all others stay.
_LATER: dict[str, Any] = {"pool": "all", "keep": {}, "image_noise": 0.0}


class _Share(Number):
    """A number that says how much is learnt from."""

    def advice(self, value: Any) -> str:
        return " Choose a share between 0 and 1, such as 0.3, or 0 for no seeds."


@dataclass(frozen=True)
class Protocol:
    """The rules under which aligners are scored. Figures under different ones can't be compared.

    Immutable. Ranks are of both directions, and of ties half count.

    Parameters
    ----------
    train_ratio : float or "published", default=0.3
        Share of the links to learn from, drawn by the seed of a run. 0: no seeds, all links are
        test pairs. "published": the folds of an OpenEA folder, whose numbers are the seeds; that of
        a DBP15K folder in JAPE's form has the number 1.
    iterative : bool or None, default=False
        Whether pairs that are found may join the seeds. An aligner that has no rounds stays as it
        is. None leaves it to each aligner.
    candidates : {"pairs", "all"} or None, default="pairs"
        What is ranked: the targets of the test pairs, or all entities that are no seeds. None
        leaves it to each aligner.
    names : {"none", "id", "given"} or None, default="none"
        Names of the entities: none, the last parts of the ids, or those that come with the data.
        None: those of a folder or of graphs, and none in a data set by name.
    name_model : str or None, default=None
        What makes features of names, as of :func:`~ibmea_sklearn.featurizers.encode_names`. None
        leaves it to each aligner.
    dangling : float, default=0.0
        Share of the test pairs whose right entities are taken out of the second graph.
    matchings : sequence of {"csls", "cosine", "sinkhorn"}, default=("csls", "cosine", "sinkhorn")
        How entities are compared; each is a column. By the first, aligners are compared with each
        other. Without any, each aligner is compared its own way.
    csls_k : int, default=3
        Neighbours of CSLS.
    pool : {"all", "links"}, default="all"
        Where pairs that join the seeds are looked for: among all entities, or among those of the
        links alone, as in the published code of TMEA: that says who has a partner.
    keep : mapping of {str: float}, optional
        Share of the entities with a modality that keep it, on both sides: of "attribute", "image",
        "text" or "name". Those that lose it are drawn by the seed of the split.
    image_noise : float, default=0.0
        Share of the numbers of image features that are set to zero, before anything is learnt.

    Raises
    ------
    ValueError
        If a value is out of its range.

    See Also
    --------
    compare : Aligners on data sets under one protocol.

    Examples
    --------
    >>> from ibmea_sklearn.evaluation import Protocol
    >>> protocol = Protocol(train_ratio=0.2)
    >>> protocol.digest == Protocol(train_ratio=0.2).digest
    True
    >>> print(protocol)
    20% of the links as seeds, not iterative, candidates: targets of the test pairs, names: none, \
CSLS (k=3), also cosine and Sinkhorn, both directions
    """

    train_ratio: float | str = 0.3
    iterative: bool | None = False
    candidates: str | None = "pairs"
    names: str | None = "none"
    name_model: str | None = None
    dangling: float = 0.0
    matchings: tuple[str, ...] = METHODS
    csls_k: int = 3
    pool: str = "all"
    keep: Any = ()
    image_noise: float = 0.0

    _ranges: ClassVar[dict[str, Range]] = {
        "train_ratio": AnyOf(_Share(0, 1, "most"), PUBLISHED),
        "iterative": AnyOf(Flag(), None),
        "candidates": AnyOf(Choice("pairs", "all"), None),
        "names": AnyOf(Choice(*NAMES), None),
        "dangling": Number(0, 1, "most"),
        "csls_k": Integer(),
        "pool": Choice("all", "links"),
        "image_noise": Number(0, 1),
    }

    def __post_init__(self) -> None:
        """Check each field; a list of matchings becomes a tuple."""
        for name, range_ in self._ranges.items():
            range_.check(name, getattr(self, name))
        if self.name_model is not None and not isinstance(self.name_model, str):
            raise ValueError(
                f"Expected name_model to be a string or None; found {self.name_model!r}."
            )
        object.__setattr__(self, "matchings", _checked_methods(self.matchings))
        if self.train_ratio != PUBLISHED:
            object.__setattr__(self, "train_ratio", float(self.train_ratio))
        object.__setattr__(self, "dangling", float(self.dangling))
        object.__setattr__(self, "keep", _checked_shares(self.keep))
        object.__setattr__(self, "image_noise", float(self.image_noise))

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tell these rules from others."""
        said = json.dumps([_EDITION, self.to_dict()], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, as JSON can hold them.

        Returns
        -------
        dict of {str: object}
        """
        told = {**asdict(self), "matchings": list(self.matchings), "keep": dict(self.keep)}
        return {n: v for n, v in told.items() if n not in _LATER or v != _LATER[n]}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Protocol:
        """Make the protocol that :meth:`to_dict` has told.

        Parameters
        ----------
        told : dict of {str: object}

        Returns
        -------
        Protocol

        Raises
        ------
        ValueError
            If there is no such field, or a value is out of its range.
        """
        known = [field.name for field in fields(cls)]
        for name in told:
            if name not in known:
                raise ValueError(
                    f"Expected the fields {', '.join(known)} of a protocol; found "
                    f"{name!r}.{did_you_mean(name, known)}"
                )
        return cls(**told)

    def __str__(self) -> str:
        gone = f"{100 * self.dangling:g}% of the test pairs without a partner"
        model = f", compared by {self.name_model}" if self.name_model else ""
        parts = [
            self._said_seeds(),
            {False: "not iterative", True: "iterative", None: "iterative or not"}[self.iterative],
            f"candidates: {_CANDIDATES[self.candidates]}",
            f"names: {_NAMES[self.names]}{model}",
            *([gone] if self.dangling else []),
            *self._said_conditions(),
            self._said_matchings(),
            "both directions",
        ]
        return ", ".join(parts)

    def _said_seeds(self) -> str:
        if isinstance(self.train_ratio, str):
            return "published folds"
        return (
            f"{100 * self.train_ratio:g}% of the links as seeds" if self.train_ratio else "no seeds"
        )

    def _said_conditions(self) -> list[str]:
        said = [f"{100 * share:g}% of those with {what} keep it" for what, share in self.keep]
        if self.image_noise:
            said.append(f"{100 * self.image_noise:g}% of the image features set to zero")
        if self.pool == "links":
            said.append("pairs looked for among entities of the links alone")
        return said

    def _said_matchings(self) -> str:
        if not self.matchings:
            return "each aligner's own matching"
        said = [
            f"CSLS (k={self.csls_k})" if m == "csls" else METHODS_IN_WORDS[m]
            for m in self.matchings
        ]
        also = f", also {' and '.join(said[1:])}" if len(said) > 1 else ""
        return said[0] + also


METHODS_IN_WORDS = {"csls": "CSLS", "cosine": "cosine", "sinkhorn": "Sinkhorn"}
_CANDIDATES = {
    "pairs": "targets of the test pairs",
    "all": "all entities that are no seeds",
    None: "each aligner's own",
}
_NAMES = {
    "none": "none",
    "id": "last parts of the ids",
    "given": "those of the data",
    None: "as they come",
}


def _checked_methods(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        given = (given,)
    try:
        methods = tuple(given)
    except TypeError:
        raise ValueError(
            f"Expected matchings to be out of {', '.join(METHODS)}; found {given!r}."
        ) from None
    for method in methods:
        Choice(*METHODS).check("matchings", method)
    if len(set(methods)) < len(methods):
        raise ValueError(f"Expected each of matchings once; found {list(methods)}.")
    return methods


def _checked_shares(given: Any) -> tuple[tuple[str, float], ...]:
    """Return shares by modality, sorted."""
    try:
        shares = dict(given or {})
    except (TypeError, ValueError):
        raise ValueError(
            f"Expected keep to be a share for each modality, such as {{'image': 0.4}}; found "
            f"{given!r}."
        ) from None
    for modality, share in shares.items():
        Choice(*PARTS_TO_KEEP).check("keep", modality)
        Number(0, 1).check(f"keep of {modality}", share)
    return tuple(sorted((modality, float(share)) for modality, share in shares.items()))
