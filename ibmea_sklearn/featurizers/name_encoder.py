"""Vectors of the names of entities: a protocol of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._entity_texts import local_name, names_of_ids
from ._sentence_models import NGRAMS
from .text_encoder import BaseTextEncoder


class NameEncoder(BaseTextEncoder):
    """Turn the names of entities into vectors. Never on by default: see the notes.

    Parameters
    ----------
    model : "ngrams", name or path of a model, or callable, default="ngrams"
        As in :class:`TextEncoder`.
    source : "id" or list of attributes, default="id"
        Where names stand. "id": the last part of the entity's id, as "Bob Dylan" in
        ``http://dbpedia.org/resource/Bob_Dylan`` or ``dbr:Bob_Dylan``; an id that is no IRI is
        taken as it is. A list: the values of these attributes, such as labels.
    n_components : int or None, default=1024
        Width that n-grams are projected to; None leaves them in a sparse matrix.
    ngram_range : tuple (min_n, max_n), default=(2, 4)
    batch_size : int, default=64
        Names that a model gets at a time.
    device : str, default="auto"
    modality : str, default="name"
        Which features of the graphs to write.
    random_state : int, RandomState or None, default=0
        Seed of the projection.
    verbose : int, default=1
        0 hides the progress bar of a model.

    Attributes
    ----------
    n_features_out_ : int
        Number of columns.

    See Also
    --------
    TextEncoder : The same for other texts.

    Notes
    -----
    **Names are another protocol.** Benchmarks of entity alignment were often made by matching
    names, or from links between articles of the same title: who uses them solves another task, and
    much of it without any graph. Report results with names apart from those without, and say which
    names, as they are or translated. This is why no default of this package uses them.

    On graphs whose ids are opaque, such as Freebase's ``/m/027rn``, ids say nothing; name the
    attribute that holds labels. Alone, it takes a list, array or series of names or ids; in a
    table, the cells of a row are parts of one name.

    How much names give away: Hits@1 of the cosine of these features, no training and no graph, 70%
    of the links as test pairs (random), their right entities as candidates. DBP15K zh-en .091,
    ja-en .083: names as they are, in different scripts, so what holds Latin letters or digits. The
    words of DBP15K zh-en translated into English, by :class:`TextEncoder`: .692. The emoji pair
    .296: names in English and in German. (CSLS with k=3: .090, .084, .738, .319.)

    Examples
    --------
    >>> from ibmea_sklearn import KnowledgeGraph, SeedPairs
    >>> from ibmea_sklearn.featurizers import NameEncoder
    >>> kg1 = KnowledgeGraph([("http://dbpedia.org/resource/Bob_Dylan", "born in", "dbr:Duluth")])
    >>> kg2 = KnowledgeGraph([("Dylan, Bob", "Geburtsort", "Duluth (Minnesota)")])
    >>> new = NameEncoder().fit_transform(SeedPairs(kg1, kg2, []))
    >>> one, two = (kg.features["name"].values for kg in (new.kg1, new.kg2))
    >>> (one @ two.T).argmax(axis=1)
    array([0, 1])
    """

    _sources = {"id": names_of_ids}
    _joint = " "

    def __init__(
        self,
        model: str | Callable[[list[str]], Any] = NGRAMS,
        *,
        source: str | Sequence[str] = "id",
        n_components: int | None = 1024,
        ngram_range: tuple[int, int] = (2, 4),
        batch_size: int = 64,
        device: str = "auto",
        modality: str = "name",
        random_state: int | np.random.RandomState | None = 0,
        verbose: int = 1,
    ) -> None:
        self.model = model
        self.source = source
        self.n_components = n_components
        self.ngram_range = ngram_range
        self.batch_size = batch_size
        self.device = device
        self.modality = modality
        self.random_state = random_state
        self.verbose = verbose

    def _said(self, cell: str, name: str | None = None) -> str:
        return local_name(cell)
