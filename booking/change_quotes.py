"""Quotes of changes: what cancelling or moving a visit, or ending, pausing or resuming a membership, does now, and why. The patient accepts one by its id.

Beside the folders, since refusals carry them (refusals/changes.py). What they say is computed in changes/cancelling.py and rescheduling.py.
"""

import base64
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum

from booking.errors import InvalidInput
from booking.money import Money
from booking.slots import Slot

# Visits' ids are far shorter. Whoever makes a quote's id by hand may put anything into it, also what no database takes.
_ID = re.compile(r"[!-~]{1,255}", re.ASCII)


class FeeMethod(StrEnum):
    """Who charges the fee of a late cancellation: one of the two, never both."""

    CHARGED = "charged"  # by this program, to the card on file
    BY_PRACTICE = "by_practice"  # by the system of record, because of the visit's status


@dataclass(frozen=True, kw_only=True)
class Fee:
    """What a late change costs."""

    amount: Money
    method: FeeMethod


class CreditOutcome(StrEnum):
    """What becomes of the credit of a plan that the visit used."""

    GIVEN_BACK = "given_back"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True)
class CancellationQuote:
    """What cancelling a visit does now."""

    appointment_id: str
    slot: Slot  # as it is booked
    late: bool  # with less notice than the policy asks (ChangePolicy.late_notice)
    free_until: datetime | None  # UTC; until when cancelling costs nothing; None: it always costs, or never
    refund: Money | None  # None: nothing was paid here, or nothing is given back
    kept: Money | None  # of what was paid
    fee: Fee | None
    credit: CreditOutcome | None  # None: no credit was used
    stops_recurring: bool
    reason_required: bool

    @property
    def id(self) -> str:
        """Names these terms, and the visit: accepting the id accepts exactly these."""
        return quote_id("cancel", self.appointment_id, asdict(self))


@dataclass(frozen=True, kw_only=True)
class RescheduleQuote:
    """What moving a visit does now. Moving never charges or refunds anything."""

    appointment_id: str
    slot: Slot
    until: datetime  # UTC; until when it may be moved
    moves_left: int | None  # this one included; None: no limit
    other_clinicians: bool  # whether another clinician may be chosen

    @property
    def id(self) -> str:
        """Names these terms, and the visit: accepting the id accepts exactly these."""
        return quote_id("move", self.appointment_id, asdict(self))


@dataclass(frozen=True, kw_only=True)
class MembershipEndQuote:
    """What ending a membership does now: later payments end, and nothing is given back. Credits that were bought stay."""

    membership_id: str
    plan_name: str | None
    amount: Money  # of each payment that is not made any more
    next_payment_at: datetime | None  # UTC; when the next one would be made; None: none is planned
    payments_left: int | None  # that are not made any more; None: any number
    credits_kept: bool = True  # those that were given before; no new ones come

    @property
    def id(self) -> str:
        """Names these terms, and the membership: accepting the id accepts exactly these."""
        return quote_id("end-membership", self.membership_id, asdict(self))


@dataclass(frozen=True, kw_only=True)
class MembershipPauseQuote:
    """What pausing a membership does now: it bills nothing until it is resumed, and nothing is given back."""

    membership_id: str
    plan_name: str | None
    amount: Money  # of each payment that is not made meanwhile
    next_payment_at: datetime | None  # UTC; of the first that is not made; None: not known
    payments_left: int | None  # that are made once it is resumed; None: any number
    pauses_left: int | None  # this one included; None: no limit
    credits_kept: bool = True  # those that were given before; no new ones come meanwhile

    @property
    def id(self) -> str:
        """Names these terms, and the membership: accepting the id accepts exactly these."""
        return quote_id("pause-membership", self.membership_id, asdict(self))


@dataclass(frozen=True, kw_only=True)
class MembershipResumeQuote:
    """What resuming a paused membership does now: it bills on, from `next_payment_on`. Nothing is made up for."""

    membership_id: str
    plan_name: str | None
    amount: Money  # of the next payment
    next_payment_on: date  # on the practice's clock; not later than today: it is made at once
    payments_left: int | None  # None: until it is ended
    credits_kept: bool = True

    @property
    def id(self) -> str:
        """Names these terms, and the membership: accepting the id accepts exactly these."""
        return quote_id("resume-membership", self.membership_id, asdict(self))


def quote_id(kind: str, subject_id: str, terms: dict[str, object]) -> str:
    """An opaque id of what is changed and the digest of the terms (URL-safe Base64); it holds no patient data."""
    digest = hashlib.sha256(json.dumps(terms, default=str, sort_keys=True).encode()).hexdigest()[:32]
    raw = json.dumps([kind, subject_id, digest], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def subject_in(kind: str, given: str) -> str:
    """What a quote's id says is changed. Raises InvalidInput when it is no id of such a quote."""
    try:
        raw = json.loads(base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True))
        found_kind, subject_id, _ = raw
    except (ValueError, TypeError):
        found_kind, subject_id = None, None
    if found_kind != kind or not isinstance(subject_id, str) or not _ID.fullmatch(subject_id):
        raise InvalidInput(field="quoteId", reason="This is not the id of such a quote.")
    return subject_id
