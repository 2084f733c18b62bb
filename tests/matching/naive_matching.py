"""The formulas of the package's matching as plain loops over a whole matrix."""

import numpy as np

N_ITERATIONS = 15


def cosine(sources, targets):
    def unit(v):
        length = np.sqrt(sum(x * x for x in v.tolist()))
        return v / length if length else v

    left = [unit(x) for x in np.asarray(sources, float)]
    right = [unit(y) for y in np.asarray(targets, float)]
    return np.array([[float(np.dot(x, y)) for y in right] for x in left])


def csls(similarities, k):
    def mean_of_nearest(values):
        return np.mean(sorted(values, reverse=True)[:k])

    n, m = similarities.shape
    rows = [mean_of_nearest(similarities[i]) for i in range(n)]
    columns = [mean_of_nearest(similarities[:, j]) for j in range(m)]
    return np.array(
        [[2 * similarities[i, j] - rows[i] - columns[j] for j in range(m)] for i in range(n)]
    )


def candidates(similarities, n_candidates, tolerance=1e-6):
    """Mask of what is among the best of its row or of its column, and not equal to the next."""

    def chosen(values):
        left_out = sorted(values.tolist(), reverse=True)[n_candidates:]
        return values > left_out[0] + tolerance if left_out else np.ones(len(values), bool)

    by_row = np.array([chosen(row) for row in similarities])
    return by_row | np.array([chosen(column) for column in similarities.T]).T


def sinkhorn(similarities, mask, temperature, n_iterations=N_ITERATIONS):
    """All of the smaller side is matched, of the larger as many, in each part of the candidates."""
    found = np.zeros(mask.shape)
    for rows, columns in parts(mask):
        start = np.where(mask, np.exp(similarities / temperature), 0)[np.ix_(rows, columns)]
        found[np.ix_(rows, columns)] = normalised(start, n_iterations)
    return found


def parts(mask):
    """Rows and columns that candidates connect, part by part."""
    left = {i for i in range(len(mask)) if mask[i].any()}
    while left:
        rows, columns, n_before = {left.pop()}, set(), -1
        while len(rows) + len(columns) > n_before:
            n_before = len(rows) + len(columns)
            columns |= {j for i in rows for j in np.flatnonzero(mask[i])}
            rows |= {i for j in columns for i in np.flatnonzero(mask[:, j])}
        left -= rows
        yield sorted(rows), sorted(columns)


def normalised(start, n_iterations):
    n, m = start.shape
    if n > m:
        return normalised(start.T, n_iterations).T
    if n == m:
        return np.minimum(alternate(start, n_iterations), alternate(start.T, n_iterations).T)
    columns = np.ones(m)
    for _ in range(n_iterations):
        rows = 1 / (start @ columns)
        columns = scales_of_larger(rows @ start, n)
    ends = rows, 1 / (start @ columns)
    return np.minimum(*(end[:, None] * start * columns for end in ends))


def alternate(matrix, n_iterations):
    for _ in range(n_iterations):
        matrix = matrix / matrix.sum(axis=1, keepdims=True)
        matrix = matrix / matrix.sum(axis=0, keepdims=True)
    return matrix


def scales_of_larger(sums, total):
    """One scale for all that stay below 1, halved into until they add up to the total."""
    low, high = -1e3, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        is_low = np.minimum(1, np.exp(middle + np.log(sums))).sum() < total
        low, high = (middle, high) if is_low else (low, middle)
    return np.minimum(np.exp(high), 1 / sums)


def scores(sources, targets, method, csls_k=3, n_candidates=100, temperature=0.02):
    """All pairs; with Sinkhorn, what is no candidate below 0 and in the order of its cosine."""
    similarities = cosine(sources, targets)
    if method == "csls":
        return csls(similarities, csls_k)
    if method == "sinkhorn":
        mask = candidates(similarities, n_candidates)
        return np.where(mask, sinkhorn(similarities, mask, temperature), similarities - 2)
    return similarities


def rank(row, true, tolerance):
    better = sum(value > row[true] + tolerance for value in row)
    ties = sum(abs(value - row[true]) <= tolerance for value in row) - 1
    return 1 + better + ties / 2


def ranks(matrix, true, tolerance=1e-5):
    return np.array([rank(row, j, tolerance) for row, j in zip(matrix, true, strict=True)])


def logs(matrix):
    """Of probabilities: those far below 1e-9 differ as well. No candidate comes before another."""
    return np.where(matrix > 0, np.log(np.where(matrix > 0, matrix, 1)), matrix - 1e3)


def sinkhorn_ranks(matrix, true):
    return ranks(logs(matrix), true)


def is_single_best(values, at, tolerance):
    return all(values[at] > other + tolerance for i, other in enumerate(values) if i != at)


def mutual_nearest(matrix, tolerance=1e-5):
    n, m = matrix.shape
    return [
        [i, j]
        for i in range(n)
        for j in range(m)
        if is_single_best(matrix[i], j, tolerance) and is_single_best(matrix[:, j], i, tolerance)
    ]
