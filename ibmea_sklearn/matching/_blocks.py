"""Work on a large score matrix in blocks of rows that fit a memory budget."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .._utils.validation import checked_integer

# Unless the user says so, a block has this size,
_USUAL_BYTES = 32 * 2**20
# but no fewer rows than keep the matrix product at full speed: 100,000 columns of width 600 take
# 192 s with the 83 rows of the usual size, 145 s with these,
_FAST_ROWS = 256
# as long as it is not larger than this.
_MOST_BYTES = 256 * 2**20


def rows_per_block(n_columns: int, block_bytes: int | None) -> int:
    """Return how many rows of `n_columns` float32 numbers make a block, at least 1.

    Raises
    ------
    ValueError
        If `block_bytes` is neither None nor an integer of at least 1.
    """
    row = 4 * n_columns
    if block_bytes is None:
        block_bytes = min(max(_USUAL_BYTES, _FAST_ROWS * row), _MOST_BYTES)
    return max(1, checked_integer(block_bytes, "block_bytes") // row)


def over_blocks(n_rows: int, block_rows: int, visit: Callable[[slice], None]) -> None:
    """Call `visit` on slices of at most `block_rows` rows; halve them where memory runs out.

    Parameters
    ----------
    n_rows, block_rows : int
    visit : callable
        Must bear to be called again on rows of a slice on which it ran out of memory.

    Raises
    ------
    MemoryError
        If a single row is too much.
    """
    start = 0
    while start < n_rows:
        rows = slice(start, min(start + block_rows, n_rows))
        try:
            visit(rows)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            block_rows = (rows.stop - rows.start) // 2
            if not block_rows:
                raise MemoryError(
                    "Expected memory for the scores of one entity at least; found none, even "
                    "with blocks of one row. Free memory, or match fewer targets."
                ) from error
        else:
            start = rows.stop


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # On a CPU torch raises a plain RuntimeError, and only its text says why.
    text = str(error).lower()
    return "can't allocate memory" in text or "not enough memory" in text


def select_top(block: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the k largest values of each row, best first, the lower column first among equals.

    Parameters
    ----------
    block : tensor of shape (n_rows, n_columns)
    k : int
        At most n_columns.

    Returns
    -------
    values, columns : tensors of shape (n_rows, k)
    """
    # One more than asked for tells where equal values straddle the cut; topk itself takes any.
    values, columns = block.topk(min(k + 1, block.shape[1]), dim=1)
    equal = values[:, 1:] == values[:, :-1]
    cut = equal[:, k - 1 : k].any(dim=1).nonzero()[:, 0]
    values, columns = values[:, :k].contiguous(), columns[:, :k].contiguous()
    if len(cut):
        columns[cut] = _first_columns(block[cut], values[cut, -1:], k)
        values[cut] = block[cut].gather(1, columns[cut])
    tied = equal.any(dim=1).nonzero()[:, 0]
    if len(tied):
        values[tied], columns[tied] = _in_order(values[tied], columns[tied])
    return values, columns


def _first_columns(rows: torch.Tensor, smallest: torch.Tensor, k: int) -> torch.Tensor:
    """Columns, ascending, of what exceeds `smallest`, and of the first that equal it, k in all."""
    above, equal = rows > smallest, rows == smallest
    room = k - above.sum(dim=1, keepdim=True)
    keep = above | (equal & (equal.cumsum(dim=1) <= room))
    return keep.nonzero()[:, 1].view(-1, k)


def _in_order(values: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    columns, order = columns.sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return values, columns.gather(1, order)
