"""Whether a delivery is genuine, decided on raw bytes; and what a genuine one points at."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from booking.resources import ChangeHint, Kind, Resource
from booking.sync.webhook_source import Forged, Malformed, Received
from integrations.healthie.webhooks import delivery_of, verify
from integrations.healthie_emulator.signing import signed_headers

SECRET, OTHER = "whsec_sample", "whsec_other"
NOW = datetime(2027, 1, 4, 15, 0, tzinfo=UTC)
BODY = b'{"resource_id":"501","resource_id_type":"Appointment","event_type":"appointment.updated"}'

# Each as a genuine sender may write it: other orders, blanks, letters outside ASCII (as they are, and escaped).
GENUINE = (
    BODY,
    b'{ "event_type" : "appointment.updated",\n  "resource_id_type":"Appointment", "resource_id" : 501 }\n',
    '{"resource_id":"501","resource_id_type":"Appointment","event_type":"appointment.updated","changed_fields":["größe","日"]}'.encode(),
    rb'{"resource_id":"501","resource_id_type":"Appointment","event_type":"appointment.updated","note":"\u00e9"}',
)


def sent(body: bytes = BODY, *, url: str = "https://example.com/hooks", secret: str = SECRET) -> Received:
    headers = signed_headers(url=url, body=body, secret=secret)
    path, _, query = url.removeprefix("https://example.com").partition("?")
    lowered = {name.lower(): value for name, value in headers.items()}
    return Received(path=path, query=query, headers=lowered, body=body)


def written(digest: str, *, signed_as: str | None = None, body: bytes = BODY) -> Received:
    """A delivery whose digest is written like this, in the header and in what is signed."""
    text = f"post /hooks  {signed_as or digest} application/json {len(body)}"
    signature = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "content-digest": f"SHA-256={digest}",
        "signature": f"sig1={signature}",
    }
    return Received(path="/hooks", query="", headers=headers, body=body)


@pytest.mark.parametrize("body", GENUINE)
@pytest.mark.parametrize("url", ["https://example.com/hooks", "https://example.com/a/b?token=x%20y&z=1"])
def test_what_healthie_signed_is_genuine_however_it_is_written(body: bytes, url: str) -> None:
    received = sent(body, url=url)

    verify(received, [SECRET])

    assert delivery_of(received, at=NOW).hint == ChangeHint(resource=Resource(kind=Kind.VISIT, id="501"))


def digests(body: bytes) -> dict[str, str]:
    raw = hashlib.sha256(body).digest()
    padded = base64.b64encode(raw).decode()
    return {"padded": padded, "unpadded": padded.rstrip("="), "hex": raw.hex(), "HEX": raw.hex().upper()}


@pytest.mark.parametrize("form", ["padded", "unpadded", "hex", "HEX"])
def test_the_digest_may_be_base64_with_or_without_its_padding_or_hex(form: str) -> None:
    verify(written(digests(BODY)[form]), [SECRET])


def test_the_padding_may_be_cut_from_what_is_signed_only() -> None:
    both = digests(BODY)
    verify(written(both["padded"], signed_as=both["unpadded"]), [SECRET])
    verify(written(both["unpadded"], signed_as=both["padded"]), [SECRET])


def test_during_a_rotation_either_secret_signs() -> None:
    verify(sent(), [OTHER, SECRET])
    verify(sent(secret=OTHER), [OTHER, SECRET])


def test_two_signatures_may_stand_in_one_header() -> None:
    one, other = sent(), sent(secret=OTHER)
    both = f"{other.headers['signature']}, {one.headers['signature'].replace('sig1', 'sig2')}"
    verify(replace(one, headers=dict(one.headers) | {"signature": both}), [SECRET])


def changed(received: Received, **headers: str | None) -> Received:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in received.headers.items() if name not in names}
    return replace(
        received, headers=kept | {name: value for name, value in names.items() if value is not None}
    )


FORGERIES = {
    "another secret": sent(secret=OTHER),
    "swapped body": replace(sent(), body=BODY.replace(b"501", b"502")),
    "one byte more": replace(sent(), body=BODY + b" "),
    "another path": replace(sent(), path="/hook"),
    "path in capitals": replace(sent(), path="/HOOKS"),
    "another query": replace(sent(url="https://example.com/hooks?a=1"), query="a=2"),
    "query lost": replace(sent(url="https://example.com/hooks?a=1"), query=""),
    "no signature": changed(sent(), signature=None),
    "no digest": changed(sent(), content_digest=None),
    "empty digest": changed(sent(), content_digest="SHA-256="),
    "digest of nothing known": changed(sent(), content_digest="MD5=abc"),
    "digest not Base64": changed(sent(), content_digest="SHA-256=ümlaut"),
    "signature of another length": changed(sent(), signature="sig1=abcd"),
    "signature not hex": changed(sent(), signature="sig1=" + "x" * 64),
    "signature without its name": changed(sent(), signature="0" * 64),
    # The digest of the genuine body, and another body: what a receiver that trusts the header would let in.
    "digest trusted": replace(written(digests(BODY)["padded"]), body=BODY.replace(b"501", b"777")),
}


@pytest.mark.parametrize("received", FORGERIES.values(), ids=FORGERIES.keys())
def test_what_nobody_signed_so_is_forged(received: Received) -> None:
    with pytest.raises(Forged):
        verify(received, [SECRET])


def test_without_a_secret_everything_is_forged() -> None:
    with pytest.raises(Forged):
        verify(sent(), [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe",
        b'{"resource_id_type":"Appointment","event_type":"appointment.updated"}',
        b'{"resource_id":null,"resource_id_type":"Appointment","event_type":"appointment.updated"}',
        b'{"resource_id":true,"resource_id_type":"Appointment","event_type":"appointment.updated"}',
        b'{"resource_id":1.5,"resource_id_type":"Appointment","event_type":"appointment.updated"}',
        b'{"resource_id":"1\\u0000","resource_id_type":"Appointment","event_type":"appointment.updated"}',
        b'{"resource_id":"../1","resource_id_type":"Appointment","event_type":"appointment.updated"}',
        b'{"resource_id":"1","resource_id_type":"Appointment","event_type":["appointment.updated"]}',
        b'{"resource_id":"1","resource_id_type":"' + b"A" * 200 + b'","event_type":"appointment.updated"}',
        b"[" * 60_000,
    ],
)
def test_a_genuine_body_of_another_shape_is_malformed(body: bytes) -> None:
    received = sent(body)
    verify(received, [SECRET])
    with pytest.raises(Malformed):
        delivery_of(received, at=NOW)


def test_another_content_type_is_malformed() -> None:
    with pytest.raises(Malformed):
        delivery_of(changed(sent(), content_type="text/plain"), at=NOW)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("appointment.created", Kind.VISIT),
        ("billing_item.deleted", Kind.PAYMENT),
        ("charge_back.created", Kind.DISPUTE),
        ("patient.updated", Kind.PATIENT),
        ("form_answer_group.signed", Kind.FORM),
        ("stripe_customer_detail.deleted", Kind.CARD),
        ("availability.updated", Kind.AVAILABILITY),
        ("task.created", None),
        ("appointment_recording.started", None),
    ],
)
def test_an_event_points_at_a_resource_or_at_nothing_that_is_watched(event: str, kind: Kind | None) -> None:
    said: dict[str, Any] = {"resource_id": 7, "resource_id_type": "Sample", "event_type": event}
    delivery = delivery_of(sent(json.dumps(said).encode()), at=NOW)

    assert delivery.resource_id == "7"
    assert (delivery.hint.resource if delivery.hint else None) == (kind and Resource(kind=kind, id="7"))


@pytest.mark.parametrize("said", ["Forms::AnswerGroup", "Form answer group", 7, "", None])
def test_a_delivery_counts_whatever_healthie_calls_the_type_of_what_it_points_at(said: object) -> None:
    body = {"resource_id": "7", "resource_id_type": said, "event_type": "form_answer_group.created"}
    delivery = delivery_of(sent(json.dumps(body).encode()), at=NOW)
    assert delivery.hint == ChangeHint(resource=Resource(kind=Kind.FORM, id="7"))
    assert delivery.resource_type == str(said or "")


def test_a_merge_is_remembered_since_no_state_tells_it() -> None:
    said = {"resource_id": "7", "resource_id_type": "User", "event_type": "patient.merged"}
    hint = delivery_of(sent(json.dumps(said).encode()), at=NOW).hint
    assert hint is not None
    assert hint.merged


def test_a_card_s_delivery_may_say_whose_it_is() -> None:
    said = {
        "resource_id": "7",
        "resource_id_type": "StripeCustomerDetail",
        "event_type": "stripe_customer_detail.created",
        "user_id": 501,
    }
    hint = delivery_of(sent(json.dumps(said).encode()), at=NOW).hint
    assert hint is not None
    assert hint.about == "501"
