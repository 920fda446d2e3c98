"""The page about the API names every error that a caller can meet."""

import re
from collections.abc import Iterator
from pathlib import Path

import gateway.callers.sign_in.connect  # so that every RequestError is known
import gateway.errors
import gateway.http
from schema.errors import RequestError

ROOT = Path(__file__).parents[2]


def request_errors(kind: type[RequestError] = RequestError) -> Iterator[type[RequestError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from request_errors(narrower)


def test_every_error_code_is_documented() -> None:
    codes = set(re.findall(r'code ?= ?"([A-Z_]+)"', Path(gateway.errors.__file__).read_text()))
    codes |= {kind.code for kind in request_errors()}
    page = (ROOT / "docs" / "api.md").read_text()
    assert len(codes) > 10
    assert [code for code in sorted(codes) if f"`{code}`" not in page] == []
