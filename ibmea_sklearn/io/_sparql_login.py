"""What an endpoint wants to know of who asks: read at use, in no message and no file."""

from __future__ import annotations

import base64
import os
import re
import warnings
from typing import Any
from urllib.parse import urlsplit

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)
_HERE = ("127.0.0.1", "::1", "localhost")
_HIDDEN = "[hidden]"
# A file that somebody else has written names the server, too: it gets at no other variable.
OF_FILES = "IBMEA_"


class Login:
    """A header that says who asks; ``requests`` calls it for each request.

    Parameters
    ----------
    header : str
        What ``Authorization`` says; "" says nothing.
    secrets : tuple of str
        What is never shown.
    """

    def __init__(self, header: str = "", secrets: tuple[str, ...] = ()) -> None:
        self._header = header
        self._secrets = [secret for secret in secrets if secret]

    def __repr__(self) -> str:
        return "Login()"

    def __call__(self, request: Any) -> Any:
        """Say who asks; without one, ``requests`` would look into ~/.netrc."""
        if self._header:
            request.headers["Authorization"] = self._header
        return request

    def hide(self, text: str) -> str:
        """Take what is secret out of a text, such as a server's answer that repeats it."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text


def read_login(url: str, login_env: str | None, token_env: str | None) -> Login:
    """Read what environment variables say of who asks.

    Parameters
    ----------
    url : str
        Of the endpoint.
    login_env, token_env : str or None
        Names of variables: ``USER:PASSWORD``, and a bearer token.

    Raises
    ------
    ValueError
        If both are given, one is no name of a variable, or is not set, or holds something else; or
        if the address itself holds a password.

    Warns
    -----
    UserWarning
        If they would be sent to another machine unencrypted.
    """
    _check_address(url)
    if login_env is None and token_env is None:
        return Login()
    if login_env is not None and token_env is not None:
        raise ValueError("Expected login_env or token_env; found both. Leave one of them out.")
    if urlsplit(url).scheme == "http" and urlsplit(url).hostname not in _HERE:
        warnings.warn(
            "What login_env or token_env holds is sent unencrypted, to an address http://: anybody "
            "on the way can read it. Use https:// if the server has it.",
            stacklevel=4,
        )
    if token_env is not None:
        token = _value("token_env", token_env, "a bearer token", _TOKEN)
        return Login(f"Bearer {token}", (token,))
    login = _value("login_env", str(login_env), "USER:PASSWORD", re.compile(r"[^:\n\r]+:[^\n\r]*"))
    packed = base64.b64encode(login.encode()).decode()
    return Login(f"Basic {packed}", (packed, login, login.partition(":")[2]))


def check_of_file(line: str, variable: str) -> None:
    """Raise a ValueError if a file names a variable that is not meant for such files."""
    if not variable.startswith(OF_FILES):
        raise ValueError(
            f"Expected the variable of # {line} to begin with {OF_FILES}: what a file names is "
            f"sent to the server that the file names. Found {variable!r}. Rename the variable, or "
            "pass it to read_sparql."
        )


def _check_address(url: str) -> None:
    try:
        has_password = "@" in urlsplit(url).netloc
    except ValueError:  # no address: who asks it says so
        return
    if has_password:
        raise ValueError(
            "Expected an address without user and password; found one with them. They belong in an "
            "environment variable: name it by login_env."
        )


def _value(parameter: str, variable: str, expected: str, form: re.Pattern[str]) -> str:
    if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
        raise ValueError(
            f"Expected {parameter} to be the name of an environment variable, not what it holds; "
            "found something else."
        )
    value = os.environ.get(variable, "").strip()
    if not form.fullmatch(value):
        found = "something else" if value else "nothing"
        raise ValueError(
            f"Expected the environment variable {variable}, which {parameter} names, to hold "
            f"{expected}; found {found}. Set it."
        )
    return value
