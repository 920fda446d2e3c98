"""Recurring payments: started by a recurring plan, billed again as the emulator's clock passes, cancelled."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.healthie_emulator import coupons
from integrations.healthie_emulator.amounts import from_minor, payment_date, recurs
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.money_records import BillingItem, RecurringPayment
from integrations.healthie_emulator.records import Offering, User
from integrations.healthie_emulator.state import Request, World


def start(world: World, item: BillingItem, offering: Offering) -> RecurringPayment | None:
    """Start the series that a first payment begins; None for a one-time plan."""
    if not recurs(offering.billing_frequency):
        return None
    now = world.clock.now()
    series = world.recurring_payments.add(
        sender_id=item.sender_id,
        recipient_id=item.recipient_id,
        offering_id=offering.id,
        billing_frequency=offering.billing_frequency,
        amount=offering.price,
        start_at=now,
        counted_from=now,
        next_payment_date=payment_date(now, offering.billing_frequency, 1),
        repeat_times=offering.repeat_times,
        offering_coupon_id=item.offering_coupon_id,
        stripe_customer_detail_id=item.stripe_customer_detail_id,
    )
    if offering.repeat_times is not None and offering.repeat_times <= 1:
        series = world.recurring_payments.change(series.id, next_payment_date=None)
    world.emit("recurring_payment.created", "RecurringPayment", series.id)
    return series


def count_payment(world: World, series: RecurringPayment) -> RecurringPayment:
    """Move a series on by one period, whether or not the payment worked."""
    made = series.payments_made + 1
    ended = series.repeat_times is not None and made >= series.repeat_times
    period = series.period + 1
    following = None if ended else payment_date(series.counted_from, series.billing_frequency, period)
    series = world.recurring_payments.change(
        series.id, payments_made=made, period=period, next_payment_date=following
    )
    world.emit("recurring_payment.updated", "RecurringPayment", series.id, ("next_payment_date",))
    return series


def cancel(world: World, series: RecurringPayment, by: User) -> None:
    """End a series; what was paid stays paid."""
    if series.is_canceled:
        return
    world.recurring_payments.change(
        series.id,
        is_canceled=True,
        canceled_at=world.clock.now(),
        canceled_by_id=by.id,
        next_payment_date=None,
    )
    world.emit("recurring_payment.updated", "RecurringPayment", series.id, ("is_canceled", "canceled_at"))


def pause(world: World, series: RecurringPayment, by: User, *, is_paused: bool) -> None:
    """Pause a series, or let it go on with its first payment date that is still to come."""
    if series.is_canceled or series.is_paused == is_paused:
        return
    if not is_paused and not world.switches.unpausing_resumes:
        return
    now = world.clock.now()
    changes: dict[str, Any] = {"is_paused": is_paused, "paused_at": now, "paused_by_id": by.id}
    if not is_paused:
        going_on, counted_from, period = _restart(world, series)
        changes = {
            "is_paused": False,
            "paused_at": None,
            "paused_by_id": None,
            "next_payment_date": going_on,
            "counted_from": counted_from,
            "period": period,
        }
    world.recurring_payments.change(series.id, **changes)
    world.emit("recurring_payment.updated", "RecurringPayment", series.id, ("is_paused",))


def restart_date(world: World, series: RecurringPayment) -> datetime | None:
    """Return the next payment date of a paused series if it went on now."""
    return _restart(world, series)[0]


def _restart(world: World, series: RecurringPayment) -> tuple[datetime | None, datetime, int]:
    """Return that date, and from when and how many periods it is counted. Periods that passed are not made up for."""
    now, following, period = world.clock.now(), series.next_payment_date, series.period
    if following is not None and world.switches.resumed_a_period_later:
        return payment_date(now, series.billing_frequency, 1), now, 1
    while following is not None and following <= now:
        period += 1
        following = payment_date(series.counted_from, series.billing_frequency, period)
    return following, series.counted_from, period


def next_amount(world: World, series: RecurringPayment) -> int:
    """Return what the next payment of a series charges: less its promo code, while that lasts.

    "Payments: whether the promo code applies as a one-time discount, or to every payment of a recurring package" (help centre); the
    reference calls `repeat_times` the number of discount periods. Whether a code without that number is one for every payment, or for
    the first alone, is not documented, so it is a switch.
    """
    coupon = world.coupons.get(series.offering_coupon_id)
    if coupon is None:
        return series.amount
    periods = coupon.repeat_times
    lasts = world.switches.coupon_without_number_lasts if periods is None else series.payments_made < periods
    return coupons.discounted(series.amount, coupon) if lasts else series.amount


def currency_of(world: World, series: RecurringPayment) -> str:
    """Return the currency that a series is billed in: its plan's."""
    return world.offerings[series.offering_id].currency


def _visible(request: Request, record_id: object) -> RecurringPayment | None:
    series = request.world.recurring_payments.get(record_id)
    return series if series and request.me.sees_patient(series.sender_id) else None


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    status = (args.get("active_status") or "").casefold()
    found = [
        series
        for series in request.world.recurring_payments
        if series.sender_id == str(args["user_id"])
        and request.me.sees_patient(series.sender_id)
        and status in ("", "all", _status(series))
    ]
    return page(found, args)


def _items(series: RecurringPayment, world: World) -> list[BillingItem]:
    return [item for item in world.billing_items if item.recurring_payment_id == series.id]


def _remaining(series: RecurringPayment) -> str:
    if series.repeat_times is None:
        return "Until Canceled"
    return str(max(0, series.repeat_times - series.payments_made))


def _status(series: RecurringPayment) -> str:
    return "canceled" if series.is_canceled else "paused" if series.is_paused else "active"


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.recurringPayment": lambda request, args: _visible(request, args.get("id")),
    "Query.recurringPayments": _listed,
    "RecurringPayment.amount_paid": lambda series, request, _: from_minor(
        sum(item.amount for item in _items(series, request.world) if item.state == "SUCCEEDED"),
        currency_of(request.world, series),
    ),
    "RecurringPayment.amount_to_pay": lambda series, request, _: from_minor(
        next_amount(request.world, series), currency_of(request.world, series)
    ),
    "RecurringPayment.original_price": lambda series, request, _: from_minor(
        series.amount, currency_of(request.world, series)
    ),
    "RecurringPayment.billing_items_count": lambda series, request, _: len(_items(series, request.world)),
    "RecurringPayment.last_billing_item": lambda series, request, _: next(
        reversed(_items(series, request.world)), None
    ),
    "RecurringPayment.canceled_by": lambda series, request, _: request.world.users.get(series.canceled_by_id),
    "RecurringPayment.has_next_payment_date": lambda series, _request, _: (
        series.next_payment_date is not None and _remaining(series) != "0"
    ),
    "RecurringPayment.next_restart_payment_date": lambda series, request, _: (
        restart_date(request.world, series)
        if series.is_paused and request.world.switches.restart_date_told
        else None
    ),
    "RecurringPayment.paused_by": lambda series, request, _: request.world.users.get(series.paused_by_id),
    "RecurringPayment.has_scheduled_billing_item": lambda series, request, _: any(
        item.state == "SCHEDULED" for item in _items(series, request.world)
    ),
    "RecurringPayment.offering_name": lambda series, request, _: (
        request.world.offerings[series.offering_id].name
    ),
    "RecurringPayment.payments_remaining": lambda series, _request, _: _remaining(series),
}
