"""Healthie's webhook signature: HMAC-SHA256 over method, path, query, digest, content type and length.

The signed string is `{method} {path} {query} {digest} {content_type} {content_length}`: method in lower case, an
empty query leaves two spaces. There is no timestamp, so a replayed delivery verifies for ever.
"""

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

CONTENT_TYPE = "application/json"
SIGNATURE_INPUT = 'sig1=("@method" "@path" "@query" "content-digest" "content-type" "content-length")'


def signed_headers(
    *, url: str, body: bytes, secret: str, header_padded: bool = True, signed_padded: bool = True
) -> dict[str, str]:
    """Return the headers of one POST of `body` to `url`, signed with the webhook's `secret`.

    The documented sample cuts the digest at its first `=`, so it verifies only what is signed without padding; receivers of the real
    service exist for both. Header and signed text are a choice each.
    """
    address = urlsplit(url)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    signed_digest = digest if signed_padded else digest.rstrip("=")
    signed = f"post {address.path or '/'} {address.query} {signed_digest} {CONTENT_TYPE} {len(body)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body)),
        "Content-Digest": f"SHA-256={digest if header_padded else digest.rstrip('=')}",
        "Signature-Input": SIGNATURE_INPUT,
        "Signature": f"sig1={signature}",
    }
