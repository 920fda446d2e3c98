"""Policies, plans and eligibility, as Healthie's guide on insurance describes them."""

import json
from typing import Any

import pytest

from tests.integration.emulator_events import listen, sent
from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, PATIENT_2, EmulatorClient

POLICIES = """policies(active: $active) { id num copay_value coinsurance_value insurance_billing_method priority_type
  holder_name holder_location { line1 to_oneline } insurance_plan { name_and_id is_accepted } latest_eligibility_check { id } }"""
WRITE = f"""mutation Write($id: ID!, $policies: [ClientPolicyInput], $active: Boolean) {{
  updateClient(input: {{id: $id, policies: $policies}}) {{ user {{ {POLICIES} }} messages {{ field message }} }} }}"""
OWN = f"""mutation Own($policies: [UserPolicyInput], $active: Boolean) {{
  updateUser(input: {{policies: $policies}}) {{ user {{ {POLICIES} }} messages {{ field message }} }} }}"""
READ = f"query Read($id: ID, $active: Boolean) {{ user(id: $id) {{ {POLICIES} primary_insurance_policy {{ id }} }} }}"
CHECK = """mutation Check($id: ID, $service: EligibilityCheckService) {
  runEligibilityCheck(input: {id: $id, service_codes: ["98"], eligibility_check_service: $service}) {
    eligibility_check { id response policy_id } messages { field message } } }"""
PLANS = """query Plans($words: String, $accepted: Boolean, $ids: [ID], $sort: String) {
  insurancePlans(keywords: $words, is_accepted: $accepted, ids: $ids, sort_by: $sort) {
    nodes { id payer_name payer_id name_and_id is_accepted } } }"""


async def one(emulator: EmulatorClient) -> tuple[str, str]:
    """Return the first patient and the policy that the seed gave."""
    patient = (await emulator.control.seed())["patients"][0]["id"]
    policies = (await emulator.ask(READ, id=patient, active=None))["user"]["policies"]
    return patient, policies[0]["id"]


async def plans(emulator: EmulatorClient, **wanted: Any) -> list[str]:
    nodes = (await emulator.ask(PLANS, key=PATIENT_1, **wanted))["insurancePlans"]["nodes"]
    return [each["payer_name"] for each in nodes]


async def test_staff_add_change_and_delete_policies_with_the_patient(emulator: EmulatorClient) -> None:
    """The guide's example: a copay of `2500` is $25.00. Without an id a policy is added, `_destroy` deletes it."""
    patient, policy = await one(emulator)
    await listen(emulator)
    given = [
        {"id": policy, "insurance_billing_method": "copay", "copay_value": 2500},
        {
            "priority_type": "secondary",
            "num": "SAMPLE-2",
            "insurance_plan": {"payer_name": "Own Payer"},
            "holder_location": {"line1": "1 Sample Street", "city": "New York"},
        },
    ]
    answer = (await emulator.ask(WRITE, key=CLINICIAN_1, id=patient, policies=given))["updateClient"]
    first, second = answer["user"]["policies"]
    assert (first["id"], first["insurance_billing_method"], first["copay_value"]) == (policy, "copay", 2500)
    assert first["insurance_plan"] == {"name_and_id": "Sample Health Mutual - SAMPL1", "is_accepted": True}
    assert second["holder_location"]["to_oneline"] == "1 Sample Street, New York"
    gone = [{"id": policy, "_destroy": True}]
    left = (await emulator.ask(WRITE, key=CLINICIAN_1, id=patient, policies=gone))["updateClient"]["user"]
    assert [each["num"] for each in left["policies"]] == ["SAMPLE-2"]
    assert await sent(emulator) == ["policy.updated", "policy.created", "policy.deleted"]


async def test_a_patient_writes_own_policies_by_update_user_and_nobody_elses(
    emulator: EmulatorClient,
) -> None:
    _, policy = await one(emulator)
    own = [{"num": "SAMPLE-3", "priority_type": "inactive"}]
    answer = (await emulator.ask(OWN, key=PATIENT_1, policies=own, active=True))["updateUser"]
    assert [each["id"] for each in answer["user"]["policies"]] == [
        policy
    ]  # `active` leaves inactive ones out
    foreign = (await emulator.ask(OWN, key=PATIENT_2, policies=[{"id": policy, "num": "X"}]))["updateUser"]
    assert foreign["messages"] == [{"field": "policies", "message": "Policy not found"}]
    read = "query P($id: ID) { policy(id: $id) { num user_id } }"
    assert (await emulator.ask(read, key=PATIENT_2, id=policy))["policy"] is None
    assert (await emulator.ask(read, key=PATIENT_1, id=policy))["policy"]["num"] == "SAMPLE-0001"


@pytest.mark.parametrize(
    "wrong",
    [{"insurance_plan_id": "1"}, {"priority_type": "best"}, {"insurance_billing_method": "cash"}],
    ids=["plan", "priority", "method"],
)
async def test_a_policy_that_makes_no_sense_changes_nothing_of_the_call(
    emulator: EmulatorClient, wrong: dict[str, str]
) -> None:
    patient, policy = await one(emulator)
    refused = await emulator.ask(WRITE, id=patient, policies=[{"num": "Y"}, wrong])
    assert refused["updateClient"]["messages"][0]["field"] == "policies"
    kept = (await emulator.ask(READ, id=patient))["user"]
    assert [each["id"] for each in kept["policies"]] == [policy]
    assert kept["primary_insurance_policy"] == {"id": policy}


async def test_plans_are_found_by_payer_and_staff_say_which_are_accepted(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    mutual, other = (seed["insurance_plans"][n] for n in ("Sample Health Mutual", "Another Sample Payer"))
    assert await plans(emulator) == ["Another Sample Payer", "Sample Health Mutual"]
    assert await plans(emulator, sort="accepted") == ["Sample Health Mutual", "Another Sample Payer"]
    assert await plans(emulator, words="sampl2") == ["Another Sample Payer"]
    assert await plans(emulator, accepted=True) == ["Sample Health Mutual"]
    assert await plans(emulator, ids=[other]) == ["Another Sample Payer"]
    accept = """mutation A($ids: [ID]) { createAcceptedInsurancePlan(input: {insurance_plan_ids: $ids}) {
      accepted_insurance_plans { id insurance_plan { id } } messages { field } } }"""
    refuse = """mutation R($id: ID) { deleteAcceptedInsurancePlan(input: {id: $id}) {
      accepted_insurance_plan { id insurance_plan { id } } messages { field } } }"""
    assert (await emulator.errors(accept, key=PATIENT_1, ids=[other]))[0]["extensions"][
        "code"
    ] == "UNAUTHORIZED"
    accepted = (await emulator.ask(accept, ids=[mutual, other]))["createAcceptedInsurancePlan"]
    assert [each["insurance_plan"]["id"] for each in accepted["accepted_insurance_plans"]] == [mutual, other]
    by_entry = accepted["accepted_insurance_plans"][0]["id"]
    for name in (by_entry, other):  # the reference leaves open whose id it is: of the entry or of the plan
        removed = (await emulator.ask(refuse, id=name))["deleteAcceptedInsurancePlan"]
        assert removed["messages"] is None
    assert await plans(emulator, accepted=True) == []
    unknown = (await emulator.ask(accept, ids=["1"]))["createAcceptedInsurancePlan"]
    assert unknown["messages"] == [{"field": "insurance_plan_ids"}]


async def test_the_plans_that_a_clinician_accepts_are_among_the_practices(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    document = """query P($id: ID!) { providerAcceptedInsurancePlans(provider_id: $id) { nodes {
      accepted_insurance_plan { insurance_plan { payer_name } } provider { id } organization { id } } } }"""
    ada, ben = (seed["clinicians"][n]["id"] for n in (0, 1))
    found = (await emulator.ask(document, id=ada))["providerAcceptedInsurancePlans"]["nodes"]
    plan = found[0]["accepted_insurance_plan"]["insurance_plan"]
    assert (plan, found[0]["provider"]) == ({"payer_name": "Sample Health Mutual"}, {"id": ada})
    assert (await emulator.ask(document, id=ben))["providerAcceptedInsurancePlans"]["nodes"] == []


async def test_staff_check_eligibility_with_the_service_that_still_works(emulator: EmulatorClient) -> None:
    _, policy = await one(emulator)
    errors = await emulator.errors(CHECK, key=PATIENT_1, id=policy, service="claim_md")
    assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    for service in (None, "change_health"):  # discontinued, and still what is used when none is named
        refused = (await emulator.ask(CHECK, id=policy, service=service))["runEligibilityCheck"]
        assert refused["messages"][0]["field"] == "eligibility_check_service"
    checked = (await emulator.ask(CHECK, id=policy, service="claim_md"))["runEligibilityCheck"]
    assert json.loads(checked["eligibility_check"]["response"])["active"] is True
    patient = (await emulator.control.seed())["patients"][0]["id"]
    latest = (await emulator.ask(READ, key=PATIENT_1, id=patient))["user"]["policies"][0]
    assert latest["latest_eligibility_check"] == {"id": checked["eligibility_check"]["id"]}


async def test_a_practice_that_does_not_pay_for_checks_gets_no_answer_which_is_not_a_no(
    emulator: EmulatorClient,
) -> None:
    _, policy = await one(emulator)
    await emulator.control.switches(eligibility_checks_enabled=False)
    refused = (await emulator.ask(CHECK, key=OWNER, id=policy, service="claim_md"))["runEligibilityCheck"]
    assert (refused["eligibility_check"], bool(refused["messages"])) == (None, True)


async def test_the_visits_that_an_authorization_leaves_are_read_by_patient(emulator: EmulatorClient) -> None:
    patient, _ = await one(emulator)
    document = "query A($id: ID) { insuranceAuthorization(client_id: $id) { visits_left user_id } }"
    found = await emulator.ask(document, key=PATIENT_1, id=patient)
    assert found["insuranceAuthorization"] == {"visits_left": "9", "user_id": patient}
    assert (await emulator.ask(document, key=PATIENT_2, id=patient))["insuranceAuthorization"] is None
