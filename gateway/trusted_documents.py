"""Trusted documents (persisted queries): documents of the practice's own apps, which requests name instead of sending their text.

A manifest is a JSON object from names to texts, as GraphQL Code Generator's client preset and Relay's compiler write it. A
document's ids are its name in the manifest and the SHA-256 of its text, with and without the prefix `sha256:` (GraphQL over HTTP,
appendix A). A request may give an id
- in `documentId` (the appendix), or in `id` or `doc_id` (Relay), beside or inside `extensions`;
- in `extensions.persistedQuery.sha256Hash` (Apollo).

The manifest is read once, at start; nothing is ever registered by a request.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from gateway.settings.api import TrustedDocumentsMode
from schema.errors import RequestError

_NAMES = ("documentId", "id", "doc_id")
_PREFIX = "sha256:"
_SHA_256 = re.compile(r"[0-9a-f]{64}")

# Bytes. Apps have some dozens of documents of some kilobytes; a larger file was not meant.
_LARGEST_MANIFEST = 10_000_000


class DocumentNotFound(RequestError):
    """No document of the manifest has this id."""

    code = "PERSISTED_DOCUMENT_NOT_FOUND"
    message = "No document of this name is known here. Send its text, or have it added to the manifest."


class DocumentNotTrusted(RequestError):
    """The text is not in the manifest, and the mode is `require`."""

    code = "PERSISTED_DOCUMENT_REQUIRED"
    message = "Only the documents of the manifest are answered here. Send one of them by its documentId."


class DocumentNamedWrongly(RequestError):
    """The id is not a string, there are several, or it is that of another document than the text."""

    message = "Name a document once, by a string, and without a text or with its own."


class ManifestInvalid(Exception):
    """The file is not a manifest; the message says why."""


@dataclass(frozen=True, kw_only=True)
class TrustedDocuments:
    """The documents of a manifest, and the mode: whether other documents are answered too."""

    mode: TrustedDocumentsMode = TrustedDocumentsMode.OFF
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # by every id

    def text_of(self, query: str | None, extensions: Mapping[str, Any]) -> str | None:
        """The text of the document that the request names or sends. Raises DocumentNotFound, DocumentNotTrusted, DocumentNamedWrongly."""
        off = self.mode is TrustedDocumentsMode.OFF
        name = None if query and off else _name_in(extensions)
        if name is None:
            if query and self.mode is TrustedDocumentsMode.REQUIRE and query not in self._every_text:
                raise DocumentNotTrusted
            return query
        text = self.texts.get(name)
        if text is None and query and name.removeprefix(_PREFIX) == sha_256(query):
            return self.text_of(query, {})  # the hash is that of the text: judge the text alone
        if text is None:
            raise DocumentNotFound
        if query and query != text:
            raise DocumentNamedWrongly
        return text

    @cached_property
    def _every_text(self) -> frozenset[str]:
        return frozenset(self.texts.values())

    def with_others(self) -> "TrustedDocuments":
        """The same documents in mode `allow` instead of `require`: any other is answered too."""
        mode = self.mode
        return (
            replace(self, mode=TrustedDocumentsMode.ALLOW) if mode is TrustedDocumentsMode.REQUIRE else self
        )


def named_in(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The request's extensions with the ids given beside them; unchanged when `extensions` is not an object."""
    beside = {name: request[name] for name in _NAMES if request.get(name) is not None}
    extensions = request.get("extensions")
    if beside and isinstance(extensions, dict | None):
        return {**(extensions or {}), **beside}
    return cast("dict[str, Any] | None", extensions)


def load_manifest(path: Path, mode: TrustedDocumentsMode) -> TrustedDocuments:
    """Load the manifest, unless the mode is `off`. Raises ManifestInvalid."""
    if mode is TrustedDocumentsMode.OFF:
        return TrustedDocuments()
    return TrustedDocuments(mode=mode, texts=MappingProxyType(by_every_name(read_manifest(path))))


def read_manifest(path: Path) -> dict[str, str]:
    """The texts of the file by name. Raises ManifestInvalid, also for a name that is a SHA-256 of another text."""
    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise ManifestInvalid(f"{path} has more than {_LARGEST_MANIFEST} bytes")
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise ManifestInvalid(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"{path} cannot be read as JSON") from error
    if not isinstance(manifest, dict) or not all(
        isinstance(text, str) and text.strip() for text in manifest.values()
    ):
        raise ManifestInvalid(f"{path} must be an object of names and documents")
    for name, text in manifest.items():
        digest = name.removeprefix(_PREFIX)
        if _SHA_256.fullmatch(digest) and digest != sha_256(text):
            raise ManifestInvalid(f"{path}: the document {name} has another SHA-256 than its name says")
    return manifest


def by_every_name(manifest: Mapping[str, str]) -> dict[str, str]:
    """The texts by name and by SHA-256, with and without the prefix."""
    found: dict[str, str] = {}
    for name, text in manifest.items():
        digest = sha_256(text)
        found |= {name: text, digest: text, _PREFIX + digest: text}
    return found


def sha_256(text: str) -> str:
    """The SHA-256 of the UTF-8 text, in lower-case hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _name_in(extensions: Mapping[str, Any]) -> str | None:
    persisted = extensions.get("persistedQuery")
    given = [extensions.get(name) for name in _NAMES]
    given.append(persisted.get("sha256Hash") if isinstance(persisted, Mapping) else None)
    names = {name if isinstance(name, str) else repr(name) for name in given if name is not None}
    if not names:
        return None
    if len(names) > 1 or not all(isinstance(name, str) for name in given if name is not None):
        raise DocumentNamedWrongly
    return names.pop()
