"""The schemas of the newest versions, as far as they were seen, from the same data."""

from typing import Any

import pytest

from tests.plugins.emulator import OWNER, EmulatorClient

VERSION = "Healthie-GraphQL-API-Version"

OLD = "query { billingItems { nodes { offering_id offering { id } recipient_id user_package_selection { id } } } }"
NEW = """query { billingItems { nodes {
  offerings { id } recipients { id } recipient_ids requested_payments { id } user_package_selections { id }
  payment_for is_invoice_paid_early
} } }"""
PAY = """mutation ($input: createBillingItemInput!) {
  createBillingItem(input: $input) { billingItem { id } messages { message } }
}"""
ATTACH = """mutation ($input: createStripeCustomerDetailInput) {
  createStripeCustomerDetail(input: $input) { stripe_customer_detail { id } }
}"""
INVOICE = """mutation ($input: createRequestedPaymentInput!) {
  createRequestedPayment(input: $input) { requestedPayment { id } messages { message } }
}"""


async def bought(emulator: EmulatorClient) -> tuple[str, str]:
    """The plan that was bought, and who was paid."""
    seed = await emulator.control.seed()
    patient, clinician = seed["patients"][0]["id"], seed["clinicians"][0]["id"]
    card = await emulator.ask(ATTACH, input={"token": "tok_visa", "user_id": patient, "is_default": True})
    plan = seed["plans"]["First Visit"]
    made = await emulator.ask(
        PAY,
        input={
            "sender_id": patient,
            "recipient_id": clinician,
            "offering_id": plan,
            "amount_paid": "149.00",
            "should_charge": True,
            "stripe_customer_detail_id": card["createStripeCustomerDetail"]["stripe_customer_detail"]["id"],
        },
    )
    assert made["createBillingItem"]["billingItem"], made
    return plan, clinician


async def answered(emulator: EmulatorClient, document: str, version: str) -> Any:
    return (await emulator.send(document, headers={VERSION: version})).json()


@pytest.mark.parametrize("version", ["2025-11-30", "2026-01-01", "2026-07-01"])
async def test_until_2026_07_01_a_billing_item_names_one_offering(
    emulator: EmulatorClient, version: str
) -> None:
    plan, clinician = await bought(emulator)
    (item,) = (await answered(emulator, OLD, version))["data"]["billingItems"]["nodes"]
    assert (item["offering_id"], item["recipient_id"]) == (plan, clinician)
    assert "Cannot query field 'offerings'" in str((await answered(emulator, NEW, version))["errors"])


async def test_in_2026_10_01_it_lists_them_and_the_old_fields_are_gone(emulator: EmulatorClient) -> None:
    """Its example of a billing item lacks offering, offering_id, recipient_id and user_package_selection."""
    plan, clinician = await bought(emulator)
    (item,) = (await answered(emulator, NEW, "2026-10-01"))["data"]["billingItems"]["nodes"]
    assert (item["offerings"], item["recipient_ids"]) == ([{"id": plan}], [clinician])
    assert item["recipients"] == [{"id": clinician}]
    assert len(item["user_package_selections"]) == 1
    assert item["requested_payments"] == []
    refused = await answered(emulator, OLD, "2026-10-01")
    assert sum("Cannot query field" in each["message"] for each in refused["errors"]) == 4


async def test_a_switch_keeps_them_as_deprecated(emulator: EmulatorClient) -> None:
    await emulator.control.switches(gone_fields_remain=True)
    plan, _ = await bought(emulator)
    (item,) = (await answered(emulator, OLD, "2026-10-01"))["data"]["billingItems"]["nodes"]
    assert item["offering_id"] == plan
    shown = await emulator.ask('{ __type(name: "BillingItem") { fields { name } } }')
    names = {each["name"] for each in shown["__type"]["fields"]}
    assert "offerings" in names
    assert "offering_id" not in names  # introspection shows deprecated fields only on request


async def test_in_2026_10_01_an_invoice_is_found_by_its_token(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    given = {"recipient_id": seed["patients"][0]["id"], "price": "10.00", "sender_id": seed["owner"]["id"]}
    given |= {"invoice_type": "other", "services_provided": "Sample visit"}
    made = await emulator.ask(INVOICE, input=given)
    invoice_id = made["createRequestedPayment"]["requestedPayment"]["id"]
    (token,) = [one["token"] for one in (await emulator.control.books())["requested_payments"]]
    ask = "query ($token: String) { requestedPayment(token: $token) { id } }"
    assert (await emulator.ask(ask, key=OWNER, token=token))["requestedPayment"] == {"id": invoice_id}
    assert (await emulator.ask(ask, token="no-such-token"))["requestedPayment"] is None
    older = await emulator.send(ask, headers={VERSION: "2026-07-01"}, token=token)
    assert "Unknown argument 'token'" in str(older.json()["errors"])
