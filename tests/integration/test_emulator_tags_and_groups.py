"""Tags and groups, as Healthie's guide on patients describes them."""

from typing import Any

import pytest

from tests.integration.emulator_events import listen, sent
from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, PATIENT_3, EmulatorClient

TAGS = "{ tags { name patients_tagged_count providers_tagged_count added_by tagged_users { nodes { id } } } }"
MAKE_TAG = """mutation Make($name: String, $user: ID) { createTag(input: {name: $name, taggable_user_id: $user}) {
  tag { id name tagged_users { nodes { id } } user { id } } messages { field message } } }"""
APPLY = """mutation Apply($ids: [ID]!, $user: ID!) { bulkApply(input: {ids: $ids, taggable_user_id: $user}) {
  tags { name } messages { field } } }"""
TAKE_OFF = """mutation Off($id: ID, $user: ID) { removeAppliedTag(input: {id: $id, taggable_user_id: $user}) {
  tag { id } messages { field } } }"""
GROUPS = """query Groups($words: String, $sort: String) { userGroups(keywords: $words, sort_by: $sort) {
  nodes { id name users_count invite_code doc_share_id users { id } onboarding_flow_id } } }"""
MAKE_GROUP = """mutation Make($name: String) { createGroup(input: {name: $name}) {
  user_group { id } messages { field message } } }"""


async def make_tag(emulator: EmulatorClient, key: str = OWNER, **given: Any) -> Any:
    return (await emulator.ask(MAKE_TAG, key=key, **given))["createTag"]


async def test_the_name_of_a_tag_is_unique_for_each_member(emulator: EmulatorClient) -> None:
    """A member has one tag of a name; another member may have the same."""
    one = (await emulator.control.seed())["patients"][0]["id"]
    made = await make_tag(emulator, name="Prefers mornings", user=one)
    assert made["tag"]["tagged_users"]["nodes"] == [{"id": one}]
    again = await make_tag(emulator, name="prefers mornings")
    assert again["messages"] == [{"field": "name", "message": "Name has already been taken"}]
    assert (await make_tag(emulator, CLINICIAN_1, name="Prefers mornings"))["messages"] is None
    assert (await make_tag(emulator, name=""))["messages"][0]["message"] == "Name can't be blank"


async def test_tags_are_put_on_patients_and_members_and_taken_off_by_staff_only(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    one, ada, tag = seed["patients"][0]["id"], seed["clinicians"][0]["id"], seed["tags"]["Interpreter needed"]
    for document, named in ((APPLY, {"ids": [tag]}), (TAKE_OFF, {"id": tag})):
        errors = await emulator.errors(document, key=PATIENT_1, user=one, **named)
        assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    await listen(emulator)
    for user in (one, ada, one):
        await emulator.ask(APPLY, key=CLINICIAN_1, ids=[tag], user=user)
    found = next(each for each in (await emulator.ask(TAGS))["tags"] if each["name"] == "Interpreter needed")
    assert (found["patients_tagged_count"], found["providers_tagged_count"]) == (1, 1)
    of_one = "query U($id: ID) { user(id: $id) { active_tags { id } } }"
    assert (await emulator.ask(of_one, id=one))["user"]["active_tags"] == [{"id": tag}]
    assert (await emulator.ask(of_one, key=PATIENT_1, id=one))["user"]["active_tags"] is None
    await emulator.ask(TAKE_OFF, key=CLINICIAN_1, id=tag, user=one)
    again = await emulator.ask(TAKE_OFF, key=CLINICIAN_1, id=tag, user=one)
    assert again["removeAppliedTag"]["messages"] == [{"field": "id"}]
    assert await sent(emulator) == ["applied_tag.created", "applied_tag.created", "applied_tag.deleted"]


@pytest.mark.parametrize(("tag", "user", "field"), [("1", None, "ids"), (None, "424242", "taggable_user_id")])
async def test_only_tags_and_users_that_exist_are_brought_together(
    emulator: EmulatorClient, tag: str | None, user: str | None, field: str
) -> None:
    seed = await emulator.control.seed()
    tag, user = tag or seed["tags"]["Interpreter needed"], user or seed["patients"][0]["id"]
    assert (await emulator.ask(APPLY, ids=[tag], user=user))["bulkApply"]["messages"] == [{"field": field}]


async def test_applying_a_tag_that_is_wired_to_a_package_charges_the_patient_once(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    one, two, _ = (each["id"] for each in seed["patients"])
    tag = seed["tags"]["Sells the First Visit"]
    for user in (one, one, two):  # the second patient has no card
        await emulator.ask(APPLY, ids=[tag], user=user)
    books = await emulator.control.books()
    assert [charge["amount"] for charge in books["charges"]] == [149_00]
    assert [item["sender_id"] for item in books["billing_items"]] == [one]


async def test_a_deleted_tag_is_on_nobody_and_its_users_stay(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    one, tag = seed["patients"][0]["id"], seed["tags"]["Interpreter needed"]
    await emulator.ask(APPLY, ids=[tag], user=one)
    work = """mutation W($id: ID) { updateTag(input: {id: $id, name: "Speaks French"}) { tag { name } }
      deleteTag(input: {id: $id}) { tag { name } messages { field } } }"""
    done = await emulator.ask(work, id=tag)
    assert done["deleteTag"]["tag"] == {"name": "Speaks French"}
    user = (await emulator.ask("query U($id: ID) { user(id: $id) { id active_tags { id } } }", id=one))[
        "user"
    ]
    assert user == {"id": one, "active_tags": []}


async def test_staff_make_rename_find_and_sort_groups(emulator: EmulatorClient) -> None:
    errors = await emulator.errors(GROUPS, key=PATIENT_1)
    assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    assert (await emulator.ask(MAKE_GROUP, name=""))["createGroup"]["messages"] == [
        {"field": "name", "message": "Name can't be blank"}
    ]
    made = (await emulator.ask(MAKE_GROUP, name="Alumni"))["createGroup"]["user_group"]["id"]
    rename = """mutation R($id: ID, $flow: ID) { updateUserGroup(input: {id: $id, name: "Former patients",
      onboarding_flow_id: $flow}) { user_group { name } messages { field } } }"""
    assert (await emulator.ask(rename, id=made, flow="1"))["updateUserGroup"]["messages"] == [
        {"field": "onboarding_flow_id"}
    ]
    await emulator.ask(rename, id=made, flow=None)

    async def found(**wanted: Any) -> list[str]:
        return [each["name"] for each in (await emulator.ask(GROUPS, **wanted))["userGroups"]["nodes"]]

    assert await found() == ["Former patients", "New Patients"]
    assert await found(sort="group_name_desc") == ["New Patients", "Former patients"]
    assert await found(sort="users_count_desc") == ["New Patients", "Former patients"]
    assert await found(words="former") == ["Former patients"]


async def test_the_patients_of_a_deleted_group_go_to_the_one_that_is_to_receive_them_or_to_none(
    emulator: EmulatorClient,
) -> None:
    """Without a group the patient is in none."""
    seed = await emulator.control.seed()
    three = seed["patients"][2]["id"]
    first = seed["groups"]["New Patients"]
    second = (await emulator.ask(MAKE_GROUP, name="Others"))["createGroup"]["user_group"]["id"]
    delete = """mutation D($id: ID, $heir: ID) { deleteUserGroup(input: {id: $id, group_to_receive_clients: $heir}) {
      user_group { id } messages { field } } }"""
    mine = "{ currentUser { id user_group_id group_name user_group { users { id } } } }"
    before = (await emulator.ask(mine, key=PATIENT_3))["currentUser"]
    assert (before["group_name"], before["user_group"]) == ("New Patients", {"users": [{"id": three}]})
    await emulator.ask(delete, id=first, heir=second)
    assert (await emulator.ask(mine, key=PATIENT_3))["currentUser"]["group_name"] == "Others"
    await emulator.ask(delete, id=second)
    assert (await emulator.ask(mine, key=PATIENT_3))["currentUser"]["user_group_id"] is None
