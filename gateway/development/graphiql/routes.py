"""The routes of the page and its static files."""

import hashlib
import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from gateway.development.graphiql.page import PAGE_HEADERS, render_page

ASSETS = Path(__file__).parent / "assets"
GRAPHIQL_PATH = "/graphiql"


def graphiql_routes(
    *, endpoint: str = "/graphql", emulator_url: str | None = None, for_operators: bool = False
) -> list[BaseRoute]:
    """The routes of the page at `/graphiql` and of its files below it.

    `endpoint` is a path on the same host: the page's policy allows no other. `emulator_url` adds links to the emulator.
    `for_operators` serves the operators' page instead of the developers'. Raises ValueError when `endpoint` is no such path.
    """
    if not endpoint.startswith("/") or endpoint.startswith("//"):
        raise ValueError("endpoint must be a path on the gateway's own host")
    assets = f"{GRAPHIQL_PATH}/assets/{_digest()}"
    html = render_page(
        endpoint=endpoint, assets=assets, emulator_url=emulator_url, for_operators=for_operators
    )

    async def page(_request: Request) -> Response:
        return HTMLResponse(html, headers=PAGE_HEADERS)

    return [Route(GRAPHIQL_PATH, page), Mount(assets, _ImmutableFiles(directory=ASSETS))]


class _ImmutableFiles(StaticFiles):
    """Static files whose path contains their digest: browsers may cache them for a year."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """The file's response, marked as immutable."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"  # one year
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _digest() -> str:
    """A digest of all asset names and contents: any change gives the assets a new path."""
    digest = hashlib.sha256()
    for file in sorted(path for path in ASSETS.rglob("*") if path.is_file()):
        digest.update(file.relative_to(ASSETS).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
