"""`POST /webhooks/healthie` as a typed route: what it takes and answers, for the OpenAPI document.

FastAPI reads nothing of the request: the endpoint verifies its raw bytes, within bounds of size and time, before anything is
parsed. So what the document says of headers and body is not validated here; it describes what the endpoint demands.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.webhooks.endpoint import LARGEST_BODY, WebhookEndpoint


class HealthieDelivery(BaseModel):
    """The body of a webhook: which record changed. Only its ids are used; the record itself is read from Healthie."""

    resource_id: str | int = Field(description="The record's id at Healthie.", examples=["501"])
    resource_id_type: str | None = Field(
        default=None, description="The record's type, in Healthie's words.", examples=["Appointment"]
    )
    event_type: str = Field(description="What happened to it.", examples=["appointment.updated"])
    user_id: str | int | None = Field(default=None, description="The patient whose card changed.")


def _header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }


_SIGNED_REQUEST = {
    "parameters": [
        _header("Content-Digest", "`SHA-256=` and the digest of the raw body, in Base64 or hex."),
        _header(
            "Signature",
            "`sig1=` and the HMAC-SHA256, in hex, of `post PATH QUERY DIGEST application/json LENGTH` under the webhook's"
            " secret. PATH and QUERY are those of the address that Healthie knows. While a secret is replaced there may be several.",
        ),
    ],
    "requestBody": {
        "required": True,
        "description": f"At most {LARGEST_BODY:,} bytes, within five seconds.",
        "content": {"application/json": {"schema": HealthieDelivery.model_json_schema()}},
    },
}

_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "Genuine, and not what Healthie is known to send; or the sender hung up."},
    401: {"description": "Nobody who knows a secret of ours signed this body for this address, or the source is not a listed one."},
    413: {"description": f"Longer than {LARGEST_BODY:,} bytes; the rest was not read."},
    429: {
        "description": "Too many deliveries from this network were refused; nothing was read.",
        "headers": {"Retry-After": {"description": "Seconds until deliveries from this network are read again.", "schema": {"type": "integer"}}},
    },
    503: {"description": "It was not received, verified or stored in time, five seconds for each. Healthie retries."},
}  # fmt: skip


async def _endpoint(request: Request) -> WebhookEndpoint:
    endpoint: WebhookEndpoint = request.app.state.webhooks
    return endpoint


async def receive_healthie_webhook(
    request: Request, endpoint: Annotated[WebhookEndpoint, Depends(_endpoint)]
) -> Response:
    """Called by Healthie only. No response has a body.

    A refused delivery is counted and not stored. A delivery only names a record that is then read from Healthie, so a repeated one does no harm.
    """
    return await endpoint.answer(request)


class _OtherMethods:
    """Hands every other method to the same endpoint, which refuses and counts it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 405, or 429 to a network that is shut out."""
        endpoint: WebhookEndpoint = scope["app"].state.webhooks
        await endpoint(scope, receive, send)


def webhook_router(path: str) -> APIRouter:
    """Serves the route at the path that the sender of the webhooks is given."""
    router = APIRouter(tags=["webhooks"])
    router.add_api_route(
        path,
        receive_healthie_webhook,
        methods=["POST"],
        operation_id="receiveHealthieWebhook",
        summary="A record changed at Healthie",
        status_code=204,
        response_class=Response,
        response_description="Verified and stored: the delivery and the pending refresh of its record are committed.",
        responses=_REFUSALS,
        openapi_extra=_SIGNED_REQUEST,
    )
    router.routes.append(Route(path, _OtherMethods(), include_in_schema=False))
    return router
