"""Audit entries, made up."""

from datetime import UTC, datetime, timedelta
from typing import Any

from booking.audit.chain import NOTHING_YET, AuditKey, Link, extended, record_of
from booking.audit.model import AuditEntry, AuditKind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KEY = AuditKey(b"a sample key of the audit chain")
FORMER = AuditKey(b"the sample key that was used before")
WRONG = AuditKey(b"a key of somebody else's")


def an_entry(number: int = 1, **changes: Any) -> AuditEntry:
    """The attempt of call 1, its answer, the attempt of call 2, and so on; every third call is for no checkout."""
    call, answered = divmod(number - 1, 2)
    outcome = {"duration_ms": 12, "status": 200, "upstream_request_id": f"up-{number}"} if answered else {}
    values: dict[str, Any] = {
        "kind": AuditKind.ANSWERED if answered else AuditKind.ATTEMPTED,
        "call_id": f"call-{call + 1}",
        "at": NOON + timedelta(seconds=number),
        "actor": "patient:1001",
        "operation": "Charge",
        "operation_kind": "mutation",
        "attempt": 1,
        "acting": "clinician-1",
        "key_fingerprint": "0123abcd",
        "patient": "1001",
        "checkout_id": f"checkout_{call % 3}" if call % 3 else None,
        "request_id": f"req-{number}",
        "shape": {"input": {"amount_paid": "string", "sender_id": "string", "coupons": ["string"]}},
        "digest": "0f" * 32,
    }
    return AuditEntry(**(values | outcome | changes))


def a_chain(length: int, *, key: AuditKey = KEY) -> list[Link]:
    records = [record_of(an_entry(number), key) for number in range(1, length + 1)]
    return extended(NOTHING_YET, records, key)
