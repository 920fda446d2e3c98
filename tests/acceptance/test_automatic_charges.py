"""A practice whose Healthie charges visits that occurred: a patient who paid here pays twice, and the practice is told before."""

from datetime import timedelta

from booking.sync.drift import DriftFinding, Severity
from gateway.runtime.composition import compose
from tests.plugins.stack import Stack

POLICY = "query P($id: ID) { appointmentSetting(provider_id: $id) { id } }"
CHARGE = """mutation C($id: ID, $charge: Boolean) {
  updateAppointmentSetting(input: {id: $id, charge_for_occurred_appts: $charge}) { messages { message } }
}"""
OCCURRED = """mutation O($id: ID) {
  updateAppointment(input: {id: $id, pm_status: "Occurred"}) { messages { message } }
}"""


async def charging(stack: Stack, *, on: bool) -> None:
    owner = stack.practice["owner"]["id"]
    policy = (await stack.emulator.ask(POLICY, id=owner))["appointmentSetting"]["id"]
    await stack.emulator.ask(CHARGE, id=policy, charge=on)


async def grave(stack: Stack) -> list[DriftFinding]:
    async with compose(stack.settings, clock=stack.clock) as system:
        report = await system.upstream.drift.check(stack.clock.now().date())
    return [each for each in report.findings if each.severity is Severity.BREAKING]


async def test_the_check_names_what_healthie_would_charge_again(stack: Stack) -> None:
    """The visit raises no invoice here: whether one that is paid keeps Healthie from the charge is not documented."""
    await stack.emulator.control.switches(booking_raises_invoice=False)
    assert await grave(stack) == []
    await charging(stack, on=True)
    told = [each.what for each in await grave(stack)]
    assert any("a visit of Single Visit (" in what and "charge_for_occurred_appts" in what for what in told)

    guest, checkout_id = await (await stack.visitor()).guest_checkout(
        (await stack.slot("Single Visit"))["id"]
    )
    assert (await guest.confirm(checkout_id, cardToken="tok_visa"))["checkout"]["status"] == "CONFIRMED"
    (visit,) = (await stack.made())["appointments"]
    await stack.emulator.ask(OCCURRED, id=visit["id"])
    await stack.pass_time(timedelta(days=3))

    first, second = [charge["amount"] for charge in (await stack.made())["charges"]]
    assert first == second, "this is what the finding warns of"
    await charging(stack, on=False)
    assert await grave(stack) == []
