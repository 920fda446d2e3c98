"""The rules of the saga, each with the means to take it out: a simulation that does not notice is too weak.

A removal reaches into the real program and changes that one thing. Behind some rules stands another that would mend
what happens; it is named here and taken out with it, so that it is seen that each of the two is enough by itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import booking.checkout.attempt_limits
import booking.checkout.steps
import integrations.database.holds
from booking.catalog.model import BookingPolicy
from booking.catalog.terms import PresentTerms
from booking.checkout.checkout_holds import CheckoutHolds
from booking.checkout.follow_up import FollowUp
from booking.checkout.model import CheckoutState as S
from booking.checkout.reconciliation import LateReconciler
from integrations.database.claims import SqlClaims
from integrations.healthie import late_payments, payments
from tests.simulation.fate import Trouble
from tests.simulation.meanwhile import (
    another,
    block,
    change_terms_early,
    change_terms_late,
    claiming,
    empty_holds,
    hand_on,
    hasty,
    last_minute,
    leaving,
    lose_claim,
    lose_holds,
    outage,
    refund_by_hand,
    resolve_unrefunded,
    staff_book,
    strangers,
)
from tests.simulation.removals import (
    as_quoted,
    check_no_more,
    leave_it,
    let_it_go,
    refund_at_once,
    see_nothing,
    take_nothing,
    take_the_match,
    whatever_did_not_pay,
    without_allow_list,
    without_fence,
    without_proof_of_refunds,
    without_read_back,
    without_upstream_key,
    without_waiting,
)
from tests.simulation.rule import Removal, Rule, first, replaced, with_state, without_guard
from tests.simulation.scenarios import CANONICAL, canonical
from tests.simulation.schedule import Scenario

KEY: Mapping[str, Removal] = {"upstream key": without_upstream_key}
SERIES: Mapping[str, Removal] = {"series in late looks": replaced(late_payments, "bills_on", lambda _: False)}
SWEEP: Mapping[str, Removal] = {"late sweep": replaced(LateReconciler, "check", check_no_more)}

# All of a working day but its lunch break.
CROWD = Scenario(wishes=tuple(partial(strangers, hour=hour) for hour in (9, 10, 11, 13, 14, 15, 16)))

TROUBLED_CHARGE = (Trouble.LOST_ANSWER, Trouble.SILENCE, Trouble.LATE, Trouble.VERY_LATE)

# A driver that others overtake is overtaken at any of its points: every third will do.
FREEZES = (
    *(
        ((point, number), Trouble.FREEZE)
        for point in ("database", "database committed")
        for number in range(3, 30, 3)
    ),
    (("answer Charge", 1), Trouble.FREEZE),
    (("answer Book", 1), Trouble.FREEZE),
)

RULES = (
    Rule(
        name="upstream key",
        removal=without_upstream_key,
        guards={},
        scenario=CANONICAL,
        troubles=first("Charge", *TROUBLED_CHARGE),
        noticed_as="charged twice",
    ),
    Rule(
        name="version fence",
        removal=without_fence,
        guards={},
        scenario=CANONICAL,
        troubles=FREEZES,
        noticed_as="",
    ),
    Rule(
        name="claim before money",
        removal=replaced(SqlClaims, "take", take_nothing),
        # Alone it sends nothing at all.
        guards={"claim asked before every send": without_guard("claim lost")},
        scenario=Scenario(wishes=(canonical, another), events=(lose_holds,)),
        troubles=first("Charge", Trouble.SLOW),
        noticed_as="charged and given back for a slot of ours",
    ),
    Rule(
        name="look before booking",
        removal=with_state(S.BOOKING_INTENDED, look=see_nothing),
        guards=SWEEP,
        scenario=CANONICAL,
        troubles=first("Book", *TROUBLED_CHARGE),
        noticed_as="ended as refunded and booked",
    ),
    Rule(
        name="look before charging again",
        removal=with_state(S.CHARGE_INTENDED, look=see_nothing),
        guards=KEY,
        scenario=CANONICAL,
        troubles=first("Charge", *TROUBLED_CHARGE),
        noticed_as="charged twice",
        guarded=True,
    ),
    Rule(
        name="wait before looking",
        removal=without_waiting,
        guards=KEY,
        scenario=CANONICAL,
        troubles=first("Charge", Trouble.LATE),
        noticed_as="charged twice",
        guarded=True,
    ),
    Rule(
        name="deadline",
        removal=without_guard("deadline passed"),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(outage,)),
        troubles=first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR),
        noticed_as="charge sent after the deadline",
    ),
    Rule(
        name="allow-list of refusals",
        removal=without_allow_list,
        guards={},
        scenario=Scenario(
            wishes=(lambda schedule: replace(canonical(schedule), cards=("tok_visa", "tok_visa")),)
        ),
        troubles=first("Charge", *TROUBLED_CHARGE),
        noticed_as="charged twice",
    ),
    Rule(
        name="late sweep",
        removal=SWEEP["late sweep"],
        guards={},
        scenario=leaving(4.0),
        troubles=first("Charge", Trouble.VERY_LATE) + first("Book", Trouble.VERY_LATE),
        noticed_as="",
    ),
    Rule(
        name="provider read-back",
        removal=without_read_back,
        guards={},
        scenario=Scenario(
            wishes=(canonical,), events=(hand_on,), switches={"other_party_id_overrides": False}
        ),
        troubles=(),
        noticed_as="wrong clinician",
    ),
    Rule(
        name="nobody else's record",
        removal=replaced(booking.checkout.steps, "may_use_match", lambda *_: True),
        guards={},
        scenario=Scenario(wishes=(claiming,)),
        troubles=first("CreatePatient", Trouble.SLOW) + first("AttachCard", Trouble.SLOW),
        noticed_as="guest in another's record",
    ),
    Rule(
        name="only a record of one's own after a lost answer",
        removal=with_state(S.PATIENT_INTENDED, look=take_the_match),
        guards={},
        scenario=Scenario(wishes=(claiming,)),
        troubles=first("CreatePatient", Trouble.LOST_ANSWER, Trouble.SILENCE, Trouble.LOST_REQUEST),
        noticed_as="guest in another's record",
    ),
    Rule(
        name="recurring cancelled on refund",
        removal=with_state(S.COMPENSATING, step=refund_at_once),
        guards=SERIES,
        scenario=Scenario(wishes=(canonical,), events=(staff_book,)),
        troubles=(),
        noticed_as="refunded and still billed",
    ),
    Rule(
        name="terms read anew",
        removal=replaced(PresentTerms, "of", as_quoted),
        guards={},
        scenario=Scenario(
            wishes=(lambda schedule: replace(canonical(schedule), thinks=80.0),),
            events=(change_terms_early,),
        ),
        troubles=(),
        noticed_as="charged on terms that had changed",
    ),
    Rule(
        name="charged wrongly",
        removal=replaced(payments, "_is_shown", lambda *_: False),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(change_terms_late,)),
        troubles=(),
        noticed_as="charged on other terms and kept",
    ),
    Rule(
        name="series in late looks",
        removal=SERIES["series in late looks"],
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(refund_by_hand,)),
        troubles=first("Charge", Trouble.VERY_LATE),
        noticed_as="refunded and still billed",
    ),
    Rule(
        name="refunded is proved",
        removal=without_proof_of_refunds,
        guards=SWEEP,
        scenario=Scenario(wishes=(canonical,), events=(resolve_unrefunded,)),
        troubles=(),
        noticed_as="charged and not booked",
    ),
    Rule(
        name="blocks asked before every send",
        removal=without_guard("clinician blocked"),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(block,)),
        troubles=first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR, Trouble.NO_CONNECTION)
        + first("Book", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR, Trouble.NO_CONNECTION),
        noticed_as="sent for a blocked clinician",
    ),
    Rule(
        name="claim asked before every send",
        removal=without_guard("claim lost"),
        guards={},
        scenario=Scenario(wishes=(canonical, hasty), events=(lose_claim,)),
        troubles=first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR),
        noticed_as="charged and given back for a slot of ours",
    ),
    Rule(
        name="too late to be confirmed",
        removal=replaced(BookingPolicy, "is_too_late", lambda *_: False),
        guards={},
        scenario=Scenario(wishes=(last_minute(arrives=840.0, thinks=50.0),)),
        troubles=(),
        noticed_as="sent too late",
    ),
    Rule(
        name="too late to be sent again",
        removal=without_guard("too late"),
        guards={},
        scenario=Scenario(wishes=(last_minute(arrives=830.0, thinks=30.0),)),
        troubles=first("Charge", Trouble.LOST_REQUEST, Trouble.SERVER_ERROR, Trouble.NO_CONNECTION),
        noticed_as="sent too late",
    ),
    Rule(
        name="lost hold taken again",
        removal=replaced(CheckoutHolds, "again", let_it_go),
        guards={},
        scenario=Scenario(wishes=(canonical,), events=(empty_holds,)),
        troubles=(),
        noticed_as="hold given up before its time",
    ),
    Rule(
        name="share of a day for strangers",
        removal=replaced(integrations.database.holds, "free_again_at", lambda *_: None),
        guards={},
        scenario=CROWD,
        troubles=(),
        noticed_as="strangers hold a day",
    ),
    Rule(
        name="only what a bank has judged is counted",
        removal=replaced(booking.checkout.attempt_limits, "was_attempt", whatever_did_not_pay),
        guards={},
        scenario=CANONICAL,
        troubles=first("AttachCard", Trouble.NO_CONNECTION, Trouble.THROTTLED, Trouble.SWALLOWED),
        noticed_as="counted a card that was not sent",
    ),
    Rule(
        name="hold given back once more",
        removal=replaced(FollowUp, "_release_hold", leave_it),
        guards={},
        scenario=CANONICAL,
        troubles=(
            (("database committed", 12), Trouble.KILL),  # the end
            (("holds", 8), Trouble.KILL),  # the hold given back with it
            (("holds", 8), Trouble.HOLDS_DOWN),
        ),
        noticed_as="hold left behind",
    ),
)
