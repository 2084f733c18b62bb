"""One transformer a modality: what ColumnTransformer is to the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._utils.device import resolve_device
from .._utils.validation import Integer, Range
from ..graph import KnowledgeGraph, ModalityFeatures, SeedPairs
from ._choice import NAMED, Maker, choose
from .base import ViewTransformer, checked_view, graphs_of, no_features, shared_width


class ModalityFeaturizer(ViewTransformer):
    """Give both graphs features of every modality, each made by a transformer of its own.

    What :class:`sklearn.compose.ColumnTransformer` is to the columns of a table.

    Parameters
    ----------
    relation, attribute, image, text, value, name : "default", "drop", "passthrough" or \
transformer, default="default"
        What makes the features of each modality.

        - "default": features that the graphs have stay as they are. Where there are none, and any
          entity has raw data: :class:`BagOfRelations`, :class:`BagOfAttributes`, and
          :class:`ImageEncoder` followed by :class:`NeighborMeanImputer`; nothing for texts.
          :class:`AttributeValues` where both graphs have attributes with values, not names alone;
          :class:`NameNGrams` where both have names.
        - "drop": no features, even where there are some.
        - "passthrough": features that the graphs have, and no others.
        - A featurizer of this package, such as ``BagOfRelations(100)``.
        - Any scikit-learn transformer, such as ``PCA(128)``: fitted on the rows of both graphs
          together that have the modality. It gets the features that the graphs have; where there
          are none, those of :class:`BagOfRelations`, :class:`BagOfAttributes`,
          :class:`AttributeValues`, :class:`NameNGrams` or :class:`ImageEncoder`, and for `text` the
          texts themselves, one string an entity (so ``TfidfVectorizer()`` works).
        - A :class:`sklearn.pipeline.Pipeline` of both kinds, such as
          ``make_pipeline(ImageEncoder(), PCA(128), NeighborMeanImputer())``.
    transformers : mapping {modality: as above}, optional
        The same for modalities of the user's own.
    remainder : "default", "drop", "passthrough" or transformer, default="default"
        What is done to all modalities that are left at "default", and to features that the graphs
        have and that are not named in `transformers`. "default" keeps those as they are. "drop"
        leaves nothing but what is named. A transformer is fitted for each of them anew, where there
        are features or a default that makes them.
    device : str, default="auto"
        Where the default image encoder runs.
    verbose : int, default=1
        0 hides the progress bar of the default image encoder.

    Attributes
    ----------
    transformers_ : dict of {str: fitted transformer, "drop" or "passthrough"}
        By modality, those that the graphs of `fit` had data for.
    n_features_out_ : dict of {str: int}
        Width of the features by modality.

    See Also
    --------
    BagOfRelations, BagOfAttributes, ImageEncoder, NeighborMeanImputer : The defaults.
    AttributeValues, NameNGrams : The defaults for values and names.
    TextEncoder, NameEncoder : For texts, and for names by a trained model, on request.

    Notes
    -----
    Both graphs have every modality afterwards that either had data for, with the same width: where
    one has none of it, its features are zeros and their mask is False. Parameters inside are
    reached by name, as in ``set_params(image__n_components=64)``; those of a modality of the
    user's own by the name of the modality.

    A modality of one's own takes one line, ``transformers={"said": TextEncoder(source="values",
    modality="said")}``, and is aligned by like any other. How much it is compressed is searched as
    ``ibmeaaligner__betas=[{"said": 1e-3}, {"said": 1e-1}]``.

    Examples
    --------
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import ModalityFeaturizer
    >>> kg1 = KnowledgeGraph([("a", "knows", "b"), ("b", "likes", "c")], {"a": {"born": 1990}})
    >>> kg2 = KnowledgeGraph([("x", "knows", "y"), ("y", "likes", "z")])
    >>> pairs = SeedPairs(kg1, kg2, [("a", "x")])
    >>> featurizer = ModalityFeaturizer(relation=TruncatedSVD(2, random_state=0))
    >>> new = featurizer.fit_transform(pairs)
    >>> featurizer.get_feature_names_out()
    array(['relation__truncatedsvd0', 'relation__truncatedsvd1',
           'attribute__born'], dtype=object)
    >>> new.kg2.features["attribute"].mask
    array([False, False, False])
    >>> featurizer.set_params(relation__n_components=1).fit_transform(pairs).kg1.features[
    ...     "relation"].values.shape
    (3, 1)
    """

    ranges: ClassVar[Mapping[str, Range]] = {
        **dict.fromkeys([*NAMED, "remainder"], Maker()),
        "verbose": Integer(0),
    }

    def __init__(
        self,
        relation: Any = "default",
        attribute: Any = "default",
        image: Any = "default",
        text: Any = "default",
        value: Any = "default",
        name: Any = "default",
        transformers: Mapping[str, Any] | None = None,
        *,
        remainder: Any = "default",
        device: str = "auto",
        verbose: int = 1,
    ) -> None:
        self.relation = relation
        self.attribute = attribute
        self.image = image
        self.text = text
        self.value = value
        self.name = name
        self.transformers = transformers
        self.remainder = remainder
        self.device = device
        self.verbose = verbose

    def fit(self, X: SeedPairs, y: Any = None) -> Self:
        """Learn from both graphs.

        Parameters
        ----------
        X : SeedPairs
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `X` is not a view, or a parameter is no transformer.
        ValueError
            If a transformer was asked for and neither graph has data for it, if the graphs have
            features of different widths, or if one has features where the other has raw data.
        """
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: SeedPairs, y: Any = None) -> SeedPairs:
        """Learn from both graphs, and return them with features.

        Parameters
        ----------
        X : SeedPairs
        y : None
            Ignored.

        Returns
        -------
        SeedPairs
            The same pairs; `X` itself where there is nothing to do.

        Raises
        ------
        TypeError, ValueError
            As :meth:`fit`.
        """
        self.check_parameters()
        resolve_device(self.device)
        X = checked_view(X, "ModalityFeaturizer.fit")
        options = {"device": self.device, "verbose": self.verbose}
        chosen = {
            m: choose(X, m, given, self.remainder, options) for m, given in self._given(X).items()
        }
        self.transformers_ = {m: t for m, t in chosen.items() if t is not None}
        views = {
            m: t.fit_transform(X) if not isinstance(t, str) else X
            for m, t in self.transformers_.items()
        }
        new = self._merged(X, views)
        self.n_features_out_ = {
            m: shared_width(new, m) for m, t in self.transformers_.items() if t != "drop"
        }
        return new

    def transform(self, X: SeedPairs) -> SeedPairs:
        """Return a view on graphs with features.

        Parameters
        ----------
        X : SeedPairs
            May be on other graphs than those of `fit`.

        Returns
        -------
        SeedPairs
            The same pairs; `X` itself where there is nothing to do.

        Raises
        ------
        TypeError
            If `X` is not a view.
        ValueError
            If features that `fit` found in the graphs are absent here, or of another width.
        """
        check_is_fitted(self)
        X = checked_view(X, "ModalityFeaturizer.transform")
        for modality, transformer in self.transformers_.items():
            if transformer == "passthrough":
                self._check_width(X, modality)
        views = {
            m: t.transform(X) if not isinstance(t, str) else X
            for m, t in self.transformers_.items()
        }
        return self._merged(X, views)

    def _given(self, X: SeedPairs) -> dict[str, Any]:
        """Return what is to be done to each modality: parameters, then features not named."""
        if not isinstance(self.transformers or {}, Mapping):
            raise TypeError(
                "Expected transformers to be a mapping {modality: transformer}; found "
                f"{self.transformers!r}."
            )
        own = self._own()
        for modality in own:
            _check_own(modality, super().get_params(deep=False))
        named = {m: getattr(self, m) for m in NAMED}
        present = {m: "default" for kg in graphs_of(X) for m in kg.features if m not in named}
        return {**named, **present, **own}

    def _merged(self, X: SeedPairs, views: Mapping[str, SeedPairs]) -> SeedPairs:
        """Gather the features of each modality from the view that has them."""
        new: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for modality, view in views.items():
            for kg, here, changes in zip(graphs_of(X), graphs_of(view), new, strict=True):
                features = self._features(view, here, modality)
                if features is not kg.features.get(modality):
                    changes[modality] = features
        if not any(new):
            return X
        return X.with_graphs(X.kg1.with_features(**new[0]), X.kg2.with_features(**new[1]))

    def _features(
        self, view: SeedPairs, kg: KnowledgeGraph, modality: str
    ) -> ModalityFeatures | None:
        if self.transformers_[modality] == "drop":
            return None
        width = shared_width(view, modality)
        if modality in kg.features:
            return kg.features[modality]
        other = view.kg1 if kg is view.kg2 else view.kg2
        return no_features(kg, width, sparse.issparse(other.features[modality].values))

    def _check_width(self, X: SeedPairs, modality: str) -> None:
        width = shared_width(X, modality)
        if width != self.n_features_out_[modality]:
            raise ValueError(
                f"Expected {modality} features of width {self.n_features_out_[modality]}, as in "
                f"fit; found {width}."
            )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Name the columns of all modalities, as in ``"relation__spouse"``.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        ndarray of shape (n_features,), object
        """
        check_is_fitted(self)
        names = [
            f"{modality}__{name}"
            for modality, width in self.n_features_out_.items()
            for name in _names_out(self.transformers_[modality], modality, width)
        ]
        return np.asarray(names, object)

    def _own(self) -> dict[str, Any]:
        # Anything may be set; `fit` is what complains.
        return dict(self.transformers) if isinstance(self.transformers, Mapping) else {}

    def _sk_visual_block_(self) -> Any:
        """Draw the modalities side by side, as scikit-learn draws a ColumnTransformer."""
        # Where scikit-learn has moved this, it draws the estimator as one box.
        from sklearn.utils._repr_html.estimator import _VisualBlock

        shown = getattr(self, "transformers_", None)
        if shown is None:
            shown = {**{m: getattr(self, m) for m in NAMED}, **self._own()}
            shown["remainder"] = self.remainder
        return _VisualBlock("parallel", list(shown.values()), names=list(shown))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, those inside the transformers included.

        Parameters
        ----------
        deep : bool, default=True

        Returns
        -------
        dict
        """
        params = super().get_params(deep=deep)
        for modality, transformer in self._own().items() if deep else ():
            params[modality] = transformer
            if hasattr(transformer, "get_params") and not isinstance(transformer, type):
                inside = transformer.get_params(deep=True)
                params.update({f"{modality}__{name}": value for name, value in inside.items()})
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name, those inside the transformers included.

        Parameters
        ----------
        **params
            As in ``set_params(image="drop", relation__n_features=100)``.

        Returns
        -------
        self
        """
        if "transformers" in params:
            self.transformers = params.pop("transformers")
        own = {m: params.pop(m) for m in self._own() if m in params}
        if own:
            # The mapping is the caller's: never written to.
            self.transformers = {**self._own(), **own}
        for modality in self._own():
            prefix = f"{modality}__"
            inside = {name: params.pop(name) for name in [*params] if name.startswith(prefix)}
            if inside:
                inside = {name.removeprefix(prefix): value for name, value in inside.items()}
                self._own()[modality].set_params(**inside)
        super().set_params(**params)
        return self


def _check_own(modality: Any, parameters: Mapping[str, Any]) -> None:
    """Refuse names of modalities that parameters have, or that couldn't be searched by."""
    if modality in NAMED:
        raise ValueError(
            f"Expected modalities of your own in `transformers`; found {modality!r}. "
            f"Pass it as {modality}=... instead."
        )
    if not isinstance(modality, str) or not modality or "__" in modality or modality in parameters:
        raise ValueError(
            "Expected modalities in `transformers` to be called by strings without '__' that are "
            f"no parameters of ModalityFeaturizer; found {modality!r}. Choose another name."
        )


def _names_out(transformer: Any, modality: str, width: int) -> np.ndarray:
    if isinstance(transformer, (ViewTransformer, Pipeline)):
        return transformer.get_feature_names_out()
    return np.asarray([f"{modality}{i}" for i in range(width)], object)
