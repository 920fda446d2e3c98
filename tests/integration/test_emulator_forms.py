"""Templates, filled forms, requests and the intake, as Healthie's guides on forms and filled forms describe them."""

import base64
import hashlib
import json
from typing import Any

import pytest

from tests.integration.emulator_events import listen, sent
from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, PATIENT_2, PATIENT_3, EmulatorClient

FILL = """mutation Fill($input: createFormAnswerGroupInput) { createFormAnswerGroup(input: $input) {
  form_answer_group { id finished name filler { id } user_id external_id created_at record_created_at
    form_answers { id label answer displayed_answer custom_module { id mod_type required } } }
  messages { field message } } }"""
GO_ON = """mutation GoOn($input: updateFormAnswerGroupInput) { updateFormAnswerGroup(input: $input) {
  form_answer_group { id finished form_answers { custom_module_id answer } } messages { message } } }"""
LISTED = """query Listed($user: ID, $form: ID, $date: ISO8601DateTime) {
  formAnswerGroups(user_id: $user, custom_module_form_id: $form, date: $date) { nodes { id } } }"""
ONE = """query One($id: ID, $external: ID) { formAnswerGroup(id: $id, external_id: $external) {
  id finished is_locked locked_by { id } chart_note_status deleted_at frozen metadata
  form_answer_group_audit_events { action description committed_by { id } } } }"""
STAFF = """mutation Staff($id: ID!) {
  %s(input: {id: $id}) { form_answer_group { id is_locked chart_note_status } messages { message } } }"""
OPEN_REQUESTS = """query Open($user: ID, $status: String) { requestedFormCompletions(user_id: $user, status: $status) {
  nodes { id status item_type recipient_id sender_id custom_module_form { name } form_answer_group { id } } } }"""
REQUEST = """mutation Ask($to: [ID], $form: String) {
  createRequestedFormCompletion(input: {recipient_ids: $to, form: $form, skip_notification_email: true}) {
    requestedFormCompletion { id } requestedFormCompletionStatus { status } messages { field message } } }"""


async def names(emulator: EmulatorClient) -> tuple[Any, str, str]:
    """Return the seed, the first patient and the intake form."""
    seed = await emulator.control.seed()
    return seed, seed["patients"][0]["id"], seed["forms"]["New Patient Intake"]


async def questions(emulator: EmulatorClient, form: str) -> dict[str, str]:
    asked = "query Q($id: ID) { customModuleForm(id: $id) { custom_modules { id label } } }"
    found = (await emulator.ask(asked, key=None, id=form))["customModuleForm"]["custom_modules"]
    return {each["label"]: each["id"] for each in found}


async def fill(emulator: EmulatorClient, key: str = PATIENT_1, **given: Any) -> Any:
    _, patient, form = await names(emulator)
    values = {"custom_module_form_id": form, "user_id": patient, "finished": True, **given}
    return (await emulator.ask(FILL, key=key, input=values))["createFormAnswerGroup"]


async def listed(emulator: EmulatorClient, key: str = OWNER, **wanted: Any) -> list[str]:
    found = (await emulator.ask(LISTED, key=key, **wanted))["formAnswerGroups"]["nodes"]
    return [each["id"] for each in found]


async def test_a_template_is_read_without_a_key_and_its_questions_come_in_their_order(
    emulator: EmulatorClient,
) -> None:
    """Healthie treats templates as public."""
    _, _, form = await names(emulator)
    document = """query T($id: ID) { customModuleForm(id: $id) { name prefill use_for_charting use_for_program
      has_non_readonly_modules user { id } custom_modules { mod_type required options_array
        custom_module_condition { value_to_filter } controls_conditional_modules } } customModuleForms { nodes { name } } }"""
    answer = await emulator.ask(document, key=None, id=form)
    assert answer["customModuleForm"]["user"] is None  # nobody of the practice is shown to a visitor
    assert [each["mod_type"] for each in answer["customModuleForm"]["custom_modules"]] == [
        *("read_only", "text", "radio", "textarea", "signature")
    ]
    radio, follows = answer["customModuleForm"]["custom_modules"][2:4]
    assert (radio["options_array"], radio["controls_conditional_modules"]) == (["Yes", "No"], True)
    assert follows["custom_module_condition"] == {"value_to_filter": "Yes"}
    assert "New Patient Intake" in [each["name"] for each in answer["customModuleForms"]["nodes"]]


async def test_templates_are_listed_by_category_archived_and_healthies_own_only_when_asked_for(
    emulator: EmulatorClient,
) -> None:
    document = """query L($category: String, $archived: Boolean, $defaults: Boolean) { customModuleForms(
      category: $category, active_status: $archived, include_default_templates: $defaults, sort_by: "name_asc") {
        nodes { name } } }"""

    async def found(**wanted: Any) -> list[str]:
        nodes = (await emulator.ask(document, **wanted))["customModuleForms"]["nodes"]
        return [each["name"] for each in nodes]

    seed = await emulator.control.seed()
    archive = """mutation A($id: ID) { updateCustomModuleForm(input: {id: $id, is_archived: true}) {
      customModuleForm { id } messages { message } } }"""
    assert await found(category="intake") == ["New Patient Intake", "Telehealth Consent"]
    assert await found(category="charting") == ["Visit Note"]
    assert await found(category="charting", defaults=True) == ["ADIME", "Free Text", "Visit Note"]
    await emulator.ask(archive, id=seed["forms"]["Telehealth Consent"])
    assert await found(category="intake") == ["New Patient Intake"]
    assert await found(archived=True) == ["Telehealth Consent"]


async def test_staff_make_change_copy_share_and_delete_templates_and_patients_do_not(
    emulator: EmulatorClient,
) -> None:
    make = """mutation M($name: String) { createCustomModuleForm(input: {name: $name, use_for_charting: false,
      use_for_program: false}) { customModuleForm { id name user { id } } messages { field message } } }"""
    add = """mutation Q($form: ID, $type: String) { createCustomModule(input: {custom_module_form_id: $form,
      label: "How are you?", mod_type: $type, options: "Well\\nIll", required: true}) {
        customModule { id options_array position } messages { field message } } }"""
    errors = await emulator.errors(make, key=PATIENT_1, name="Mine")
    assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    blank = (await emulator.ask(make, name=" "))["createCustomModuleForm"]
    assert blank["messages"] == [{"field": "name", "message": "Name can't be blank"}]
    form = (await emulator.ask(make, name="Check-in"))["createCustomModuleForm"]["customModuleForm"]
    question = (await emulator.ask(add, form=form["id"], type="radio"))["createCustomModule"]["customModule"]
    assert question["options_array"] == ["Well", "Ill"]
    nowhere = (await emulator.ask(add, form="1", type="radio"))["createCustomModule"]["messages"]
    assert nowhere[0]["field"] == "custom_module_form_id"
    work = """mutation W($id: ID, $ids: String, $question: ID, $who: String) {
      updateCustomModule(input: {id: $question, label: "And how are you?"}) { customModule { label } }
      copyCustomModuleForm(input: {id_list: $ids}) { customModuleForm { id custom_modules { label copied_from_form_name } } }
      shareCustomModuleForm(input: {id: $id, form_share_recipient: $who}) { customModuleForm { id } messages { field } }
      deleteCustomModule(input: {id: $question}) { customModule { id } }
      deleteCustomModuleForm(input: {id: $id}) { customModuleForm { id deleted_at } } }"""
    who = "ben.sample-stone@example.com"
    done = await emulator.ask(work, id=form["id"], ids=f"{form['id']}", question=question["id"], who=who)
    assert done["copyCustomModuleForm"]["customModuleForm"]["custom_modules"] == [
        {"label": "And how are you?", "copied_from_form_name": "Check-in"}
    ]
    assert done["shareCustomModuleForm"]["messages"] is None
    assert done["deleteCustomModuleForm"]["customModuleForm"]["deleted_at"]
    gone = await emulator.ask(
        "query G($id: ID) { customModuleForm(id: $id) { id } }", key=None, id=form["id"]
    )
    assert gone["customModuleForm"] is None


async def test_a_form_is_shared_with_members_only(emulator: EmulatorClient) -> None:
    """The recipient is named by email, and must be one."""
    _, _, form = await names(emulator)
    share = """mutation S($id: ID) { shareCustomModuleForm(input: {id: $id, form_share_recipient:
      "sample.patient.one@example.com"}) { messages { field } } }"""
    shared = (await emulator.ask(share, id=form))["shareCustomModuleForm"]
    assert shared["messages"] == [{"field": "form_share_recipient"}]


async def test_a_handed_in_form_carries_its_answers_its_filler_and_the_name_of_its_template(
    emulator: EmulatorClient,
) -> None:
    _, patient, form = await names(emulator)
    asked = await questions(emulator, form)
    answers = [{"custom_module_id": asked["What brings you here?"], "user_id": patient, "answer": "A cough"}]
    made = (await fill(emulator, form_answers=answers))["form_answer_group"]
    assert (made["finished"], made["name"], made["filler"]["id"]) == (True, "New Patient Intake", patient)
    assert [(each["label"], each["displayed_answer"]) for each in made["form_answers"]] == [
        ("What brings you here?", "A cough")
    ]
    assert await listed(emulator, user=patient, form=form) == [made["id"]]
    assert await listed(emulator, date=made["created_at"]) == [made["id"]]
    assert await listed(emulator, key=PATIENT_2) == []


async def test_without_finished_it_is_a_draft_that_its_id_finds_and_no_list(emulator: EmulatorClient) -> None:
    """Without `finished` no list shows it."""
    draft = (await fill(emulator, finished=None))["form_answer_group"]
    assert await listed(emulator) == []
    assert (await emulator.ask(ONE, key=PATIENT_1, id=draft["id"]))["formAnswerGroup"]["finished"] is False
    await emulator.ask(GO_ON, key=PATIENT_1, input={"id": draft["id"], "finished": True})
    assert await listed(emulator) == [draft["id"]]


async def test_an_answer_to_a_question_that_was_answered_takes_its_place(emulator: EmulatorClient) -> None:
    _, patient, form = await names(emulator)
    asked = (await questions(emulator, form))["What brings you here?"]
    draft = (
        await fill(emulator, finished=False, form_answers=[{"custom_module_id": asked, "answer": "A cough"}])
    )["form_answer_group"]
    again = [{"custom_module_id": asked, "user_id": patient, "answer": "A cold"}]
    changed = await emulator.ask(GO_ON, key=PATIENT_1, input={"id": draft["id"], "form_answers": again})
    assert changed["updateFormAnswerGroup"]["form_answer_group"]["form_answers"] == [
        {"custom_module_id": asked, "answer": "A cold"}
    ]


@pytest.mark.parametrize("form", [None, "", "424242"])
async def test_every_filled_form_needs_a_template_that_exists(
    emulator: EmulatorClient, form: str | None
) -> None:
    """Healthie keeps no answers without a `CustomModuleForm`."""
    refused = await fill(emulator, custom_module_form_id=form)
    assert refused["form_answer_group"] is None
    assert refused["messages"][0]["field"] == "custom_module_form_id"


async def test_an_answer_must_belong_to_a_question_of_the_form(emulator: EmulatorClient) -> None:
    seed, patient, _ = await names(emulator)
    other = await questions(emulator, seed["forms"]["Visit Note"])
    answers = [{"custom_module_id": other["Notes of the visit"], "user_id": patient, "answer": "?"}]
    refused = await fill(emulator, form_answers=answers)
    assert refused["messages"] == [{"field": "form_answers", "message": "Custom module must exist"}]


@pytest.mark.parametrize("checked", [False, True])
async def test_whether_open_required_questions_keep_a_form_from_being_finished_is_a_switch(
    emulator: EmulatorClient, *, checked: bool
) -> None:
    await emulator.control.switches(required_answers_checked=checked)
    assert ((await fill(emulator))["form_answer_group"] is None) is checked
    assert (await fill(emulator, finished=False))["form_answer_group"] is not None


async def test_the_id_that_an_integration_gave_finds_a_form_and_does_not_keep_it_from_being_doubled(
    emulator: EmulatorClient,
) -> None:
    made = (await fill(emulator, external_id="ours-1"))["form_answer_group"]
    found = await emulator.ask(ONE, key=PATIENT_1, external="ours-1")
    assert found["formAnswerGroup"]["id"] == made["id"]
    assert (await emulator.ask(ONE, key=PATIENT_2, external="ours-1"))["formAnswerGroup"] is None
    assert (await emulator.ask(ONE, key=PATIENT_1, external="ours-2"))["formAnswerGroup"] is None
    assert (await fill(emulator, external_id="ours-1"))["form_answer_group"]["id"] != made["id"]


async def test_a_form_about_a_visit_is_dated_by_the_visit_and_stays_with_it(emulator: EmulatorClient) -> None:
    """With an appointment, `created_at` is when that takes place."""
    seed = await emulator.control.seed()
    third = seed["patients"][2]["id"]
    visit = (await emulator.control.books())["appointments"][0]
    made = (await fill(emulator, key=CLINICIAN_1, user_id=third, appointment_id=visit["id"], metadata="{}"))[
        "form_answer_group"
    ]
    assert made["created_at"] < made["record_created_at"]
    of_visit = await emulator.ask(
        "query V($id: ID) { appointment(id: $id) { form_answer_groups { id metadata } } }",
        key=PATIENT_3,
        id=visit["id"],
    )  # metadata is for staff
    assert of_visit["appointment"]["form_answer_groups"] == [{"id": made["id"], "metadata": None}]


async def test_staff_sign_lock_and_unlock_with_a_reason_and_nobody_edits_what_is_locked(
    emulator: EmulatorClient,
) -> None:
    await listen(emulator)
    form = (await fill(emulator))["form_answer_group"]["id"]
    for root in ("signFormAnswerGroup", "lockFormAnswerGroup", "deleteFormAnswerGroup"):
        errors = await emulator.errors(STAFF % root, key=PATIENT_1, id=form)
        assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    signed = await emulator.ask(STAFF % "signFormAnswerGroup", key=CLINICIAN_1, id=form)
    assert signed["signFormAnswerGroup"]["form_answer_group"]["chart_note_status"] == "SIGNED"
    await emulator.ask(STAFF % "lockFormAnswerGroup", key=CLINICIAN_1, id=form)
    again = await emulator.ask(STAFF % "lockFormAnswerGroup", key=CLINICIAN_1, id=form)
    assert again["lockFormAnswerGroup"]["messages"]
    edited = await emulator.ask(GO_ON, key=OWNER, input={"id": form, "name": "Other"})
    assert edited["updateFormAnswerGroup"]["messages"]
    unlock = """mutation U($id: ID!, $why: String!) { unlockFormAnswerGroup(input: {id: $id, description: $why}) {
      form_answer_group { is_locked } messages { field } } }"""
    locked = (await emulator.ask(ONE, id=form))["formAnswerGroup"]
    assert (locked["is_locked"], locked["chart_note_status"]) == (True, "SIGNED_AND_LOCKED")
    refused = await emulator.ask(unlock, id=form, why=" ")
    assert refused["unlockFormAnswerGroup"]["messages"] == [{"field": "description"}]
    await emulator.ask(unlock, id=form, why="A word was missing")
    await emulator.ask(STAFF % "deleteFormAnswerGroup", id=form)
    seen = (await emulator.ask(ONE, id=form))["formAnswerGroup"]
    assert [each["action"] for each in seen["form_answer_group_audit_events"]] == [
        "SIGNED",
        "LOCKED",
        "UNLOCKED",
    ]
    assert seen["deleted_at"]
    assert await listed(emulator) == []
    assert await sent(emulator) == [
        f"form_answer_group.{what}" for what in ("created", "signed", "locked", "unlocked", "deleted")
    ]


async def test_requests_are_sent_in_the_background_to_patients_and_groups_without_an_id_back(
    emulator: EmulatorClient,
) -> None:
    seed, patient, form = await names(emulator)
    group = seed["groups"]["New Patients"]
    await listen(emulator)
    asked = (await emulator.ask(REQUEST, key=CLINICIAN_1, to=[patient, f"group-{group}"], form=form))[
        "createRequestedFormCompletion"
    ]
    assert (asked["requestedFormCompletion"], asked["messages"]) == (None, None)
    assert (await emulator.ask(OPEN_REQUESTS))["requestedFormCompletions"]["nodes"] == []
    await emulator.control.clock(advance=2)
    found = (await emulator.ask(OPEN_REQUESTS, status="Open"))["requestedFormCompletions"]["nodes"]
    assert [each["recipient_id"] for each in found] == [patient, seed["patients"][2]["id"]]
    assert {each["item_type"] for each in found} == {"cmf"}
    assert await sent(emulator) == ["requested_form_completion.created"] * 2


@pytest.mark.parametrize(("to", "form", "field"), [(["1"], None, "recipient_ids"), (None, "424242", "form")])
async def test_a_request_needs_recipients_and_a_form_that_exist(
    emulator: EmulatorClient, to: list[str] | None, form: str | None, field: str
) -> None:
    _, patient, intake = await names(emulator)
    answer = await emulator.ask(REQUEST, to=to or [patient], form=form or intake)
    assert answer["createRequestedFormCompletion"]["messages"][0]["field"] == field


async def test_a_request_is_open_then_incomplete_then_complete_and_staff_withdraw_it(
    emulator: EmulatorClient,
) -> None:
    _, patient, form = await names(emulator)
    await emulator.ask(REQUEST, to=[patient], form=form)
    await emulator.control.clock(advance=2)

    async def the_one(status: str) -> Any:
        nodes = (await emulator.ask(OPEN_REQUESTS, user=patient, status=status))["requestedFormCompletions"]
        return nodes["nodes"][0]

    asked = await the_one("Open")
    draft = (await fill(emulator, finished=False, requested_form_completion_id=asked["id"]))[
        "form_answer_group"
    ]
    assert (await the_one("Incomplete"))["id"] == asked["id"]
    await listen(emulator)
    await emulator.ask(GO_ON, key=PATIENT_1, input={"id": draft["id"], "finished": True})
    assert (await the_one("Complete"))["form_answer_group"]["id"] == draft["id"]
    withdraw = """mutation W($id: ID) { deleteRequestedFormCompletion(input: {id: $id}) {
      requestedFormCompletion { id } messages { message } } }"""
    await emulator.ask(withdraw, id=asked["id"])
    assert (await emulator.ask(OPEN_REQUESTS))["requestedFormCompletions"]["nodes"] == []
    assert await sent(emulator) == ["requested_form_completion.updated", "requested_form_completion.deleted"]


@pytest.mark.parametrize("readable", [False, True])
async def test_whether_patients_read_their_requests_is_a_switch(
    emulator: EmulatorClient, *, readable: bool
) -> None:
    _, patient, form = await names(emulator)
    await emulator.control.switches(patients_read_form_requests=readable)
    await emulator.ask(REQUEST, to=[patient], form=form)
    await emulator.control.clock(advance=2)
    own = (await emulator.send(OPEN_REQUESTS, key=PATIENT_1)).json()
    others = (await emulator.send(OPEN_REQUESTS, key=PATIENT_2)).json()
    assert ("errors" in own, "errors" in others) == (not readable, not readable)
    if readable:
        counted = [len(each["data"]["requestedFormCompletions"]["nodes"]) for each in (own, others)]
        assert counted == [1, 0]


FLOW = """query F($id: ID, $user: ID) { onboardingFlow(id: $id, user_id: $user) { id name onboarding_items_count
  onboarding_items { id item_type display_name is_skippable is_last_item } user_groups { name } } }"""
MINE = """query Mine($me: ID!) { hasFormsToComplete(user_id: $me) intakeFlow(user_id: $me) {
  not_started_incomplete { id display_name status } completed_skipped { display_name skipped }
  requested { display_name form_type } }
  currentUser { has_forms_to_complete any_incomplete_onboarding_steps has_completed_intake_forms requested_form_count
    next_onboarding_step { display_name } } }"""
DONE = """mutation Done($step: ID, $skipped: Boolean, $user: ID) {
  createCompletedOnboardingItem(input: {onboarding_item_id: $step, skipped: $skipped, user_id: $user}) {
    completed_onboarding_item { id skipped user_id } messages { field } } }"""


async def test_the_intake_of_a_patient_is_that_of_the_group_and_ends_when_all_is_done_or_skipped(
    emulator: EmulatorClient,
) -> None:
    """Patients in a group are asked to fill out its flow; `user_id` is ignored for a patient's key."""
    seed, one, intake = await names(emulator)
    three = seed["patients"][2]["id"]
    flow = (await emulator.ask(FLOW, key=PATIENT_3, user=one))["onboardingFlow"]
    steps = flow["onboarding_items"]
    assert [each["display_name"] for each in steps] == [
        "New Patient Intake",
        "Telehealth Consent",
        "Insurance Form",
    ]
    assert [each["is_last_item"] for each in steps] == [False, False, True]
    assert (await emulator.ask(FLOW, key=PATIENT_1))["onboardingFlow"] is None
    before = await emulator.ask(MINE, key=PATIENT_3, me=three)
    assert before["hasFormsToComplete"] is True
    assert before["currentUser"]["next_onboarding_step"] == {"display_name": "New Patient Intake"}
    assert [each["status"] for each in before["intakeFlow"]["not_started_incomplete"]] == ["not_started"] * 3
    await listen(emulator)
    for step, form in ((steps[0], intake), (steps[1], seed["forms"]["Telehealth Consent"])):
        await fill(
            emulator,
            key=PATIENT_3,
            user_id=three,
            custom_module_form_id=form,
            onboarding_item_id=step["id"],
        )
    await emulator.ask(DONE, key=PATIENT_3, step=steps[2]["id"], skipped=True)
    after = await emulator.ask(MINE, key=PATIENT_3, me=three)
    assert after["hasFormsToComplete"] is False
    assert after["currentUser"]["has_completed_intake_forms"] is True
    assert [each["skipped"] for each in after["intakeFlow"]["completed_skipped"]] == [False, False, True]
    assert (await sent(emulator)).count("completed_onboarding_item.created") == 3
    assert (await emulator.ask(MINE, key=PATIENT_1, me=three))[
        "hasFormsToComplete"
    ] is False  # not theirs to know


async def test_a_step_needs_no_key_and_shows_progress_only_to_whom_may_see_the_patient(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    three = seed["patients"][2]["id"]
    steps = (await emulator.ask(FLOW, key=PATIENT_3))["onboardingFlow"]["onboarding_items"]
    await emulator.ask(DONE, key=PATIENT_3, step=steps[0]["id"], skipped=False)
    document = """query Step($id: ID!, $user: ID) { onboardingItem(id: $id, user_id: $user) {
      id display_name onboarding_flow { id } completed_onboarding_item { id } } }"""
    seen = {
        key: (await emulator.ask(document, key=key, id=steps[0]["id"], user=three))["onboardingItem"]
        for key in (None, PATIENT_1, PATIENT_3, OWNER)
    }
    assert {key: bool(step["completed_onboarding_item"]) for key, step in seen.items()} == {
        None: False,
        PATIENT_1: False,
        PATIENT_3: True,
        OWNER: True,
    }


async def test_staff_make_flows_and_steps_and_hand_the_groups_of_a_deleted_flow_on(
    emulator: EmulatorClient,
) -> None:
    seed, _, intake = await names(emulator)
    group = seed["groups"]["New Patients"]
    make = """mutation M($groups: String) { createOnboardingFlow(input: {name: "Short intake",
      groups_to_use_onboarding_flow: $groups}) { onboardingFlow { id user_groups_name_string } } }"""
    flow = (await emulator.ask(make, groups=f"{group},"))["createOnboardingFlow"]["onboardingFlow"]
    assert flow["user_groups_name_string"] == "New Patients"
    add = """mutation A($flow: ID, $type: String) { createOnboardingItem(input: {onboarding_flow_id: $flow,
      item_type: $type, is_skippable: false}) { onboardingItem { id item_id item_type } messages { field } } }"""
    types = json.dumps([{"type": "Module Form", "id": intake}])
    step = (await emulator.ask(add, flow=flow["id"], type=types))["createOnboardingItem"]["onboardingItem"]
    assert step["item_id"] == intake
    unknown = await emulator.ask(add, flow=flow["id"], type='{"type": "Module Form", "id": "1"}')
    assert unknown["createOnboardingItem"]["messages"] == [{"field": "item_id"}]
    available = await emulator.ask(
        "query T($id: ID) { availableItemTypes(onboarding_flow_id: $id) }", id=flow["id"]
    )
    assert {"id": intake, "name": "New Patient Intake"} not in json.loads(available["availableItemTypes"])
    first = (await emulator.ask('{ onboardingFlows(keywords: "intake of") { nodes { id } } }'))[
        "onboardingFlows"
    ]
    hand_on = """mutation D($id: ID, $heir: ID, $step: ID) {
      updateOnboardingItem(input: {id: $step, is_skippable: true, row_order: 4}) { onboardingItem { is_skippable } }
      updateOnboardingFlow(input: {id: $id, name: "Shorter"}) { onboardingFlow { name } }
      deleteOnboardingFlow(input: {id: $id, flow_to_receive_groups: $heir}) { onboardingFlow { id } }
      deleteOnboardingItem(input: {id: $step}) { messages { field } } }"""
    done = await emulator.ask(hand_on, id=flow["id"], heir=first["nodes"][0]["id"], step=step["id"])
    assert done["updateOnboardingItem"]["onboardingItem"]["is_skippable"] is True
    assert done["deleteOnboardingItem"]["messages"] == [{"field": "id"}]  # it went with its flow
    now = await emulator.ask("query G($id: ID) { userGroup(id: $id) { onboarding_flow_id } }", id=group)
    assert now["userGroup"]["onboarding_flow_id"] == first["nodes"][0]["id"]


async def test_what_was_done_outside_of_the_present_flow_is_listed_apart(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    three = seed["patients"][2]["id"]
    steps = (await emulator.ask(FLOW, key=PATIENT_3))["onboardingFlow"]["onboarding_items"]
    await emulator.ask(DONE, key=PATIENT_3, step=steps[2]["id"], skipped=False)
    document = """query U($id: ID) { unassociatedCompletedOnboardingItems(user_id: $id) {
      nodes { onboarding_item_id item_type skipped } } }"""
    assert (await emulator.ask(document, id=three))["unassociatedCompletedOnboardingItems"]["nodes"] == []
    leave = 'mutation L($id: ID!) { updateClient(input: {id: $id, user_group_id: ""}) { user { user_group { id } } } }'
    assert (await emulator.ask(leave, id=three))["updateClient"]["user"]["user_group"] is None
    left = (await emulator.ask(document, id=three))["unassociatedCompletedOnboardingItems"]["nodes"]
    assert left == [{"onboarding_item_id": steps[2]["id"], "item_type": "Insurance Form", "skipped": False}]


async def test_a_form_that_prefills_begins_with_the_answers_of_the_last_time_or_of_the_draft(
    emulator: EmulatorClient,
) -> None:
    _, patient, form = await names(emulator)
    asked = (await questions(emulator, form))["What brings you here?"]
    document = """query I($form: ID, $user: ID, $draft: ID) { initialFormAnswers(custom_module_form_id: $form,
      user_id: $user, incomplete_form_id: $draft) { custom_module_id answer label } }"""

    async def begins_with(draft: str | None = None) -> Any:
        found = await emulator.ask(document, key=PATIENT_1, form=form, user=patient, draft=draft)
        return {each["custom_module_id"]: each["answer"] for each in found["initialFormAnswers"]}[asked]

    assert await begins_with() is None
    await fill(emulator, form_answers=[{"custom_module_id": asked, "answer": "A cough"}])
    assert await begins_with() == "A cough"
    draft = await fill(
        emulator, finished=False, form_answers=[{"custom_module_id": asked, "answer": "A cold"}]
    )
    assert await begins_with(draft["form_answer_group"]["id"]) == "A cold"


async def test_a_file_answers_a_question_once_what_was_announced_has_been_uploaded(
    emulator: EmulatorClient,
) -> None:
    _, _, form = await names(emulator)
    asked = (await questions(emulator, form))["What brings you here?"]
    made = await fill(emulator, form_answers=[{"custom_module_id": asked, "answer": "See the picture"}])
    answer = made["form_answer_group"]["form_answers"][0]["id"]
    content = b"\x89PNG\r\n\x1a\n synthetic"
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    announce = """mutation A($answer: ID!, $size: Int!, $sum: String!) { createFormAnswerFileAttachmentUploadUrl(input:
      {form_answer_id: $answer, filename: "rash.png", byte_size: $size, checksum: $sum, content_type: "image/png"}) {
        upload_id upload_url headers { name value } messages { field } } }"""
    attach = """mutation T($answer: ID!, $upload: ID!) { createFormAnswerFileAttachment(input:
      {form_answer_id: $answer, upload_id: $upload}) { file_attachment { id url } messages { field } } }"""
    announced = (await emulator.ask(announce, key=PATIENT_1, answer=answer, size=len(content), sum=checksum))[
        "createFormAnswerFileAttachmentUploadUrl"
    ]
    named = {"answer": answer, "upload": announced["upload_id"]}
    early = (await emulator.ask(attach, key=PATIENT_1, **named))["createFormAnswerFileAttachment"]
    assert early["messages"] == [{"field": "upload_id"}]
    headers = {each["name"]: each["value"] for each in announced["headers"]}
    assert (await emulator.client.put(announced["upload_url"], content=b"other")).status_code == 400
    sent_ = await emulator.client.put(announced["upload_url"], content=content, headers=headers)
    assert sent_.status_code == 204
    attached = (await emulator.ask(attach, key=PATIENT_1, **named))["createFormAnswerFileAttachment"]
    assert (await emulator.client.get(attached["file_attachment"]["url"])).content == content
    foreign = (await emulator.ask(attach, key=PATIENT_2, **named))["createFormAnswerFileAttachment"]
    assert foreign["messages"] == [{"field": "form_answer_id"}]
