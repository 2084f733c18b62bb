"""A language model behind an endpoint."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from ..._utils.validation import Integer, Number

# Worth another try: too early, too many, or the server's own trouble.
_PASSING = (408, 425, 429, 500, 502, 503, 504, 529)
# A server may ask for hours; so long nobody waits.
_LONGEST_WAIT = 60
# Bytes of an answer, and how many times `timeout` it may take from its first byte to its last:
# servers may send blanks while they think.
_LONGEST, _PATIENCE = 1 << 24, 10
_CHUNK = 1 << 16
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What a model is asked: a text, or parts of a message as such endpoints take them, images among
# them.
Prompt = str | Sequence[Mapping[str, Any]]


class LanguageModelError(RuntimeError):
    """No answer this time: the server is out of reach, out of order, or says nothing sensible."""


class LanguageModelRefusal(LanguageModelError):
    """No answer ever to a question so put: the key, the address or the model is wrong."""


@dataclass(frozen=True)
class ChatModel:
    """A language model behind an OpenAI-compatible endpoint, as a function from text to text.

    A model that sees is asked with parts of a message, some of them images.

    Servers of this kind are those of OpenAI and most other providers, and of one's own machine
    with llama.cpp, Ollama or vLLM.

    Parameters
    ----------
    base_url : str
        Such as ``"http://localhost:11434/v1"``: what comes before ``/chat/completions``.
    model : str
        Which model of the server.
    api_key_env : str, optional
        The *name* of the environment variable that holds the key. The key is read at each call and
        kept nowhere: it is in no representation, pickle, cache or error. Without it none is sent.
    timeout : float, default=60.0
        Seconds to wait for the server to say something. A whole answer may take ten times as
        long, and have 16 MiB.
    n_retries : int, default=4
        How many more times to try where the server doesn't answer, or with a status that may pass:
        408, 425, 429, 500, 502, 503, 504 and 529.
    backoff : float, default=1.0
        Waits between tries are 0, 2, 4, 8, ... times so many seconds; or what the server asks for
        (``Retry-After``), but at most a minute.
    options : mapping, optional
        What else goes into the request, such as ``{"max_tokens": 2000}``. By default
        ``{"temperature": 0}``, so that answers repeat. Some models take no temperature: pass
        ``{}``.

    Raises
    ------
    ValueError
        If `base_url` is no address with http or https, or holds a password or a query; if
        `api_key_env` is no name of a variable; or if a number is out of range.

    See Also
    --------
    LanguageModelMatcher : Asks such a model which attributes mean the same.
    ibmea_sklearn.reviews.ask_model : Asks it which entities are the same.

    Notes
    -----
    Proxies and certificates are those that the environment names, as for every program that uses
    requests. Redirections are not followed.

    Examples
    --------
    >>> from ibmea_sklearn.featurizers import ChatModel
    >>> ChatModel("http://localhost:11434/v1", "llama3.2")
    ChatModel(base_url='http://localhost:11434/v1', model='llama3.2')
    """

    base_url: str
    model: str
    _: KW_ONLY
    api_key_env: str | None = field(default=None, repr=False)
    timeout: float = field(default=60.0, repr=False)
    n_retries: int = field(default=4, repr=False)
    backoff: float = field(default=1.0, repr=False)
    options: Mapping[str, Any] = field(default_factory=lambda: {"temperature": 0}, repr=False)

    def __post_init__(self) -> None:
        # Here, not at the first call: afterwards the address may be shown to anyone.
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                "Expected base_url to be an address such as 'https://host/v1'; found another."
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(
                "Expected base_url without user, password or query; found one. A key belongs in "
                "an environment variable: name it with api_key_env."
            )
        if self.api_key_env is not None and not _VARIABLE.fullmatch(self.api_key_env):
            raise ValueError(
                "Expected api_key_env to be the name of an environment variable, not a key; found "
                "what can't be a name."
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        Number(open_ends="least").check("timeout", self.timeout)
        Number().check("backoff", self.backoff)
        Integer(0).check("n_retries", self.n_retries)

    @property
    def cache_name(self) -> str:
        """What tells this model's answers from those of others."""
        options = json.dumps(dict(self.options), sort_keys=True, default=str)
        return f"{self.base_url} {self.model} {options}"

    def __call__(self, prompt: Prompt) -> str:
        """Ask.

        Parameters
        ----------
        prompt : str or sequence of mappings
            A text; or parts of a message as such endpoints take them: ``{"type": "text", "text":
            "..."}`` and ``{"type": "image_url", "image_url": {"url": "data:image/webp;..."}}``.

        Returns
        -------
        str

        Raises
        ------
        LanguageModelRefusal
            If the server refuses such requests, or the key's variable isn't set.
        LanguageModelError
            If there is no answer after all tries, or it is no completion of a chat.
        """
        key = self._key()
        content = prompt if isinstance(prompt, str) else list(prompt)
        messages = [{"role": "user", "content": content}]
        body = {**self.options, "model": self.model, "messages": messages}
        response = self._post(body, key)
        hidden = _hider(key)
        if response.status_code != 200:
            raise _error(response, hidden)
        return hidden(_content(response))

    def _key(self) -> str | None:
        if self.api_key_env is None:
            return None
        key = os.environ.get(self.api_key_env, "").strip()
        # A library would quote the key when it complains of a line feed in it.
        if not key or not (key.isascii() and key.isprintable()):
            raise LanguageModelRefusal(
                "Expected the environment variable that api_key_env names to hold the key; found "
                f"{'characters that no key has' if key else 'nothing'}. Set it, or pass "
                "api_key_env=None for a server that needs no key."
            )
        return key

    def _post(self, body: Mapping[str, Any], key: str | None) -> requests.Response:
        url = f"{self.base_url.rstrip('/')}/chat/completions"
        with requests.Session() as session:
            session.mount(f"{urlsplit(url).scheme}://", HTTPAdapter(max_retries=self._retry()))
            try:
                response = session.post(
                    url,
                    json=body,
                    auth=_bearer(key),
                    timeout=self.timeout,
                    allow_redirects=False,
                    stream=True,
                )
                return _read(response, _PATIENCE * self.timeout)
            except requests.RequestException as error:
                # Not `from error`: what a library says may quote what was sent.
                raise LanguageModelError(
                    f"Expected an answer from {url} within {self.n_retries + 1} tries; found "
                    f"{type(error).__name__}."
                ) from None

    def _retry(self) -> Retry:
        return _Retry(
            total=self.n_retries,
            status_forcelist=_PASSING,
            allowed_methods=None,  # POST as well: asking twice does no harm
            backoff_factor=self.backoff,
            raise_on_status=False,
        )


def _read(response: requests.Response, seconds: float) -> requests.Response:
    """Read the body, which may have no end, or come a byte a second."""
    end, parts, n_bytes = time.monotonic() + seconds, [], 0
    with response:
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            n_bytes += len(part)
            if n_bytes > _LONGEST or time.monotonic() > end:
                raise requests.Timeout
    response._content = b"".join(parts)
    return response


class _Retry(Retry):
    """Retries that wait no longer than a minute, whatever the server asks for."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, _LONGEST_WAIT)


def _bearer(key: str | None) -> Callable[[Any], Any]:
    """Return what signs a request. Even without key: requests would look into ~/.netrc."""

    def sign(request: Any) -> Any:
        if key:
            request.headers["Authorization"] = f"Bearer {key}"
        return request

    return sign


def _hider(key: str | None) -> Callable[[str], str]:
    """Return what takes the key out of a text: some servers say it back."""
    return lambda text: text.replace(key, "[key]") if key else text


def _error(response: requests.Response, hidden: Callable[[str], str]) -> LanguageModelError:
    status = response.status_code
    said = f"the status {status}"
    # Of a wrong key, servers quote the first and last letters.
    if status not in (401, 403):
        said += f" ({hidden(_message(response))[:200]})"
    if status in _PASSING or 500 <= status:
        return LanguageModelError(f"Expected an answer from {response.url}; found {said}.")
    return LanguageModelRefusal(
        f"Expected an answer from {response.url}; found {said}. Check base_url, model, options and "
        "the key in the variable that api_key_env names."
    )


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return response.reason or "no reason given"


def _content(response: requests.Response) -> str:
    try:
        content = response.json()["choices"][0]["message"]["content"]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        content = None
    if not isinstance(content, str):
        raise LanguageModelError(
            f"Expected a completion of a chat from {response.url}; found something else."
        )
    return content
