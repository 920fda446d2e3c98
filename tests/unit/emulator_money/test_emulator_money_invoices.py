"""Invoices as Healthie's guide on invoices has them: what must be sent, the words of a status, filters, orders."""

from typing import Any

import pytest

CREATE = """mutation($input: createRequestedPaymentInput) { createRequestedPayment(input: $input) {
  requestedPayment { id status price currency details invoice_id is_preview paid_percent balance_due debt debt_decimal
    offering_price_at_invoice_creation date_to_show requested_payer_id write_off_amount
    recipient { id } sender { id } user_package_selection { id } }
  messages { field message } } }"""

UPDATE = """mutation($input: updateRequestedPaymentInput) { updateRequestedPayment(input: $input) {
  requested_payment { id status price balance_due write_off_amount email_sent_at write_offs { id amount } }
  messages { field message } } }"""

LIST = """query($status: String, $unpaid: Boolean, $party: ID, $words: String, $preview: Boolean, $sort: String,
    $order: RequestedPaymentOrderKeys) {
  requestedPayments(status_filter: $status, only_unpaid: $unpaid, sender_id: $party, keywords: $words, preview: $preview,
    sort_by: $sort, order_by: $order) { nodes { id } } }"""


async def create(practice: Any, **given: Any) -> dict[str, Any]:
    """Invoice the patient for a service; `None` takes a default out of the input."""
    values = {
        "recipient_id": practice.patient.id,
        "invoice_type": "other",
        "price": "75",
        "services_provided": "A sample visit",
    } | given
    sent = {name: value for name, value in values.items() if value is not None}
    return dict((await practice.ask(CREATE, input=sent))["createRequestedPayment"])


async def made(practice: Any, **given: Any) -> dict[str, Any]:
    payload = await create(practice, **given)
    assert payload["messages"] is None
    return dict(payload["requestedPayment"])


async def listed(practice: Any, **given: Any) -> list[str]:
    answer = await practice.ask(LIST, **given)
    return [each["id"] for each in answer["requestedPayments"]["nodes"]]


class TestMaking:
    async def test_an_invoice_says_what_it_is_for_and_what_is_owed(self, practice: Any) -> None:
        invoice = await made(practice, service_date="2026-02-20")
        assert invoice["details"] == "Other: A sample visit"
        assert (invoice["status"], invoice["price"], invoice["currency"]) == ("Not Yet Paid", "75.0", "USD")
        assert (invoice["balance_due"], invoice["debt"], invoice["debt_decimal"]) == (75.0, 75, 75.0)
        assert invoice["sender"] == {"id": practice.clinician.id}, "the key's owner, unless another is sent"
        assert invoice["requested_payer_id"] == practice.patient.id
        assert invoice["invoice_id"] == "SC-1-2026"
        assert invoice["date_to_show"].startswith("2026-02-20")

    async def test_a_packages_invoice_has_its_price_unless_one_is_sent(self, practice: Any) -> None:
        asked = {"invoice_type": "offering", "services_provided": None, "offering_id": practice.single}
        by_package = await made(practice, price=None, **asked)
        assert (by_package["price"], by_package["offering_price_at_invoice_creation"]) == ("100.0", "100.0")
        assert by_package["details"] == "Package: Single"
        assert (await made(practice, price="80", **asked))["price"] == "80.0"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"invoice_type": None}, "invoice_type"),
            ({"invoice_type": "package"}, "invoice_type"),
            ({"services_provided": None}, "services_provided"),
            ({"price": None}, "price"),
            ({"recipient_id": None}, "recipient_id"),
            ({"status": "Open"}, "status"),
            ({"status": "Partially Paid"}, "status"),
            ({"offering_id": "999999999"}, "offering_id"),
            ({"metadata": "x" * 2_001}, "metadata"),
        ],
        ids=str,
    )
    async def test_what_must_be_sent_is_asked_for(
        self, practice: Any, given: dict[str, Any], field: str
    ) -> None:
        payload = await create(practice, **given)
        assert payload["requestedPayment"] is None
        assert payload["messages"][0]["field"] == field
        assert len(practice.world.requested_payments) == 0

    async def test_a_third_party_can_be_asked_instead_and_finds_it_by_its_own_id(self, practice: Any) -> None:
        payer = {"name": "Sample Employer", "email": "billing@example.com"}
        invoice = await made(practice, recipient_id=None, requested_payer=payer)
        assert invoice["recipient"] is None
        query = (
            "query($uuid: String, $number: ID) { requestedPayment(uuid: $uuid, invoice_id: $number) { id } }"
        )
        uuid = invoice["requested_payer_id"]
        found = await practice.ask(query, uuid=uuid, number=invoice["invoice_id"])
        assert found["requestedPayment"] == {"id": invoice["id"]}
        assert (await practice.ask(query, uuid=uuid, number="SC-9-2026"))["requestedPayment"] is None
        alone = await practice.ask(query, number=invoice["invoice_id"])
        assert alone["requestedPayment"] is None, "the number is used together with the payer's id"

    async def test_a_patients_key_makes_no_invoice(self, practice: Any) -> None:
        for document, given in ((CREATE, {"invoice_type": "other"}), (UPDATE, {"id": "1"})):
            answer = await practice.raw(document, by=practice.patient, input=given)
            assert answer.errors[0].extensions["code"] == "UNAUTHORIZED"


class TestPaying:
    async def test_a_part_is_partial_and_says_how_much_of_it(self, practice: Any) -> None:
        await practice.attach()
        invoice = await made(practice)
        await practice.charge("25", requested_payment_id=invoice["id"])
        answer = await practice.ask(
            "query($id: ID) { requestedPayment(id: $id) { status paid_percent balance_due } }",
            id=invoice["id"],
        )
        assert answer["requestedPayment"] == {"status": "Partial", "paid_percent": 33, "balance_due": 50.0}

    async def test_the_last_part_of_a_packages_invoice_buys_the_package_once(self, practice: Any) -> None:
        """The guide: to charge for a package by its invoice, send `requested_payment_id` instead of `offering_id`."""
        await practice.attach()
        invoice = await made(
            practice,
            invoice_type="offering",
            services_provided=None,
            price=None,
            offering_id=practice.single,
        )
        bought = []
        for amount in ("40", "60", "10"):
            payload = await practice.charge(amount, requested_payment_id=invoice["id"])
            bought.append(payload["billingItem"]["user_package_selection"] is not None)
        assert bought == [False, True, False]
        (selection,) = practice.world.package_selections
        kept = practice.world.requested_payments[invoice["id"]]
        assert (kept.user_package_selection_id, selection.offering_id) == (selection.id, practice.single)

    async def test_what_is_written_off_is_not_owed(self, practice: Any) -> None:
        invoice = await made(practice)
        off = {"amount": 50.5, "write_off_type": "DISCOUNT"}
        payload = (await practice.ask(UPDATE, input={"id": invoice["id"], "write_offs": [off]}))[
            "updateRequestedPayment"
        ]["requested_payment"]
        assert (payload["balance_due"], payload["write_off_amount"]) == (24.5, 50.5)
        gone = [{**off, "id": payload["write_offs"][0]["id"], "_destroy": True}]
        payload = (await practice.ask(UPDATE, input={"id": invoice["id"], "write_offs": gone}))[
            "updateRequestedPayment"
        ]["requested_payment"]
        assert (payload["balance_due"], payload["write_offs"]) == (75.0, [])

    async def test_it_can_be_sent_again(self, practice: Any) -> None:
        invoice = await made(practice)
        payload = await practice.ask(UPDATE, input={"id": invoice["id"], "send_request_email": True})
        assert payload["updateRequestedPayment"]["requested_payment"]["email_sent_at"].startswith(
            "2026-03-02 12:00"
        )


class TestListing:
    async def test_the_filter_knows_paid_partial_and_unpaid(self, practice: Any) -> None:
        """The guide: `status_filter` is `paid`, `partial` or `unpaid`."""
        await practice.attach()
        unpaid, partial, paid = [(await made(practice))["id"] for _ in range(3)]
        await practice.charge("25", requested_payment_id=partial)
        await practice.charge("75", requested_payment_id=paid)
        assert await listed(practice, status="unpaid") == [unpaid]
        assert await listed(practice, status="partial") == [partial]
        assert await listed(practice, status="paid") == [paid]
        assert await listed(practice, status="Not Yet Paid") == [], "the words of a status are no filter"
        assert set(await listed(practice, unpaid=True)) == {unpaid, partial}

    async def test_the_party_is_either_side(self, practice: Any) -> None:
        """`sender_id` finds invoices from and to that person."""
        invoice = await made(practice)
        for party in (practice.clinician.id, practice.patient.id):
            assert await listed(practice, party=party) == [invoice["id"]]
        assert await listed(practice, party=practice.stranger.id) == []

    async def test_they_are_found_by_status_name_and_package(self, practice: Any) -> None:
        by_service = await made(practice)
        by_package = await made(
            practice, invoice_type="offering", offering_id=practice.single, recipient_id=practice.stranger.id
        )
        assert await listed(practice, words="stranger") == [by_package["id"]]
        assert await listed(practice, words="single") == [by_package["id"]]
        assert set(await listed(practice, words="not yet")) == {by_service["id"], by_package["id"]}

    async def test_both_ways_of_naming_an_order_work(self, practice: Any) -> None:
        cheap, dear = [(await made(practice, price=price))["id"] for price in ("10", "90")]
        assert await listed(practice) == [dear, cheap], "the newest first"
        assert await listed(practice, sort="requested_on_asc") == [cheap, dear]
        assert await listed(practice, sort="amount_desc") == [dear, cheap]
        assert await listed(practice, order="PRICE_ASC") == [cheap, dear]

    async def test_a_preview_is_listed_only_when_asked_for(self, practice: Any) -> None:
        hidden, shown = (await made(practice, is_preview=True))["id"], (await made(practice))["id"]
        assert await listed(practice) == [shown]
        assert await listed(practice, preview=True) == [hidden]
        assert await listed(practice, preview=True, by=practice.patient) == []

    async def test_a_deleted_one_is_gone(self, practice: Any) -> None:
        invoice = await made(practice)
        answer = await practice.ask(
            "mutation($id: ID!) { deleteRequestedPayment(input: {id: $id}) { requested_payment { id } messages { message } } }",
            id=invoice["id"],
        )
        assert answer["deleteRequestedPayment"] == {
            "requested_payment": {"id": invoice["id"]},
            "messages": None,
        }
        assert await listed(practice) == []
        gone = await practice.ask("query($id: ID) { requestedPayment(id: $id) { id } }", id=invoice["id"])
        assert gone["requestedPayment"] is None
        await practice.attach()
        payload = await practice.charge(requested_payment_id=invoice["id"])
        assert payload["messages"][0]["field"] == "requested_payment_id"
