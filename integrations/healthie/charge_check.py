"""ChargeCheck: finds what Healthie charges by itself for visits that patients have paid for here.

With automatic charges for visits that occurred, Healthie charges a visit type's price to the card on file once staff mark a visit as
Occurred (Healthie's help centre on automatic charges). Our checkout has taken that price already, and has put that card on file. No
call of ours is documented to prevent it, so the practice is told.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from booking.catalog.model import Catalog
from booking.errors import UpstreamUnavailable
from booking.sync.drift import DriftFinding, Severity
from integrations.healthie.answers import every
from integrations.healthie.generated.automatic_charges import (
    AutomaticCharges,
    AutomaticChargesAppointmentTypesNodes,
)
from integrations.healthie.generated.client import Client
from integrations.healthie.generated.fragments import AutomaticCharging
from integrations.upstream.errors import CallError

FEES = {"late_cancellation_fee": "late cancellation", "no_show_fee": "no-show"}


# Healthie's help centre has codes for one payment and for every one, and the reference a number of discount periods. What no number
# means is not documented. Without the codes themselves: they are the practice's to give out.
_OPEN_ENDED = DriftFinding(
    severity=Severity.NOTE,
    what=(
        "Some promo codes may not say for how many payments of a recurring plan they are good. Quotes say that such a discount may end "
        "after any payment: set the number of payments of each code in Healthie."
    ),
)


class ChargeCheck:
    """Compares what is sold here with what Healthie charges by itself. Reads only, with one request for fifty visit types."""

    def __init__(self, *, client: Client, catalog: Callable[[], Awaitable[Catalog]]) -> None:
        """`client` acts with the organisation's key; `catalog` is what is sold, and raises UpstreamUnavailable."""
        self._client = client
        self._catalog = catalog

    async def findings(self) -> list[DriftFinding]:
        """One finding for each way in which a visit type that is sold here costs a patient more than was stated.

        Never raises for what Healthie does: settings that cannot be read are a finding.
        """
        answers: list[AutomaticCharges] = []

        async def ask(after: str | None) -> AutomaticCharges:
            answers.append(await self._client.automatic_charges(after=after))
            return answers[-1]

        try:
            kinds = await every(ask, lambda answer: answer.appointment_types)
            catalog = await self._catalog()
        except CallError as error:
            return [_unknown(error.code)]
        except UpstreamUnavailable:
            return [_unknown("not_answered")]
        owner = answers[0].current_user
        general = owner.appointment_setting if owner else None
        by_id = {kind.id: kind for kind in kinds}
        return [*charged_besides(catalog, general, by_id), *await self._of_promo_codes(catalog)]

    async def _of_promo_codes(self, catalog: Catalog) -> list[DriftFinding]:
        """Whether codes for plans that recur say how many payments they lower."""
        if not any(plan.frequency.recurs for plan in catalog.plans):
            return []
        try:
            codes = await every(
                lambda after: self._client.lasting_coupons(after=after),
                lambda answer: answer.offering_coupons,
            )
        except CallError:
            return [_OPEN_ENDED]
        return [_OPEN_ENDED] if any(each.is_valid and each.repeat_times is None for each in codes) else []


def charged_besides(
    catalog: Catalog,
    general: AutomaticCharging | None,
    kinds: Mapping[str, AutomaticChargesAppointmentTypesNodes],
) -> Iterator[DriftFinding]:
    """The findings. `general` is the practice's policy; `kinds` are its visit types, by id."""
    if general is None or general.charge_for_occurred_appts is None:
        yield _unknown("no_policy")
    in_plans = {each.visit_type_id for plan in catalog.plans for each in plan.visits}
    for sold in catalog.visit_types:
        kind = kinds.get(sold.id)
        own = kind.appointment_setting if kind and kind.has_specific_appointment_settings else None
        name = f"{sold.name} ({sold.id})"
        has_price = sold.price is not None and not sold.price.is_zero
        if has_price and _is_on("charge_for_occurred_appts", own, general):
            yield _charged_again(name, own)
        if kind and kind.insurance_billing_enabled and (has_price or sold.id in in_plans):
            yield _insured(name)
        if own and _is_on("auto_schedule_charges_for_late_cancellation_no_show", own, general):
            yield from _untold_fees(name, own, general)


def _is_on(setting: str, own: AutomaticCharging | None, general: AutomaticCharging | None) -> bool:
    """Whether a setting holds for a visit type: its own policy replaces the practice's, as far as it says something."""
    values = (getattr(policy, setting) for policy in (own, general) if policy is not None)
    return bool(next((value for value in values if value is not None), False))


def _charged_again(name: str, own: AutomaticCharging | None) -> DriftFinding:
    has_own = own is not None and own.charge_for_occurred_appts is not None
    where = "the visit type's own settings" if has_own else "the practice's appointment settings"
    what = (
        f"Patients who paid here are charged again when a visit of {name} is marked Occurred: "
        f"switch charge_for_occurred_appts off in Healthie, in {where}."
    )
    return DriftFinding(severity=Severity.BREAKING, what=what)


def _insured(name: str) -> DriftFinding:
    what = (
        f"Healthie bills patients their insurance's share when a visit of {name} is marked Occurred, whatever they paid here: "
        "switch insurance_billing_enabled off for it, or do not offer it here."
    )
    return DriftFinding(severity=Severity.WARNING, what=what)


def _untold_fees(
    name: str, own: AutomaticCharging, general: AutomaticCharging | None
) -> Iterator[DriftFinding]:
    """Fees above those of the practice's policy, which is what patients are shown."""
    higher = [
        words
        for fee, words in FEES.items()
        if (getattr(own, fee) or 0) > ((getattr(general, fee) if general else None) or 0)
    ]
    if higher:
        what = f"Healthie charges more for a {_either(higher)} of {name} than patients are shown: the practice's fee is lower."
        yield DriftFinding(severity=Severity.WARNING, what=what)


def _either(words: Iterable[str]) -> str:
    return " or a ".join(words)


def _unknown(why: str) -> DriftFinding:
    what = f"Whether Healthie charges visits that patients paid for here cannot be read ({why})."
    return DriftFinding(severity=Severity.NOTE, what=what)
