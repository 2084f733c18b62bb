"""How entities of two graphs are compared, as one object of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse

from .._utils.device import resolve_device
from .._utils.estimator import Estimator
from .._utils.validation import AnyOf, Choice, Flag, Integer, Range, checked_integer
from ._assign import assign_allowed
from ._blocker import Blocker
from ._candidates import Candidates, candidates_of, sketched, sums_of
from ._faiss import SEARCH, scores_by
from ._held_products import held
from ._listed import ListedScores, checked_listed, cosines_listed, csls_listed, sinkhorn_listed
from ._scores import Scores, checked_indices, cosine_scores, csls_scores
from ._sinkhorn import (
    TEMPERATURE,
    SinkhornScores,
    of_vectors,
    probable_candidates,
    sinkhorn_scores,
)

# Pairs of entities that an aligner compares without a blocker, unless it is told to.
MOST_PAIRS = 20_000**2
# Bytes of inner products that are held for several matchings.
_MOST_HELD = 2 << 30


class _Device(Range):
    """None, or what torch can put a tensor on."""

    expected = "None, 'auto', or a device that torch can use here"

    def admits(self, value: Any) -> bool:
        try:
            return value is None or bool(resolve_device(str(value)))
        except ValueError:
            return False

    def advice(self, value: Any) -> str:
        return " Pass device='cpu'."


class Matching(Estimator):
    """How entities are compared, and how the best are looked for.

    Settings: nothing is learnt, and the methods take the vectors to compare. All of them work in
    blocks; no matrix of all pairs is ever held.

    Parameters
    ----------
    method : {"sinkhorn", "csls", "cosine"}, default="sinkhorn"
        "csls" and "sinkhorn" compare all sources and all targets at once: say so in a protocol.
        With "sinkhorn" the score is the probability of a pair. Targets that are no candidates come
        after all that are, by their cosine, with score 0.
    csls_k : int, default=3
        Neighbours that CSLS averages over.
    n_candidates : int, default=100
        Of Sinkhorn: candidates that each entity of either side chooses.
    temperature : float, default=0.02
        Of Sinkhorn; the lower, the nearer to an assignment.
    n_iterations : int, default=15
        Of Sinkhorn: alternations of row and column normalisation.
    search : {"auto", "exact", "faiss", "blocked"}, default="auto"
        "exact" compares all pairs. "faiss" compares each source with some of the targets, in a
        fraction of the time; some of the best are missed. It needs the extra ``faiss``. Below 1,000
        targets it is exact, and :meth:`ranks` always is. "blocked" compares candidates alone: those
        that a method is given, in an aligner those that `blocker` lists. "auto" is "exact", in an
        aligner "blocked" above 400,000,000 pairs, 20,000 entities a side. ``PARISAligner``, whose
        vectors are sparse, compares all pairs in any case.
    blocker : Blocker, optional
        What lists the candidates of an aligner.
    sketch_width : int, "auto" or None, default="auto"
        Of Sinkhorn: choose candidates by random sums of columns, this many, where embeddings are
        wider. Faster, but a few of the best are missed. "auto" is 2,048 sums where embeddings have
        more than 8,192 columns and there are more than 25,000,000 pairs. None chooses by all
        columns, as :meth:`ranks` always does.
    normalize : bool, default=True
        Scale rows to unit length; else the similarity is the inner product.
    device : str, torch.device or None, default=None
        "auto" takes the best there is. None is that of the aligner these settings belong to, else
        the CPU.
    block_bytes : int or None, default=None
        Size of a block of scores. What is needed besides is a fraction of it. A block for which
        memory runs out is halved. None is 32 MiB, or what 256 sources need, up to 256 MiB.

    See Also
    --------
    sinkhorn : Probabilities on given similarities.
    csls : CSLS of a matrix at hand.

    Notes
    -----
    **Ties.** Scores that differ by no more than the rounding of a float32 product are the same.

    - :meth:`ranks`: half of those with the same score count.
    - :meth:`mutual_nearest`: who has two best ones is in no pair.
    - :meth:`candidate_similarities`, and so Sinkhorn: where the last candidate of an entity equals
      the first one left out, it chooses none of those that equal it.
    - :meth:`top_k`: the lower row number first. :meth:`assign`: among its best `n_candidates` by
      :meth:`top_k`, any of the best assignments. No rule on vectors can do better there: whoever
      calls these must order rows so that a lower number means nothing. Aligners order entities by a
      hash of their ids.

    **Chance.** There is no ``random_state``: the same vectors always get the same answers. Drawn
    from fixed seeds are the signs of a sketch, the vectors that faiss learns its lists from, and
    the order of rows and columns in which an assignment is solved. With ``search="faiss"`` and with
    a sketch, which of the best are missed may depend on the order of rows or columns.

    **faiss.** Targets lie in lists of similar ones, of which a tenth is looked at: an inverted file
    of product quantization codes (Johnson et al., 2019), and exact scores of twice as many as are
    asked for, 64 at least. For the best 10 of 100,000 entities a side, of width 600, it takes 17 s
    instead of 59 s on two CPU cores, and finds 97% of the best ones; of 30,000, 3.8 instead of
    5.4 s.

    **Candidates that are given.** Of all methods, `candidates` lists the pairs that are compared;
    no other is looked at, so that the cost grows with their number. With all pairs listed, the
    answers are those of the exact search. CSLS means are over each entity's best among its
    candidates. Of a listed pair an entry of 0 counts as well.

    **Sketch.** A count sketch (Charikar et al., 2002): each column is added, with a random sign, to
    one of the sums. Hits@1 of the free entities of DBP15K zh-en under Sinkhorn, by 4,096
    propagated labels: .714 with 100 exact candidates, .710 with 50 chosen by 1,024 sums, .699 with
    50 chosen by 512; a fourth of the columns as they are, in place of 1,024 sums: .703. With names
    and no seed, of 12,290 columns, `align` of one fit takes 62 CPU s with 2,048 sums and 146
    without; of all links .9427 and .9431 are among its matches.

    **Candidates.** More than 100 cost time and win nothing. The 10,500 test pairs of DBP15K zh-en
    by propagated labels, ranked by Sinkhorn, have Hits@1 / Hits@10 / MRR of .717/.853/.768 with 500
    candidates, .717/.852/.768 with 200, .717/.854/.768 with 100; with 50, Hits@1 is .714.

    References
    ----------
    A. Conneau et al., "Word translation without parallel data", ICLR 2018 (CSLS).

    X. Mao et al., "LightEA: A Scalable, Robust, and Interpretable Entity Alignment Framework via
    Three-view Label Propagation", EMNLP 2022 (Sinkhorn).

    J. Johnson, M. Douze, H. Jégou, "Billion-scale similarity search with GPUs", IEEE Transactions
    on Big Data 2019.

    M. Charikar, K. Chen, M. Farach-Colton, "Finding frequent items in data streams", ICALP 2002.

    Examples
    --------
    >>> from ibmea_sklearn.matching import Matching
    >>> sources, targets = [[1, 0], [1, 1], [0, 1]], [[0, 2], [3, 0.1]]
    >>> pairs, scores = Matching("cosine").mutual_nearest(sources, targets)
    >>> pairs
    array([[0, 1],
           [2, 0]])
    """

    ranges: ClassVar[Mapping[str, Range]] = {
        "method": Choice("sinkhorn", "csls", "cosine"),
        "csls_k": Integer(),
        "n_candidates": Integer(),
        "temperature": TEMPERATURE,
        "n_iterations": Integer(),
        "search": SEARCH,
        "sketch_width": AnyOf(Integer(), "auto", None),
        "normalize": Flag(),
        "device": _Device(),
        "block_bytes": AnyOf(Integer(), None),
    }

    settings = {"blocker": Blocker}

    def __init__(
        self,
        method: str = "sinkhorn",
        *,
        csls_k: int = 3,
        n_candidates: int = 100,
        temperature: float = 0.02,
        n_iterations: int = 15,
        search: str = "auto",
        blocker: Blocker | None = None,
        sketch_width: int | str | None = "auto",
        normalize: bool = True,
        device: str | torch.device | None = None,
        block_bytes: int | None = None,
    ) -> None:
        self.method = method
        self.csls_k = csls_k
        self.n_candidates = n_candidates
        self.temperature = temperature
        self.n_iterations = n_iterations
        self.search = search
        self.blocker = blocker
        self.sketch_width = sketch_width
        self.normalize = normalize
        self.device = device
        self.block_bytes = block_bytes

    def check_parameters(self, prefix: str = "") -> None:
        """Raise an error at the first parameter that is out of its range.

        Parameters
        ----------
        prefix : str, default=""
            What stands before each name in messages, such as ``"matching__"``.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        ImportError
            If `search` is "faiss", and faiss is not installed.
        """
        super().check_parameters(prefix)
        scores_by(self.search)

    def top_k(
        self,
        sources: Any,
        targets: Any,
        k: int,
        rows: Any = None,
        forbidden: Any = None,
        candidates: Any = None,
        seen: Candidates | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the best k targets of each source.

        Up to `n_candidates` best targets by Sinkhorn cost no more than the candidates do.

        Parameters
        ----------
        sources : array-like of shape (n, d)
            Embeddings, taken as float32. A row of zeros is equally far from all. Both sides may be
            scipy sparse matrices: they are compared exactly, on the CPU.
        targets : array-like of shape (m, d)
        k : int
            Clipped to m.
        rows : array-like of int of shape (n_rows,), optional
            Answer for these sources only. All others still count in CSLS and Sinkhorn: what to use
            for a few out of many.
        forbidden : array-like of int of shape (n_pairs, 2), optional
            Row numbers of source and target of pairs that are never matched: they come after all
            others.
        candidates : sparse matrix of shape (n, m), optional
            The pairs that are compared at all: those with an entry, such as :class:`Blocker` lists.
            Where both sides are None, the entries are their similarities. See the notes of the
            class.
        seen : Candidates, optional
            What :meth:`probable_candidates` of these settings has found of the same sources,
            targets and forbidden pairs: by Sinkhorn they are not looked for again.

        Returns
        -------
        scores : float32 ndarray of shape (n, k) or (n_rows, k)
            Best first. That of a forbidden pair is minus infinity, with "sinkhorn" 0.
        indices : int64 ndarray of the same shape
            Row numbers of `targets`; the lower one first where scores are equal, which no rule on
            vectors can do better: order targets so that a lower number means nothing. -1 where a
            source has fewer candidates than `k`, with the score of a forbidden pair.

        Raises
        ------
        ValueError
            If embeddings are empty, not finite or of different widths, `rows` are not row numbers
            of `sources`, or a parameter is out of range.
        ImportError
            If `search` is "faiss", and faiss is not installed.
        MemoryError
            If there is no memory for one row of scores.

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> sources, targets = [[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]]
        >>> scores, indices = Matching("cosine").top_k(sources, targets, k=2)
        >>> indices
        array([[0, 2],
               [1, 2]])
        >>> scores.round(2)
        array([[0.95, 0.71],
               [1.  , 0.71]], dtype=float32)
        """
        k = checked_integer(k, "k")
        every = self._scores(sources, targets, forbidden, candidates, seen=seen)
        scores = _of_rows(every, rows)
        values, indices = scores.top_k(min(k, scores.shape[1]))
        return scores.published(values), indices

    def ranks(
        self,
        sources: Any,
        targets: Any,
        true: Any,
        rows: Any = None,
        forbidden: Any = None,
        candidates: Any = None,
    ) -> np.ndarray:
        """Rank the true target of each source among all targets.

        Always exact: `search` and `sketch_width` do not count here.

        Parameters
        ----------
        sources : array-like of shape (n, d)
        targets : array-like of shape (m, d)
        true : array-like of int of shape (n,) or (n_rows,)
            Row number in `targets` of what each source, or each of `rows`, should find.
        rows : array-like of int of shape (n_rows,), optional
            Answer for these sources only. All others still count in CSLS and Sinkhorn.
        forbidden : array-like of int of shape (n_pairs, 2), optional
            As in :meth:`top_k`.
        candidates : sparse matrix of shape (n, m), optional
            As in :meth:`top_k`. A true target that is none of them ranks after all that are, in the
            middle of the others, as if these had all the same score: no hit is won by leaving
            targets out.

        Returns
        -------
        float64 ndarray of shape (n,) or (n_rows,)
            1 is best: 1 + the number of targets with a greater score + half of the others with the
            same score. Scores that differ by no more than the rounding of a float32 product are the
            same. With "sinkhorn", targets that are no candidates rank after all candidates, by
            their cosine: a miss costs its true rank, not a constant.

        Raises
        ------
        ValueError, ImportError, MemoryError
            As :meth:`top_k`; and if `true` is of another length, or names a row that is not there.

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> cosine = Matching("cosine")
        >>> cosine.ranks([[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]], true=[0, 2])
        array([1., 2.])

        Who scores all targets the same gets no hit:

        >>> cosine.ranks([[1, 0], [1, 0]], [[1, 0], [1, 0], [1, 0]], true=[0, 1])
        array([2., 2.])
        """
        scores = self._scores(sources, targets, forbidden, candidates, is_exact=True)
        scores = _of_rows(scores, rows)
        return scores.ranks(_checked_true(true, *scores.shape))

    def hold(self, sources: Any, targets: Any) -> tuple[Any, Any]:
        """Take all inner products once, where several matchings are to look at the same vectors.

        Parameters
        ----------
        sources : array-like of shape (n, d), or None
        targets : array-like of shape (m, d), or None

        Returns
        -------
        sources, targets
            What stands for them in the other methods, of this matching and of others with the same
            ``normalize`` and ``device``. What is sparse, kept in blocks, or of more than 2 GB of
            products is returned as it is.

        Raises
        ------
        ValueError
            As :meth:`top_k`.

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> held = Matching().hold([[1, 0], [0, 2]], [[3, 1], [0, 1], [1, 1]])
        >>> [Matching(m).ranks(*held, true=[0, 2]).tolist() for m in ("cosine", "csls")]
        [[1.0, 2.0], [1.0, 2.0]]
        """
        if sources is None or targets is None:
            return sources, targets
        cosine = self._cosine(sources, targets, Scores)
        n, m = cosine.shape
        if not isinstance(cosine.left, torch.Tensor) or 4 * n * m > _MOST_HELD:
            return sources, targets
        return held(cosine.left, cosine.right)

    def mutual_nearest(
        self, sources: Any, targets: Any, forbidden: Any = None, candidates: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the pairs of which each is the single best of the other.

        Parameters
        ----------
        sources : array-like of shape (n, d)
        targets : array-like of shape (m, d)
        forbidden : array-like of int of shape (n_pairs, 2), optional
            Row numbers of source and target of pairs that are never matched.
        candidates : sparse matrix of shape (n, m), optional
            As in :meth:`top_k`.

        Returns
        -------
        pairs : int64 ndarray of shape (n_pairs, 2)
            Row numbers of source and target, by source; each at most once. Where another one is as
            good, to the rounding of a float32 product, there is no pair: so the pairs do not depend
            on the order of rows.
        scores : float32 ndarray of shape (n_pairs,)
            Of the pairs, as :meth:`top_k` returns them. With "sinkhorn" that is the probability of
            the pair, the entry of :func:`sinkhorn` on its candidates: a confidence at no extra
            cost.

        Raises
        ------
        ValueError, ImportError, MemoryError
            As :meth:`top_k`.

        See Also
        --------
        assign : Matches all that can be matched.

        Examples
        --------
        The first two sources are equal, so neither is the best of its target:

        >>> from ibmea_sklearn.matching import Matching
        >>> sources, targets = [[1, 0], [1, 0], [0, 1]], [[3, 1], [0, 2]]
        >>> Matching("cosine").mutual_nearest(sources, targets)[0]
        array([[2, 1]])
        """
        scores = self._scores(sources, targets, forbidden, candidates)
        pairs, values = scores.mutual()
        return pairs, scores.published(values)

    def assign(
        self,
        sources: Any,
        targets: Any,
        n_candidates: int = 50,
        forbidden: Any = None,
        candidates: Any = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Match one to one: as many as can be, and so that the total score is largest.

        Parameters
        ----------
        sources : array-like of shape (n, d)
        targets : array-like of shape (m, d)
        n_candidates : int, default=50
            Best targets of each source, by :meth:`top_k`, out of which it may get one. Where more
            of them are equal, those with the lower row numbers: order targets so that a lower
            number means nothing.
        forbidden : array-like of int of shape (n_pairs, 2), optional
            Row numbers of source and target of pairs that are never matched.
        candidates : sparse matrix of shape (n, m), optional
            As in :meth:`top_k`.

        Returns
        -------
        pairs : int64 ndarray of shape (n_pairs, 2)
            Row numbers of source and target, by source; each at most once.
        scores : float32 ndarray of shape (n_pairs,)
            Of the pairs, as :meth:`top_k` returns them.

        Raises
        ------
        ValueError, ImportError, MemoryError
            As :meth:`top_k`.

        See Also
        --------
        ibmea_sklearn.matching.assign : The assignment alone, on given scores.

        Examples
        --------
        Both sources like target 0 best. The total is largest if the second one gives way:

        >>> from ibmea_sklearn.matching import Matching
        >>> sources, targets = [[1, 0], [1, 0.5]], [[1, 0.1], [1, 1]]
        >>> Matching("cosine").assign(sources, targets)[0]
        array([[0, 0],
               [1, 1]])
        """
        n_candidates = checked_integer(n_candidates, "n_candidates")
        scores = self._scores(sources, targets, forbidden, candidates)
        values, indices = scores.top_k(min(n_candidates, scores.shape[1]))
        shown = scores.published(values)
        allowed = values > -np.inf
        pairs = assign_allowed(shown.astype(np.float64), indices, scores.shape[1], allowed)
        place = (indices[pairs[:, 0]] == pairs[:, 1, None]).argmax(axis=1)
        return pairs, shown[pairs[:, 0], place]

    def candidate_similarities(
        self, sources: Any, targets: Any, forbidden: Any = None, candidates: Any = None
    ) -> sparse.csr_array:
        """Cosine of each source with its best targets, and of each target with its best sources.

        Both sides choose, so the matrix transposes when the sides swap. What `method` is, does not
        matter. One copy of a block is needed besides.

        Parameters
        ----------
        sources : array-like of shape (n, d)
        targets : array-like of shape (m, d)
        forbidden : array-like of int of shape (n_pairs, 2), optional
            Row numbers of source and target of pairs that are never matched.
        candidates : sparse matrix of shape (n, m), optional
            As in :meth:`top_k`.

        Returns
        -------
        float32 csr_array of shape (n, m)
            With at most ``(n + m) * n_candidates`` entries; a similarity of 0 is stored as well.
            All are exact, however they were chosen. Who has more than `n_candidates` that are
            equally good chooses none of those, and may be chosen by others only.

        Raises
        ------
        ValueError, ImportError, MemoryError
            As :meth:`top_k`.

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> sources, targets = [[1, 0], [0, 2]], [[3, 0], [4, 3], [0, 1]]
        >>> Matching(n_candidates=1).candidate_similarities(sources, targets).toarray()
        array([[1. , 0.8, 0. ],
               [0. , 0. , 1. ]], dtype=float32)
        """
        return self._chosen(sources, targets, forbidden, candidates)[0]

    def candidate_places(
        self, sources: Any, targets: Any, forbidden: Any = None
    ) -> sparse.csr_array:
        """Tell who is whose candidate, as :meth:`candidate_similarities` chooses them.

        For whoever compares candidates by something else: they are not compared exactly here.

        Parameters
        ----------
        sources : array-like of shape (n, d)
        targets : array-like of shape (m, d)
        forbidden : array-like of int of shape (n_pairs, 2), optional
            Row numbers of source and target of pairs that are never matched.

        Returns
        -------
        float32 csr_array of shape (n, m)
            Of which only the places count. Rows and columns of zeros have none.

        Raises
        ------
        ValueError, ImportError, MemoryError
            As :meth:`top_k`.

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> how = Matching(n_candidates=1)
        >>> how.candidate_places([[1, 0], [0, 2]], [[3, 0], [4, 3], [0, 1]]).nonzero()[1].tolist()
        [0, 1, 2]
        """
        self.check_parameters()
        cosine = self._cosine(sources, targets, scores_by(self.search))
        cosine.forbidden = _checked_forbidden(forbidden, cosine.shape)
        width = sums_of(cosine, self.sketch_width)
        scores = cosine if width is None else sketched(cosine, width)
        return of_vectors(scores.candidates(self.n_candidates), cosine)

    def probable_candidates(
        self, sources: Any, targets: Any, forbidden: Any = None, candidates: Any = None
    ) -> Candidates:
        """Return the candidates of both sides, how similar they are, and how probable by Sinkhorn.

        What `method` is, does not matter.

        Parameters
        ----------
        sources : array-like of shape (n, d)
        targets : array-like of shape (m, d)
        forbidden : array-like of int of shape (n_pairs, 2), optional
            Row numbers of source and target of pairs that are never matched.
        candidates : sparse matrix of shape (n, m), optional
            As in :meth:`top_k`.

        Returns
        -------
        Candidates
            By row, and by column within: ``rows``, ``columns``, ``similarities``, the cosines, and
            ``logs``, the logarithms of :func:`sinkhorn`. Rows and columns of zeros have none.

        Raises
        ------
        ValueError, ImportError, MemoryError
            As :meth:`top_k`.

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> seen = Matching(n_candidates=1).probable_candidates([[1, 0], [0, 2]], [[3, 0], [4, 3]])
        >>> seen.rows.tolist(), seen.columns.tolist(), seen.similarities.round(1).tolist()
        ([0, 0, 1], [0, 1, 1], [1.0, 0.800000011920929, 0.6000000238418579])
        """
        chosen, cosine = self._chosen(sources, targets, forbidden, candidates)
        kept = chosen if cosine is None else of_vectors(chosen, cosine)
        return probable_candidates(kept, self.temperature, self.n_iterations)

    def _chosen(
        self, sources: Any, targets: Any, forbidden: Any, candidates: Any
    ) -> tuple[sparse.csr_array, Scores | None]:
        """Similarities of what both sides choose, and the vectors' cosine, if there are any."""
        self.check_parameters()
        if candidates is not None:
            cosine, listed = self._listed(sources, targets, candidates)
            listed = listed.without(_checked_forbidden(forbidden, listed.shape))
            return listed.candidates(self.n_candidates), cosine
        every = self._cosine(sources, targets, scores_by(self.search))
        every.forbidden = _checked_forbidden(forbidden, every.shape)
        return candidates_of(every, self.n_candidates, self.sketch_width), every

    def _listed(
        self, sources: Any, targets: Any, candidates: Any
    ) -> tuple[Scores | None, ListedScores]:
        """Cosine of listed pairs; of the vectors as well, unless both sides are None."""
        is_given = sources is None and targets is None
        cosine = None if is_given else self._cosine(sources, targets, Scores)
        shape = None if cosine is None else cosine.shape
        return cosine, cosines_listed(cosine, checked_listed(candidates, shape))

    def _listed_scores(
        self, sources: Any, targets: Any, forbidden: Any, candidates: Any
    ) -> ListedScores:
        """Scores of listed pairs by the method."""
        cosine, listed = self._listed(sources, targets, candidates)
        places = _checked_forbidden(forbidden, listed.shape)
        if self.method == "csls":
            return csls_listed(listed, self.csls_k).without(places)
        listed = listed.without(places)
        if self.method == "sinkhorn":
            how = self.n_candidates, self.temperature, self.n_iterations
            return sinkhorn_listed(cosine, listed, *how)
        return listed

    def _scores(
        self,
        sources: Any,
        targets: Any,
        forbidden: Any = None,
        candidates: Any = None,
        is_exact: bool = False,
        seen: Candidates | None = None,
    ) -> Scores | ListedScores:
        """Scores by the method: of all pairs, or of the candidates that are given."""
        self.check_parameters()
        if candidates is not None:
            return self._listed_scores(sources, targets, forbidden, candidates)
        cosine = self._cosine(sources, targets, Scores if is_exact else scores_by(self.search))
        places = _checked_forbidden(forbidden, cosine.shape)
        if self.method == "csls":
            scores = csls_scores(cosine, self.csls_k)
            scores.forbidden = places  # they are neighbours all the same: where it is dense, it is
            return scores
        cosine.forbidden = places
        if self.method == "sinkhorn" and seen is not None:
            if seen.shape != cosine.shape:
                raise ValueError(
                    f"Expected seen of these {cosine.shape[0]:,} sources and {cosine.shape[1]:,} "
                    f"targets; found candidates of {seen.shape[0]:,} and {seen.shape[1]:,}. Pass "
                    "what probable_candidates has returned of the same."
                )
            return SinkhornScores(cosine, seen.log_matrix(), self.temperature)
        if self.method == "sinkhorn":
            width = None if is_exact else self.sketch_width
            how = self.n_candidates, self.temperature, self.n_iterations, width
            return sinkhorn_scores(cosine, *how)
        return cosine

    def is_blocked(self, n_sources: int, n_targets: int) -> bool:
        """Tell whether an aligner compares candidates alone.

        Parameters
        ----------
        n_sources, n_targets : int
            Entities of both graphs.

        Returns
        -------
        bool

        Examples
        --------
        >>> from ibmea_sklearn.matching import Matching
        >>> Matching().is_blocked(20_000, 20_000), Matching().is_blocked(100_000, 100_000)
        (False, True)
        """
        if self.search == "auto":
            return n_sources * n_targets > MOST_PAIRS
        return self.search == "blocked"

    def _cosine(self, sources: Any, targets: Any, kind: type[Scores]) -> Scores:
        return cosine_scores(
            sources,
            targets,
            normalize=self.normalize,
            device=self.device or "cpu",
            block_bytes=self.block_bytes,
            kind=kind,
        )


def _of_rows(scores: Scores | ListedScores, rows: Any) -> Scores | ListedScores:
    if rows is None:
        return scores
    return scores.rows(checked_indices(rows, scores.shape[0], "rows", "sources"))


def _checked_forbidden(pairs: Any, shape: tuple[int, int]) -> sparse.csr_array | None:
    """Return where forbidden pairs are, bool (n, m); None where there are none."""
    if pairs is None or not len(pairs):
        return None
    given = np.asarray(pairs)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(
            "Expected forbidden as pairs of row numbers, of shape (n_pairs, 2); found shape "
            f"{given.shape}."
        )
    sides = ("sources", "targets")
    at = [checked_indices(column, n, "forbidden", of)
          for column, n, of in zip(given.T, shape, sides, strict=True)]  # fmt: skip
    # A pair that is given twice adds up to True.
    return sparse.coo_array((np.ones(len(given), bool), tuple(at)), shape).tocsr()


def _checked_true(true: Any, n: int, m: int) -> np.ndarray:
    indices = checked_indices(true, m, "true", "targets")
    if len(indices) != n:
        raise ValueError(
            f"Expected true with one target for each of the {n} sources that are asked for; found "
            f"{len(indices)}. Pass the row number of a target for each of them."
        )
    return indices
