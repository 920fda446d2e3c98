"""Quotes of moves to another time, and the actions that follow from an accepted one: pure, on the gateway's clock."""

from datetime import datetime

from booking.change_quotes import RescheduleQuote
from booking.changes.checks import Rule, moves_left, refused_by, reschedule_checks, reschedule_until
from booking.changes.model import Action, ActionKind
from booking.changes.policy import ChangePolicy
from booking.changes.visit import BookedVisit
from booking.refusals.changes import NotAllowedReason, RescheduleNotAllowed, SlotDoesNotFit
from booking.slots import Slot

# A refusal in the practice's own words tells what patients may do, never what has become of the visit.
_IN_ITS_WORDS = (Rule.ALLOWED, Rule.NOTICE, Rule.RESCHEDULES, Rule.VERDICT)


def reschedule_quote(
    visit: BookedVisit, policy: ChangePolicy, *, now: datetime, by_staff: bool = False
) -> RescheduleQuote:
    """What moving the visit does now. Staff are bound by neither notice, number of moves nor verdict.

    The quote, and so its id, changes when what it says does, and not by the mere passing of time. Raises RescheduleNotAllowed.
    """
    refused = refused_by(reschedule_checks(visit, policy, now=now), by_staff=by_staff)
    slot = visit.slot
    if refused is not None or slot is None:
        reason = refused.refused_as if refused else NotAllowedReason.NOT_ONLINE
        own_words = refused is not None and refused.rule in _IN_ITS_WORDS
        raise RescheduleNotAllowed(
            reason,
            until=reschedule_until(visit) if reason is NotAllowedReason.TOO_LATE else None,
            message=visit.rules.cannot_reschedule_message if own_words else None,
        )
    return RescheduleQuote(
        appointment_id=visit.appointment.id,
        slot=slot,
        until=slot.start if by_staff else reschedule_until(visit),
        moves_left=None if by_staff else moves_left(visit, policy),
        other_clinicians=may_change_clinician(visit, policy, by_staff=by_staff),
    )


def may_change_clinician(visit: BookedVisit, policy: ChangePolicy, *, by_staff: bool) -> bool:
    """Whether the visit may be moved to another clinician, which books a new visit and cancels this one.

    Never where a credit was used, or may have been: the new visit would take a second one before the first comes back, if it does.
    """
    return (policy.other_clinicians or by_staff) and visit.credit_used is False


def reschedule_actions(quote: RescheduleQuote, new_slot: Slot) -> tuple[Action, ...]:
    """What an accepted quote has done to bring the visit to this slot, in order. The place may differ, but not the kind of visit.

    Raises SlotDoesNotFit.
    """
    old = quote.slot
    same_kind = (new_slot.visit_type_id, new_slot.contact_type) == (old.visit_type_id, old.contact_type)
    if not same_kind or new_slot.minutes != old.minutes:
        raise SlotDoesNotFit
    if new_slot.clinician_id != old.clinician_id:
        if not quote.other_clinicians:
            raise SlotDoesNotFit
        return Action(kind=ActionKind.BOOK_VISIT), Action(kind=ActionKind.CANCEL_VISIT)
    if (new_slot.start, new_slot.location_id) == (old.start, old.location_id):
        raise SlotDoesNotFit  # the visit stands there already
    return (Action(kind=ActionKind.MOVE_VISIT),)
