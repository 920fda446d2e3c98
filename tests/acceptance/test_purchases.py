"""What a patient sees of what they bought and owe, and what nobody else does."""

from structlog.testing import capture_logs

from booking.principals import PrincipalKind
from tests.acceptance.app import App
from tests.acceptance.purchased import MY_PURCHASES, THEIR_PURCHASES, purchased
from tests.plugins.stack import Stack


def patient(stack: Stack, number: int) -> tuple[str, App]:
    patient_id = str(stack.practice["patients"][number - 1]["id"])
    return patient_id, stack.patient(patient_id)


async def test_a_patient_sees_what_was_bought_what_is_left_and_what_is_charged_next(stack: Stack) -> None:
    patient_id, app = patient(stack, 1)
    checkout = await purchased(stack, app, patient_id)
    me = (await app.ask(MY_PURCHASES))["me"]

    (package,), (membership,) = me["packages"], me["memberships"]
    (payment,), (invoice,) = me["payments"]["nodes"], me["invoices"]["nodes"]
    assert (package["name"], package["price"]["amount"]) == ("Monthly Care", "119.20")
    assert package["membershipId"] == payment["membershipId"] == membership["id"]
    assert package["paymentId"] == payment["id"]
    assert {each["visitTypeName"]: each["left"] for each in me["credits"]} == {
        "Initial Visit": 0,
        "Follow-up Visit": 2,
    }
    (used,) = [each for each in me["credits"] if each["left"] == 0]
    assert [(each["change"], each["left"]) for each in used["entries"]] == [(-1, 0), (None, 1)]
    assert used["entries"][0]["appointmentId"] == checkout["appointment"]["id"]
    assert (membership["status"], membership["frequency"]) == ("ACTIVE", "MONTHLY")
    assert (membership["nextAmount"]["amount"], membership["paymentsLeft"]) == ("79.20", None)
    assert membership["nextPaymentAt"].startswith("2027-02-04")
    assert (payment["status"], payment["amount"]["amount"]) == ("PARTLY_REFUNDED", "119.20")
    assert (payment["refunded"]["amount"], len(payment["refunds"])) == ("20.00", 1)
    assert payment["cardLast4"] == "4242"
    assert (invoice["status"], invoice["due"]["amount"]) == ("OPEN", "75.00")


async def test_the_accepted_quote_said_what_is_charged_next(stack: Stack) -> None:
    patient_id, app = patient(stack, 1)
    checkout = await purchased(stack, app, patient_id)
    recurs = checkout["quote"]["recurrence"]
    membership = (await app.ask(MY_PURCHASES))["me"]["memberships"][0]
    assert recurs["discount"]["amount"]["amount"] == membership["nextAmount"]["amount"] == "79.20"
    assert recurs["amount"]["amount"] == "99.00"


async def test_nobody_else_sees_it_but_staff_of_the_practice(stack: Stack) -> None:
    patient_id, app = patient(stack, 1)
    await purchased(stack, app, patient_id)
    mine = (await app.ask(MY_PURCHASES))["me"]
    _, other = patient(stack, 2)

    seen = (await other.ask(MY_PURCHASES))["me"]
    assert not {each["id"] for each in mine["packages"]} & {each["id"] for each in seen["packages"]}
    assert seen["memberships"] == []
    assert seen["payments"]["totalCount"] == seen["invoices"]["totalCount"] == 0
    for stranger in (other, await stack.visitor(), App(http=stack.http)):
        assert (await stranger.ask(THEIR_PURCHASES, {"id": patient_id}))["patient"] is None
    staff = stack.patient("staff-1", kind=PrincipalKind.STAFF)
    assert (await staff.ask(THEIR_PURCHASES, {"id": patient_id}))["patient"] == mine


async def test_open_and_paid_invoices_are_listed_apart_and_by_page(stack: Stack) -> None:
    patient_id, app = patient(stack, 1)
    await purchased(stack, app, patient_id)
    listed = {}
    for which in ("ALL", "OPEN", "PAID"):
        document = f"query Invoices {{ me {{ invoices(filter: {which}, first: 1) {{ totalCount nodes {{ status }} pageInfo {{ hasNextPage }} }} }} }}"
        found = (await app.ask(document))["me"]["invoices"]
        listed[which] = found["totalCount"], [each["status"] for each in found["nodes"]]
    assert listed == {"ALL": (1, ["OPEN"]), "OPEN": (1, ["OPEN"]), "PAID": (0, [])}


async def test_what_an_invoice_is_for_and_a_payments_card_are_in_no_log_line(stack: Stack) -> None:
    patient_id, app = patient(stack, 1)
    await purchased(stack, app, patient_id, words="Canary-Yellowbird therapy")
    with capture_logs() as lines:
        me = (await app.ask(MY_PURCHASES))["me"]
    assert me["invoices"]["nodes"][0]["description"] == "Canary-Yellowbird therapy"
    assert any(line["event"] == "upstream.call_answered" for line in lines)
    assert not any(word in str(lines) for word in ("Canary", "4242", "119.2"))
