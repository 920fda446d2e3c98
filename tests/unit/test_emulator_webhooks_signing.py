"""Deliveries are signed as Healthie documents it."""

import base64
import hashlib
import hmac

from integrations.healthie_emulator.signing import signed_headers

BODY = b'{"resource_id":"5","resource_id_type":"Appointment","event_type":"appointment.updated"}'


def test_the_signature_covers_method_path_query_digest_type_and_length() -> None:
    headers = signed_headers(
        url="https://example.com/hooks/in?tenant=a&x=1", body=BODY, secret="whsec_sample"
    )
    digest = headers["Content-Digest"].split("=", 1)[1]
    assert base64.b64decode(digest) == hashlib.sha256(BODY).digest()
    signed = f"post /hooks/in tenant=a&x=1 {digest} application/json {len(BODY)}"
    expected = hmac.new(b"whsec_sample", signed.encode(), hashlib.sha256).hexdigest()
    assert headers["Signature"] == f"sig1={expected}"
    assert headers["Content-Digest"].startswith("SHA-256=")
    assert headers["Signature-Input"].startswith("sig1=(")


def test_an_empty_query_leaves_two_spaces() -> None:
    headers = signed_headers(url="https://example.com/hooks", body=BODY, secret="whsec_sample")
    digest = headers["Content-Digest"].split("=", 1)[1]
    expected = hmac.new(
        b"whsec_sample", f"post /hooks  {digest} application/json {len(BODY)}".encode(), hashlib.sha256
    )
    assert headers["Signature"] == f"sig1={expected.hexdigest()}"


def test_the_length_is_counted_in_bytes() -> None:
    headers = signed_headers(url="https://example.com/hooks", body="é".encode(), secret="whsec_sample")
    assert headers["Content-Length"] == "2"
