"""What Healthie charges by itself, against an emulator that does: the finding comes before the second charge."""

from dataclasses import replace

from booking.sync.drift import Severity
from integrations.healthie.upstream import UpstreamCheck
from integrations.healthie_emulator.billing_changes import bill_due
from integrations.healthie_emulator.bookkeeping.automatic_charges import charge_for_status
from tests.integration.healthie_on_emulator import Practice, practice


async def breaking(here: Practice) -> list[str]:
    check = here.healthie.drift
    assert isinstance(check, UpstreamCheck)
    return [each.what for each in await check.charges.findings() if each.severity is Severity.BREAKING]


async def test_a_paid_visit_that_occurred_is_charged_again_and_the_check_said_so() -> None:
    """The visit raises no invoice here: whether one that is paid keeps Healthie from the charge is not documented."""
    async with practice() as here:
        here.world.switches.booking_raises_invoice = False
        assert await breaking(here) == []
        here.world.appointment_settings.change(here.world.settings.id, charge_for_occurred_appts=True)
        single = here.seed["visit_types"]["Single Visit"]
        told = await breaking(here)
        assert any(f"a visit of Single Visit ({single}) is marked Occurred" in what for what in told)

        checkout, slot = await here.checkout(), (await here.free("Single Visit"))[0]
        kind = (await here.healthie.catalog.catalog()).visit_type(single)
        assert kind is not None
        assert kind.price is not None
        quote = replace(
            checkout.quote, plan_id=None, visit_type_id=single, list_price=kind.price, due_today=kind.price
        )
        checkout = replace(checkout, slot=slot, quote=quote)
        charge = await here.healthie.billing.charge(checkout)
        visit = await here.healthie.scheduling.book(replace(checkout, charge=charge))
        charge_for_status(here.world, here.world.appointments.change(visit.id, pm_status="Occurred"))
        here.world.clock.advance(3 * 86_400)
        bill_due(here.world)

        first, second = [each.amount for each in here.world.stripe.charges.values()]
        assert first == second == int(kind.price.amount * 100)
