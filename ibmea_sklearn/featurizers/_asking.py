"""Ask a language model within a budget, from the cache where it can be, and survive its answers."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np

from ._answer_cache import AnswerCache
from ._name_questions import Labels, read_answer
from .language_model import LanguageModelError, LanguageModelRefusal

# So often in a row without an answer, the model is taken to be out of reach.
_MOST_FAILURES = 3


class Asking:
    """Ask questions about names, and count what was not answered.

    Parameters
    ----------
    model : callable
        From text to text.
    cache : AnswerCache
    max_calls : int
        How often the model is called at most.

    Attributes
    ----------
    unanswered : Counter of {str: int}
        Number of names by the reason.
    """

    def __init__(self, model: Callable[[str], str], cache: AnswerCache, max_calls: int) -> None:
        self.model = model
        self.cache = cache
        self.max_calls = max_calls
        self.unanswered: Counter[str] = Counter()
        self._n_calls = 0
        self._n_failures = 0

    def __call__(
        self, prompt: str, labels: tuple[Labels, Labels], asked: np.ndarray
    ) -> dict[int, int | None]:
        """Ask, and return what the answer says of the names that were asked for."""
        answer = self.cache.read(prompt)
        is_new = answer is None
        reason = "no sensible answer"
        if answer is None:
            answer, reason = self._answer(prompt)
        said = read_answer(answer, labels, asked)
        if said and is_new:
            self.cache.write(prompt, str(answer))
        self.unanswered[reason] += len(asked) - len(said)
        return said

    def _answer(self, prompt: str) -> tuple[str | None, str]:
        """Return the answer of the model, and what to say if it tells nothing."""
        if self._n_failures == _MOST_FAILURES:
            return None, f"not asked after {_MOST_FAILURES} calls without answer"
        if self._n_calls == self.max_calls:
            return None, f"not asked within max_calls={self.max_calls}"
        self._n_calls += 1
        try:
            answer = self.model(prompt)
        except LanguageModelRefusal:
            raise
        except LanguageModelError as error:
            self._n_failures += 1
            return None, str(error)
        except Exception as error:  # of a callable of the user's; its text may hold a key
            self._n_failures += 1
            return None, f"the model raised {type(error).__name__}"
        self._n_failures = 0
        return answer, "no sensible answer"

    def warn(self, n_asked: int) -> None:
        """Say once how many names were not answered, and why."""
        reasons = {reason: n for reason, n in self.unanswered.items() if n}
        if reasons:
            warnings.warn(
                f"The language model answered for {n_asked - sum(reasons.values())} of {n_asked} "
                "attributes; for the others values and names decided. "
                + " ".join(f"{n}: {reason.rstrip('.')}." for reason, n in reasons.items()),
                UserWarning,
                stacklevel=2,
            )
