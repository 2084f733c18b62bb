"""Names of synthetic entities, in bulk: two words each, and what noise makes of them."""

from __future__ import annotations

import numpy as np

from ._draws import skewed

_CONSONANTS = np.frombuffer(b"bcdfghjklmnprstvwxyz", np.uint8)
_VOWELS = np.frombuffer(b"aeiou", np.uint8)
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
# 100 million words: draws hardly meet.
_N_SYLLABLES = 4
_WORD = 2 * _N_SYLLABLES
_N_WORDS = 2
# Words grow in number like the root of the names, as in texts (Heaps' law): at any size 2 to 5% of
# the names are those of several entities.
_VOCABULARY = 10


def draw_names(
    n_linked: int,
    dangling: tuple[int, int],
    noise: float | None,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Draw names of two words for each side, by hidden number; without noise given, none.

    Returns
    -------
    list of two object ndarrays of shape (n_linked + n_dangling,)
    """
    if noise is None:
        return [np.empty(0, object)] * 2
    words = draw_words(round(_VOCABULARY * (n_linked + max(dangling)) ** 0.5), rng)
    shared = _draw(n_linked, len(words), rng)
    sides = []
    for n_private, share in zip(dangling, (0.0, noise), strict=True):
        said = add_noise_to_words(words[shared], words, share, rng)
        own = words[_draw(n_private, len(words), rng)]
        sides.append(joined(np.concatenate([said, own])))
    return sides


def draw_words(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw words as letters in bytes: shape (n, 8), consonants and vowels in turn."""
    words = np.empty((n, _WORD), np.uint8)
    words[:, ::2] = _CONSONANTS[rng.integers(len(_CONSONANTS), size=(n, _N_SYLLABLES))]
    words[:, 1::2] = _VOWELS[rng.integers(len(_VOWELS), size=(n, _N_SYLLABLES))]
    return words


def _draw(n: int, n_words: int, rng: np.random.Generator) -> np.ndarray:
    return skewed(n_words, n * _N_WORDS, 2.0, rng).reshape(n, _N_WORDS)


def add_noise_to_words(
    names: np.ndarray, words: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Change a share of the words: one half of them in a letter, the others as a whole.

    Parameters
    ----------
    names : uint8 ndarray of shape (n, 2, 8)
    words : uint8 ndarray of shape (n_words, 8)
        From which others are taken.
    share : float in [0, 1]
    rng : Generator

    Returns
    -------
    uint8 ndarray of shape (n, 2, 8)
    """
    flat = names.reshape(-1, _WORD).copy()
    changed = rng.permutation(len(flat))[: round(share * len(flat))]
    misspelt, replaced = np.array_split(changed, 2)
    places = rng.integers(_WORD, size=len(misspelt))
    # By 1 to 25 letters further on in the alphabet: never to the same.
    steps = rng.integers(1, len(_LETTERS), size=len(misspelt))
    old = flat[misspelt, places] - _LETTERS[0]
    flat[misspelt, places] = _LETTERS[(old + steps) % len(_LETTERS)]
    flat[replaced] = words[skewed(len(words), len(replaced), 2.0, rng)]
    return flat.reshape(names.shape)


def joined(names: np.ndarray) -> np.ndarray:
    """Turn words in bytes, of shape (n, 2, 8), into names with a space between: (n,), object."""
    spaced = np.full((len(names), _N_WORDS, _WORD + 1), ord(" "), np.uint8)
    spaced[:, :, :_WORD] = names
    lines = np.ascontiguousarray(spaced.reshape(len(names), -1)[:, :-1])
    return lines.view(f"S{lines.shape[1]}").ravel().astype(str).astype(object)
