"""Entity ids as IRIs, and back exactly."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

STRING = "urn:ibmea:string:"
INTEGER = "urn:ibmea:integer:"

# As RFC 3987 has them, but no user names, IPv6 addresses or square brackets: what is in doubt is
# encoded, so that every RDF parser takes it.
_LETTER = (
    r"[A-Za-z0-9._~!$&'()*+,;=:@/?\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
    r"\U00010000-\U0001fffd\U00020000-\U0002fffd-]"
)
_PART = rf"(?:{_LETTER}|%[0-9A-Fa-f]{{2}})"
_IRI = re.compile(
    rf"(?:https?|ftp)://[A-Za-z0-9.-]+(?::\d{{1,5}})?(?:/{_PART}*)?(?:#{_PART}*)?"
    rf"|urn:[A-Za-z0-9][A-Za-z0-9-]+:{_PART}+",
    re.ASCII,
)


def to_iri(entity: Any) -> str:
    """Name an entity by an IRI: its id if that is one, else a URN that encodes it."""
    if not isinstance(entity, str):
        return f"{INTEGER}{int(entity)}"
    if _IRI.fullmatch(entity) and not entity.startswith((STRING, INTEGER)):
        return entity
    return STRING + quote(entity, safe="")


def from_iri(iri: str) -> str | int:
    """Return the id of the entity that an IRI names: the inverse of :func:`to_iri`."""
    if iri.startswith(INTEGER):
        return int(iri.removeprefix(INTEGER))
    if iri.startswith(STRING):
        return unquote(iri.removeprefix(STRING))
    return iri
