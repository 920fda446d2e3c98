"""HealthieWebhooks: verifies webhook deliveries of Healthie and reads which resource they concern.

Healthie signs `{method} {path} {query} {digest} {content_type} {content_length}` with HMAC-SHA256 under the webhook's secret,
and sends digest and signature as headers. Its sample code trusts the digest header; here digest and length are computed from
the raw bytes. There is no timestamp and no event id, so a replayed delivery verifies for ever: a delivery is only a hint to
read the resource.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from datetime import datetime

from booking.resources import ChangeHint, Kind, Resource
from booking.sync.inbox import WebhookDelivery
from booking.sync.webhook_source import Forged, Malformed, Received

CONTENT_TYPE = "application/json"

# The only content type that is accepted and signed.
_SIGNATURE = re.compile(r"sig\d+=([0-9a-fA-F]{64})")

# Ids are numbers or names. Anything else is rejected, because ids end up in keys, commands and events.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_.]{1,100}", re.ASCII)

# Healthie's name for a record's type, such as `Forms::AnswerGroup`. Stored for information only.
_TYPE = re.compile(r"[ -~]{0,100}")

# The kind of an event's resource, by the part of the event's name before the dot.
_KINDS = {
    "appointment": Kind.VISIT,
    "billing_item": Kind.PAYMENT,
    "charge_back": Kind.DISPUTE,
    "patient": Kind.PATIENT,
    "form_answer_group": Kind.FORM,
    "stripe_customer_detail": Kind.CARD,
    "availability": Kind.AVAILABILITY,
}

# The events to subscribe to, as Healthie names them in subscriptions.
EVENTS = (
    "APPOINTMENT_CREATED",
    "APPOINTMENT_UPDATED",
    "APPOINTMENT_DELETED",
    "BILLING_ITEM_CREATED",
    "BILLING_ITEM_UPDATED",
    "BILLING_ITEM_DELETED",
    "CHARGE_BACK_CREATED",
    "CHARGE_BACK_UPDATED",
    "PATIENT_CREATED",
    "PATIENT_UPDATED",
    "PATIENT_MERGED",
    "FORM_ANSWER_GROUP_CREATED",
    "FORM_ANSWER_GROUP_SIGNED",
    "STRIPE_CUSTOMER_DETAIL_CREATED",
    "STRIPE_CUSTOMER_DETAIL_UPDATED",
    "STRIPE_CUSTOMER_DETAIL_DELETED",
    "AVAILABILITY_CREATED",
    "AVAILABILITY_UPDATED",
    "AVAILABILITY_DELETED",
)


class HealthieWebhooks:
    """The port WebhookSource."""

    path = "/webhooks/healthie"

    def verify(self, received: Received, secrets: Sequence[str]) -> None:
        """Raise Forged unless the delivery is genuine; see `verify`."""
        verify(received, secrets)

    def delivery_of(self, received: Received, *, at: datetime) -> WebhookDelivery:
        """Parse a verified delivery. Raises Malformed."""
        return delivery_of(received, at=at)


def verify(received: Received, secrets: Sequence[str]) -> None:
    """Raise Forged unless one of the secrets signed exactly this body, sent by POST to this path and query.

    The digest may be Base64, with or without padding, or hex: Healthie's own sample strips the padding. All comparisons are
    constant-time.
    """
    offered = _SIGNATURE.findall(received.headers.get("signature", ""))
    if not offered:
        raise Forged("no signature")
    name, _, digest = received.headers.get("content-digest", "").partition("=")
    if name.strip().lower() != "sha-256" or not _is_digest_of(digest.strip(), received.body):
        raise Forged("digest")
    genuine = False
    for secret in secrets:
        for written in {digest.strip(), digest.strip().rstrip("="), _padded(digest.strip())}:
            expected = signature(
                received.path, received.query, written, length=len(received.body), secret=secret
            )
            for one in offered:
                genuine |= hmac.compare_digest(expected, one.lower())
    if not genuine:
        raise Forged("signature")


def delivery_of(received: Received, *, at: datetime) -> WebhookDelivery:
    """Parse a verified delivery. Raises Malformed."""
    if received.headers.get("content-type", "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise Malformed("content type")
    try:
        said = json.loads(received.body.decode())
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if not isinstance(said, dict):
        raise Malformed("not an object")
    event = _text(said.get("event_type"), _NAME, "event_type")
    resource_id = _text(said.get("resource_id"), _ID, "resource_id")
    return WebhookDelivery(
        event=event,
        resource_type=_text(said.get("resource_id_type") or "", _TYPE, "resource_id_type"),
        resource_id=resource_id,
        received_at=at,
        hint=hint_of(event, resource_id, about=said.get("user_id")),
    )


def hint_of(event: str, resource_id: str, *, about: object = None) -> ChangeHint | None:
    """The resource to read after an event such as `appointment.updated`; None when the kind is not synchronized."""
    kind = _KINDS.get(event.rpartition(".")[0])
    if kind is None:
        return None
    whose = str(about) if isinstance(about, str | int) and _ID.fullmatch(str(about)) else None
    return ChangeHint(
        resource=Resource(kind=kind, id=resource_id),
        merged=event == "patient.merged",
        about=whose if kind is Kind.CARD else None,
    )


def _text(value: object, form: re.Pattern[str], name: str) -> str:
    """A name, a type or an id as text; ids may arrive as numbers. Raises Malformed."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise Malformed(name)
    return value


def signature(path: str, query: str, digest: str, *, length: int, secret: str) -> str:
    """The signature of a POST of JSON, in hex (Healthie's guide on webhooks)."""
    signed = f"post {path} {query} {digest} {CONTENT_TYPE} {length}"
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def _padded(digest: str) -> str:
    bare = digest.rstrip("=")
    return bare + "=" * (-len(bare) % 4)


def _is_digest_of(text: str, body: bytes) -> bool:
    """Whether the text is the SHA-256 of the body, in hex or Base64."""
    actual = hashlib.sha256(body)
    if len(text) == actual.digest_size * 2:
        return hmac.compare_digest(text.lower().encode(), actual.hexdigest().encode())
    try:
        given = base64.b64decode(_padded(text), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, actual.digest())
