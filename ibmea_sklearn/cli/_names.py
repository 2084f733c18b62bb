"""Words of options: one of a few, and parameters of Python called as options are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .._utils.validation import did_you_mean


def check_choice(option: str, value: str | None, choices: Sequence[str]) -> None:
    """Check that an option that was given has one of a few values.

    Raises
    ------
    ValueError
        If not; guesses which was meant.
    """
    if value is not None and value not in choices:
        *others, last = choices
        guess = did_you_mean(value, choices) or " Choose one of them."
        raise ValueError(
            f"Expected {option} {', '.join(others)} or {last}; found {value!r}.{guess}"
        )


@contextmanager
def said_as_options(*parameters: str) -> Iterator[None]:
    """Call parameters as options are called, in a ValueError that asks for them.

    Parameters
    ----------
    *parameters : str
        Such as "train_ratio", which is said as "--train-ratio" after "Expected ", and before the
        "=" of a value.
    """
    one = "|".join(map(re.escape, parameters))
    try:
        yield
    except ValueError as error:
        said = re.sub(rf"(?<=Expected )(?:{one})\b", lambda m: _option(m[0]), str(error))
        said = re.sub(rf"\b({one})='?(\w+)'?", lambda m: _given(m[1], m[2]), said)
        if said == str(error):
            raise
        raise ValueError(said) from error


def _given(parameter: str, value: str) -> str:
    return _option(parameter) + ("" if value == "True" else f" {value}")


def _option(parameter: str) -> str:
    return f"--{parameter.replace('_', '-')}"
