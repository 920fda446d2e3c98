"""Files over HTTP: downloads at signed addresses that end after ten seconds, and uploads."""

import base64
import binascii
import hashlib
import hmac
import math
import re
from collections.abc import Callable
from urllib.parse import urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World

LIFETIME_SECONDS = 10  # Healthie's reference has the figure
LARGEST_UPLOAD = 20_000_000  # bytes

_DATA_URL = re.compile(
    r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w=-]+)*;base64,(?P<content>.+)", re.ASCII | re.DOTALL
)

_KINDS = frozenset({"Document", "FileAttachment", "Image"})


def read_data_url(text: str) -> tuple[str, bytes] | None:
    """Read `data:image/gif;base64,…` into its type and its bytes; None for anything else."""
    match = _DATA_URL.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return match["type"], base64.b64decode(match["content"], validate=True)
    except (binascii.Error, ValueError):
        return None


def signed_url(request: Request, kind: str, record_id: str) -> str:
    """Make an address at which the key's owner fetches a file within ten seconds."""
    world = request.world
    expires = math.ceil(world.clock.now().timestamp()) + LIFETIME_SECONDS
    viewer = request.actor.user.id if request.actor else ""
    signature = _signature(world, kind, record_id, expires, viewer)
    query = urlencode({"expires": expires, "viewer": viewer, "signature": signature})
    return f"{request.base_url}_files/{kind}/{record_id}?{query}"


def upload_url(request: Request, upload: Item) -> str:
    """Make the address to which a file is PUT."""
    signature = _signature(request.world, "Upload", upload.id, 0, "")
    return f"{request.base_url}_files/uploads/{upload.id}?{urlencode({'signature': signature})}"


def routes(present_world: Callable[[], World]) -> list[Route]:
    """Return the routes under `/_files`, of whichever world there is when somebody asks."""

    async def download(http: HttpRequest) -> Response:
        return _download(present_world(), http)

    async def upload(http: HttpRequest) -> Response:
        return _upload(present_world(), http, await http.body())

    return [
        Route("/_files/uploads/{id}", upload, methods=["PUT"]),
        Route("/_files/{kind}/{id}", download, methods=["GET"]),
    ]


def _download(world: World, http: HttpRequest) -> Response:
    kind, record_id = http.path_params["kind"], http.path_params["id"]
    viewer, expires = http.query_params.get("viewer", ""), http.query_params.get("expires", "")
    if kind not in _KINDS or not expires.isdecimal() or len(expires) > len("99999999999"):
        return PlainTextResponse("Not Found", 404)
    wanted = _signature(world, kind, record_id, int(expires), viewer)
    if not hmac.compare_digest(wanted.encode(), http.query_params.get("signature", "").encode()):
        return PlainTextResponse("Forbidden", 403)
    if world.clock.now().timestamp() > int(expires):
        return PlainTextResponse("The address has expired", 403)
    file = world.items["Note" if kind == "Image" else kind].get(record_id)
    if file is None or file.content_bytes is None:
        return PlainTextResponse("Not Found", 404)
    if kind == "Document" and world.users.get(viewer):
        items.add(world, "DocumentViewing", document_id=record_id, user_id=viewer)
    return Response(file.content_bytes, media_type=file.content_type)


def _upload(world: World, http: HttpRequest, content: bytes) -> Response:
    """Take a file whose length and MD5 checksum are those that were announced."""
    upload = world.items["Upload"].get(http.path_params["id"])
    signature = http.query_params.get("signature", "").encode()
    if upload is None or not hmac.compare_digest(
        _signature(world, "Upload", upload.id, 0, "").encode(), signature
    ):
        return PlainTextResponse("Forbidden", 403)
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    if len(content) > LARGEST_UPLOAD or (len(content), checksum) != (upload.byte_size, upload.checksum):
        return PlainTextResponse("The file is not the one that was announced", 400)
    items.change(world, "Upload", upload.id, content_bytes=content)
    return Response(status_code=204)


def _signature(world: World, kind: str, record_id: str, expires: int, viewer: str) -> str:
    text = f"{kind}:{record_id}:{expires}:{viewer}"
    return hmac.new(f"emulator-files-{world.seed}".encode(), text.encode(), hashlib.sha256).hexdigest()
