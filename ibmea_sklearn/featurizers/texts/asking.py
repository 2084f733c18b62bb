"""Questions to a language model, asked within a budget, and each but once."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..._utils.validation import Integer
from .._cache import CACHE_DIR, CACHE_NAME, Cache, open_cache
from .language_model import LanguageModelError, LanguageModelRefusal, Prompt

# So often in a row without an answer, the model is taken to be out of reach.
_MOST_FAILURES = 3
Key = TypeVar("Key")
Value = TypeVar("Value")


class Asking:
    """Ask a language model questions within a budget, and count what was not answered.

    Sensible answers are kept on disk: the same question is not asked again. After three calls in a
    row that raise, nothing more is asked.

    Parameters
    ----------
    model : callable
        From a prompt to text, such as :class:`ChatModel`.
    prompts : iterable of str, or of sequences of mappings
        What will be asked: texts, or parts of messages. They are looked up in the cache at once.
    max_calls : int, default=1000
        How often the model is called at most, answers from the cache not counted.
    cache_dir : path-like, None or False, default=None
        Where answers are kept. None is the folder that the variable IBMEA_HOME names, else that of
        this package in the user's cache; False keeps nothing.
    cache_name : str, optional
        What to keep the answers of a callable of your own under; without it they are not kept,
        since nothing tells that it is still the same. A :class:`ChatModel` brings its own.

    Attributes
    ----------
    unanswered : Counter of {str: int}
        Number of things asked for that were not answered, by the reason.

    Raises
    ------
    TypeError
        If the model is not callable.
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers import Asking
    >>> ask = Asking(str.upper, ["yes?", "no?"], max_calls=1, cache_dir=False)
    >>> def read(answer):
    ...     return {} if answer is None else {"said": answer}
    >>> ask("yes?", read)
    {'said': 'YES?'}
    >>> ask("no?", read)
    {}
    >>> ask.reasons()
    '1: not asked within max_calls=1.'
    """

    def __init__(
        self,
        model: Callable[[Any], str],
        prompts: Iterable[Prompt],
        max_calls: int = 1000,
        cache_dir: str | os.PathLike[str] | bool | None = None,
        cache_name: str | None = None,
    ) -> None:
        if not callable(model):
            raise TypeError(f"Expected model to be a callable from text to text; found {model!r}.")
        Integer().check("max_calls", max_calls)
        CACHE_DIR.check("cache_dir", cache_dir)
        CACHE_NAME.check("cache_name", cache_name)
        self.model = model
        self.max_calls = max_calls
        self.unanswered: Counter[str] = Counter()
        self._cache = _cache_of(model, cache_dir, cache_name)
        self._known = {} if self._cache is None else self._cache.read(map(_key_of, prompts))
        self._n_calls = 0
        self._n_failures = 0

    def __call__(
        self, prompt: Prompt, read: Callable[[Any], dict[Key, Value]], n_asked: int = 1
    ) -> dict[Key, Value]:
        """Ask, and return what `read` makes of the answer.

        Parameters
        ----------
        prompt : str or sequence of mappings
        read : callable
            From an answer, which may be anything and is None where there is none, to a dict with an
            entry for each thing that it answers. One without any counts as none, and is not kept.
        n_asked : int, default=1
            How many things are asked for.

        Returns
        -------
        dict

        Raises
        ------
        LanguageModelRefusal
            If the server refuses such requests for ever.
        """
        kept = self._known.get(_key_of(prompt))
        reason = "no sensible answer"
        if kept is None:
            answer, reason = self._answer(prompt)
        else:
            answer = kept.decode("utf8", "replace")
        said = read(answer)
        if said and kept is None and self._cache is not None:
            self._cache.write({_key_of(prompt): str(answer).encode("utf8", "replace")})
        self.unanswered[reason] += n_asked - len(said)
        return said

    def _answer(self, prompt: Prompt) -> tuple[str | None, str]:
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

    def reasons(self) -> str:
        """Say how many things were not answered, and why.

        Returns
        -------
        str
            Empty where all were answered.
        """
        reasons = ((reason, n) for reason, n in self.unanswered.items() if n)
        return " ".join(f"{n}: {reason.rstrip('.')}." for reason, n in reasons)


def _cache_of(
    model: Any, cache_dir: str | os.PathLike[str] | bool | None, cache_name: str | None
) -> Cache | None:
    name = cache_name or getattr(model, "cache_name", None)
    return None if name is None else open_cache(cache_dir, "answers", str(name))


def _key_of(prompt: Prompt) -> bytes:
    text = prompt if isinstance(prompt, str) else json.dumps(list(prompt), sort_keys=True)
    return hashlib.sha256(text.encode("utf8", "replace")).digest()
