"""Random draws that synthetic pairs are made of, in bulk: triples, attributes, values, vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_N_CATEGORIES = 12


def skewed(n: int, size: int, skew: float, rng: np.random.Generator) -> np.ndarray:
    """Draw `size` numbers below n, small ones more often: n * u**skew with u uniform."""
    # The product may round up to n where u is next to 1.
    return np.minimum((n * rng.random(size) ** skew).astype(np.int64), n - 1)


def skew_of_power_law(exponent: float) -> float:
    """Return the skew by which draws, counted, follow a power law of this exponent.

    The place i of n is drawn as often as ``i ** (1 / skew - 1)`` says, and counts that fall with
    the place like ``i ** -a`` have a density of ``count ** -(1 + 1 / a)``.

    Examples
    --------
    >>> from ibmea_sklearn.datasets._draws import skew_of_power_law
    >>> skew_of_power_law(4.0), skew_of_power_law(3.0)
    (1.5, 2.0)
    """
    return (exponent - 1) / (exponent - 2)


def draw_triples(
    n_triples: int,
    n_heads: int,
    n_tails: int,
    n_relations: int,
    rng: np.random.Generator,
    first_head: int = 0,
    exponent: float | None = None,
) -> np.ndarray:
    """Draw distinct triples without loops: even heads, from `first_head` on, and frequent tails.

    With an exponent, heads and tails are both frequent as a power law of their degrees has it.

    Returns
    -------
    ndarray of shape (n_triples, 3), int64
        Head, relation, tail.
    """
    popular = rng.permutation(n_tails)
    popular_heads = None if exponent is None else rng.permutation(n_heads)
    skew = 1.5 if exponent is None else skew_of_power_law(exponent)

    def propose(size: int) -> np.ndarray:
        if popular_heads is None:
            heads = rng.integers(n_heads, size=size)
        else:
            heads = popular_heads[skewed(n_heads, size, skew, rng)]
        tails = popular[skewed(n_tails, size, skew, rng)]
        return (heads * n_tails + tails) * n_relations + skewed(n_relations, size, 3.0, rng)

    def is_no_loop(codes: np.ndarray) -> np.ndarray:
        heads, tails = np.divmod(codes // n_relations, n_tails)
        return heads + first_head != tails

    none = np.empty(0, np.int64)
    n_cells = n_heads * n_tails * n_relations
    codes = _draw_distinct(n_triples, n_cells, propose, rng, none, is_no_loop)
    pairs, relations = np.divmod(codes, n_relations)
    heads, tails = np.divmod(pairs, n_tails)
    return np.column_stack([heads + first_head, relations, tails])


def draw_attributes(n: int, n_attributes: int, mean: float, rng: np.random.Generator) -> np.ndarray:
    """Draw distinct pairs (entity, attribute), `mean` of them by entity, at least one each.

    Returns
    -------
    ndarray of shape (round(n * mean), 2), int64
    """

    def propose(size: int) -> np.ndarray:
        return rng.integers(n, size=size) * n_attributes + skewed(n_attributes, size, 3.0, rng)

    first = np.arange(n) * n_attributes + skewed(n_attributes, n, 3.0, rng)
    codes = _draw_distinct(round(n * mean), n * n_attributes, propose, rng, first)
    return np.column_stack(np.divmod(codes, n_attributes))


def _draw_distinct(
    wanted: int,
    n_cells: int,
    propose: Callable[[int], np.ndarray],
    rng: np.random.Generator,
    codes: np.ndarray,
    is_valid: Callable[[np.ndarray], np.ndarray] = lambda codes: np.ones(len(codes), bool),
) -> np.ndarray:
    """Add valid codes below `n_cells` to those given until there are `wanted`, in random order."""
    skewed_rounds = 3
    while (short := wanted - len(codes)) > 0:
        if skewed_rounds:
            drawn = propose(short + short // 8 + 8)
            skewed_rounds -= 1
        elif n_cells <= 4 * wanted:
            # So dense that drawing would mostly meet what is there.
            drawn = np.arange(n_cells)
        else:
            drawn = rng.integers(n_cells, size=2 * short + 8)
        new = _distinct_but(drawn[is_valid(drawn)], codes)
        codes = np.concatenate([codes, rng.permutation(new)[:short]])
    return rng.permutation(codes)


def _distinct_but(drawn: np.ndarray, taken: np.ndarray) -> np.ndarray:
    # Sorted: numpy's hash of 5 million codes takes 2.5 s, their sort 0.4 s.
    drawn = np.sort(drawn)
    drawn = drawn[np.diff(drawn, prepend=-1) > 0]
    if not len(taken):
        return drawn
    taken = np.sort(taken)
    place = np.minimum(np.searchsorted(taken, drawn), len(taken) - 1)
    return drawn[taken[place] != drawn]


def redraw_share(
    pairs: np.ndarray, share: float, n_attributes: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the attribute of a share of the pairs anew; return the pairs and which changed."""
    changed = mask_of_share(len(pairs), share, rng)
    pairs = pairs.copy()
    pairs[changed, 1] = skewed(n_attributes, int(changed.sum()), 3.0, rng)
    return pairs, changed


def mask_of_share(n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Mask of `n` places, of which round(n * share) are True."""
    mask = np.zeros(n, bool)
    mask[: round(n * share)] = True
    return rng.permutation(mask)


def attribute_values(attributes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Turn a standard normal number into a value: decimal, year or category, by attribute.

    Returns
    -------
    ndarray of shape (n,), object
        Python floats, ints and strings.
    """
    values = np.empty(len(attributes), object)
    decimals, years, categories = (attributes % 3 == kind for kind in range(3))
    # Every decimal attribute has a magnitude of its own.
    values[decimals] = np.round(numbers[decimals] * 10.0 ** (attributes[decimals] % 4), 3)
    values[years] = (1970 + 20 * numbers[years]).astype(np.int64)
    names = np.array([f"kind {i}" for i in range(_N_CATEGORIES)], object)
    values[categories] = names[(4 * np.abs(numbers[categories])).astype(np.int64) % _N_CATEGORIES]
    return values


def unit_rows(n: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Draw directions, evenly: float32 rows of length 1, shape (n, dim)."""
    return normalised(rng.standard_normal((n, dim), np.float32))


def add_noise(rows: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise whose root mean square length is `noise`; back to length 1."""
    if not noise or not rows.size:
        return rows
    per_value = np.float32(noise / np.sqrt(rows.shape[1]))
    return normalised(rows + per_value * rng.standard_normal(rows.shape, np.float32))


def normalised(rows: np.ndarray) -> np.ndarray:
    """Scale rows to length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-30)
