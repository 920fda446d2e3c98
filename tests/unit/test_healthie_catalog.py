"""The catalogue's adapter, where the emulator's seed does not go."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from booking.catalog.model import BillingFrequency, ContactType
from booking.errors import UpstreamUnavailable
from booking.money import Money
from booking.ports import CatalogSource
from integrations.healthie.catalog import CatalogReader
from integrations.healthie.generated.client import Client
from integrations.healthie.key_proved_catalog import KeyProvedCatalog
from integrations.healthie.keys import KeyStore
from integrations.healthie.transport import Acting, Connection
from tests.doubles.healthie_catalog import a_kind, a_member, a_package, everything
from tests.doubles.healthie_script import KEYS, NOON, PinnedVersion, RecordedCalls, Script, connection, usd
from tests.doubles.httpx_wire import HttpxWire


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.upstream.calls.FIRST_WAIT", 0.0)


@pytest.fixture
def script() -> Script:
    return Script(answers={"PublicCatalog": everything()})


@pytest.fixture
async def source(script: Script) -> AsyncIterator[CatalogSource]:
    wire = Connection(
        url="https://healthie.invalid",
        shard=None,
        wire=HttpxWire(httpx2.MockTransport(script)),
    )

    def client(acting: Acting) -> Client:
        return Client(connection=wire, acting=acting, audit=RecordedCalls(), versions=PinnedVersion())

    keys = KeyStore(KEYS, client=client, now=lambda: NOON)
    await keys.prove_due()
    reader = CatalogReader(client=client(Acting(user_id=None, key="sample")))
    yield KeyProvedCatalog(kept=reader.read, keys=keys)
    await wire.aclose()


class TestPlans:
    async def test_a_plan_without_a_frequency_is_bought_once(self, source: CatalogSource) -> None:
        (plan,) = (await source.catalog()).plans

        assert (plan.frequency, plan.payments) == (BillingFrequency.ONE_TIME, None)
        assert (plan.price, plan.due_today, plan.description) == (usd("120"), usd("120"), None)
        assert [(each.visit_type_id, each.quantity) for each in plan.visits] == [("70", 2)]

    @pytest.mark.parametrize(
        ("terms", "due_today"),
        [
            ({"initial_payment_amount": "150.00"}, "150"),
            ({"initial_payment_amount": "150.00", "initial_price_with_taxes": "162.38"}, "162.38"),
            ({"initial_price_with_taxes": "130.50"}, "130.50"),
            ({"initial_payment_amount": "0.00"}, "0"),
            ({"initial_payment_amount": ""}, "120"),
        ],
    )
    async def test_what_is_due_today_follows_taxes_and_the_first_payment(
        self, source: CatalogSource, script: Script, terms: dict[str, Any], due_today: str
    ) -> None:
        script.answers["PublicCatalog"] = everything(offerings=connection([a_package(**terms)]))

        assert (await source.catalog()).plans[0].due_today == usd(due_today)

    @pytest.mark.parametrize(
        ("text", "frequency"),
        [
            ("One-Time", BillingFrequency.ONE_TIME),
            ("Weekly", BillingFrequency.WEEKLY),
            ("Bi-Weekly", BillingFrequency.BIWEEKLY),
            ("Every 4 Weeks", BillingFrequency.EVERY_4_WEEKS),
            ("Every 8 Weeks", BillingFrequency.EVERY_8_WEEKS),
            ("Monthly", BillingFrequency.MONTHLY),
            ("Quarterly", BillingFrequency.QUARTERLY),
            ("Yearly", BillingFrequency.YEARLY),
        ],
    )
    async def test_every_frequency_is_known_and_a_limited_one_says_how_often(
        self, source: CatalogSource, script: Script, text: str, frequency: BillingFrequency
    ) -> None:
        package = a_package(billing_frequency=text, repeat_times=3)
        script.answers["PublicCatalog"] = everything(offerings=connection([package]))

        (plan,) = (await source.catalog()).plans
        assert (plan.frequency, plan.payments) == (frequency, 3 if frequency.recurs else None)

    @pytest.mark.parametrize(
        "difference",
        [
            {"archived": True},
            {"show_offering": False},
            {"visibility_status": "Hidden"},
            {"visibility_status": "specific_groups"},
            {"billing_frequency": "Fortnightly"},
            {"price": None},
            {"price": "a lot"},
        ],
        ids=str,
    )
    async def test_a_plan_that_is_hidden_or_cannot_be_understood_is_not_offered(
        self, source: CatalogSource, script: Script, difference: dict[str, Any]
    ) -> None:
        script.answers["PublicCatalog"] = everything(
            offerings=connection([a_package(**difference), a_package(id="41")])
        )

        assert [plan.id for plan in (await source.catalog()).plans] == ["41"]

    async def test_a_plan_at_its_cap_is_sold_out(self, source: CatalogSource, script: Script) -> None:
        packages = [a_package(under_purchase_cap=False), a_package(id="41", under_purchase_cap=None)]
        script.answers["PublicCatalog"] = everything(offerings=connection(packages))

        assert [plan.sold_out for plan in (await source.catalog()).plans] == [True, False]


class TestVisitTypes:
    async def test_only_known_ways_to_meet_are_offered(self, source: CatalogSource) -> None:
        assert (await source.catalog()).visit_types[0].contact_types == (ContactType.VIDEO,)

    @pytest.mark.parametrize(
        "difference",
        [
            {"clients_can_book": False},
            {"is_group": True},
            {"deleted_at": "2026-11-21 12:00:00 -0500"},
            {"length": None},
            {"available_contact_types": ["Carrier Pigeon"]},
            {"pricing_info": {"price": "a lot"}},
        ],
        ids=str,
    )
    async def test_what_a_patient_cannot_book_alone_is_left_out(
        self, source: CatalogSource, script: Script, difference: dict[str, Any]
    ) -> None:
        script.answers["PublicCatalog"] = everything(appointmentTypes=connection([a_kind(**difference)]))

        assert (await source.catalog()).visit_types == ()

    async def test_specific_providers_are_named(self, source: CatalogSource, script: Script) -> None:
        kind = a_kind(require_specific_providers=True, provider_appt_type_connections=[{"user_id": "12"}])
        script.answers["PublicCatalog"] = everything(appointmentTypes=connection([kind]))

        assert (await source.catalog()).visit_types[0].clinician_ids == frozenset({"12"})

    @pytest.mark.parametrize(
        ("has_own", "setting", "expected"),
        [
            (False, {"minimum_advance_schedule_time": 90}, None),
            (None, {"minimum_advance_schedule_time": 90}, None),
            (True, {"minimum_advance_schedule_time": 90}, timedelta(minutes=90)),
            (True, {"minimum_advance_schedule_time": 0}, timedelta()),
            (True, {"minimum_advance_schedule_time": None}, None),
            (True, None, None),
        ],
    )
    async def test_the_notice_is_its_own_where_the_practice_has_set_one_for_it(
        self, source: CatalogSource, script: Script, *, has_own: bool | None, setting: Any, expected: Any
    ) -> None:
        kind = a_kind(has_specific_appointment_settings=has_own, appointment_setting=setting)
        script.answers["PublicCatalog"] = everything(appointmentTypes=connection([kind]))

        assert (await source.catalog()).visit_types[0].schedule_notice == expected


class TestClinicians:
    async def test_name_zone_and_licences_have_their_fallbacks(self, source: CatalogSource) -> None:
        (clinician,) = (await source.catalog()).clinicians

        assert (clinician.name, clinician.time_zone) == ("Sample Clinician", "UTC")
        assert clinician.licensed_in == frozenset({"NY"})

    @pytest.mark.parametrize("difference", [{"active": False}, {"id": "99"}], ids=str)
    async def test_who_left_or_has_no_proved_key_is_not_offered(
        self, source: CatalogSource, script: Script, difference: dict[str, Any]
    ) -> None:
        script.answers["PublicCatalog"] = everything(organizationMembers=connection([a_member(**difference)]))

        assert (await source.catalog()).clinicians == ()


async def test_the_policy_counts_minutes_and_cents_in_the_practices_currency(
    source: CatalogSource, script: Script
) -> None:
    setting = {
        "minimum_advance_schedule_time": 90,
        "minimum_advance_cancel_time": 0,
        "late_cancellation_fee": 2550,
        "no_show_fee": None,
    }
    script.answers["PublicCatalog"] = everything(
        currentUser={"default_currency": "cad", "appointment_setting": setting}
    )

    policy = (await source.catalog()).policy

    assert (policy.schedule_notice, policy.cancel_notice) == (timedelta(minutes=90), None)
    assert (policy.late_cancellation_fee, policy.no_show_fee) == (Money.of("25.50", "CAD"), None)


@pytest.mark.parametrize(("currency", "fee"), [("jpy", "2550"), ("kwd", "2.550")])
async def test_a_fee_is_counted_in_the_minor_units_of_its_currency(
    source: CatalogSource, script: Script, currency: str, fee: str
) -> None:
    script.answers["PublicCatalog"] = everything(
        currentUser={
            "default_currency": currency,
            "appointment_setting": {
                "minimum_advance_schedule_time": None,
                "minimum_advance_cancel_time": None,
                "late_cancellation_fee": 2550,
                "no_show_fee": None,
            },
        },
    )

    assert (await source.catalog()).policy.late_cancellation_fee == Money.of(fee, currency)


async def test_further_pages_are_read(source: CatalogSource, script: Script) -> None:
    first = connection([a_package()]) | {"page_info": {"has_next_page": True, "end_cursor": "c1"}}
    script.answers |= {
        "PublicCatalog": everything(offerings=first),
        "MoreOfferings": {"offerings": connection([a_package(id="41")])},
    }

    assert [plan.id for plan in (await source.catalog()).plans] == ["40", "41"]
    assert script.of("MoreOfferings")[0].variables == {"after": "c1"}


async def test_a_cursor_that_runs_in_circles_ends(source: CatalogSource, script: Script) -> None:
    circle = connection([a_package()]) | {"page_info": {"has_next_page": True, "end_cursor": "c1"}}
    script.answers |= {"PublicCatalog": everything(offerings=circle), "MoreOfferings": {"offerings": circle}}

    with pytest.raises(UpstreamUnavailable):
        await source.catalog()


async def test_a_proof_that_fails_takes_its_clinician_off_what_is_kept_at_once() -> None:
    script = Script(answers={"PublicCatalog": everything()})
    at = NOON
    async with script.connected(now=lambda: at) as healthie:
        await healthie.keys.prove_due()
        assert [each.id for each in (await healthie.catalog.catalog()).clinicians] == ["11"]
        at += timedelta(days=1)
        script.answers["WhoAmI"] = {"currentUser": {"id": "99"}}
        await healthie.keys.prove_due()
        at -= timedelta(days=1)  # the offer is kept for a minute
        assert (await healthie.catalog.catalog()).clinicians == ()
        assert (await healthie.browsing.catalog()).clinicians == ()
    assert len(script.of("PublicCatalog")) == 1


async def test_a_key_that_hangs_keeps_nobody_waiting_for_the_offer() -> None:
    script, asked = Script(answers={"PublicCatalog": everything()}), asyncio.Event()

    async def hang(_: Any) -> Any:
        asked.set()
        await asyncio.Event().wait()

    script.answers["WhoAmI"] = hang
    async with script.connected() as healthie:
        proving = asyncio.create_task(healthie.keys.keep_proved())
        await asked.wait()
        async with asyncio.timeout(2):  # the proof would take twelve seconds
            assert (await healthie.catalog.catalog()).clinicians == ()
            assert (await healthie.browsing.catalog()).clinicians == ()
        proving.cancel()
        await asyncio.gather(proving, return_exceptions=True)
