"""Conversations, memberships and messages, as Healthie's guide on chat describes them."""

from typing import Any

from tests.integration.emulator_events import listen, sent
from tests.plugins.emulator import (
    CLINICIAN_1,
    CLINICIAN_2,
    OWNER,
    PATIENT_1,
    PATIENT_2,
    PATIENT_3,
    EmulatorClient,
)

CHATS = """query Chats($client: String, $read: String, $status: String, $words: String, $provider: ID) {
  conversationMemberships(client_id: $client, read_status: $read, active_status: $status, keywords: $words,
    provider_id: $provider) { nodes { id user_id viewed archived display_name convo { id patient_id
      conversation_memberships_count last_message_content owner { id } } } } }"""
SAY = """mutation Say($convo: ID!, $words: String, $who: ID, $org: Boolean, $at: ISO8601DateTime) {
  createNote(input: {conversation_id: $convo, content: $words, user_id: $who, org_chat: $org, scheduled_at: $at}) {
    note { id content user_id on_behalf_user { id } } messages { field message } } }"""
NOTES = """query Notes($convo: ID, $since: ID, $planned: Boolean) {
  notes(conversation_id: $convo, since_note_id: $since, scheduled_notes: $planned, order_by: CREATED_AT_ASC) {
    nodes { id content user_id viewed deleted_by_user } } }"""
START = """mutation Start($added: String, $name: String, $owner: ID) {
  createConversation(input: {simple_added_users: $added, name: $name, owner_id: $owner}) {
    conversation { id name owner { id } invitees { id } includes_multiple_clients } messages { field message } } }"""
CHANGE = """mutation Change($id: ID, $added: String, $name: String, $closed: ID) {
  updateConversation(input: {id: $id, simple_added_users: $added, name: $name, closed_by_id: $closed}) {
    conversation { id name invitees { id } closed_by { id } closed_date } messages { field message } } }"""


async def chats(emulator: EmulatorClient, key: str, **wanted: Any) -> list[Any]:
    return list((await emulator.ask(CHATS, key=key, **wanted))["conversationMemberships"]["nodes"])


async def own_chat(emulator: EmulatorClient, key: str = PATIENT_1) -> str:
    return str((await chats(emulator, key))[0]["convo"]["id"])


async def say(emulator: EmulatorClient, key: str, convo: str, words: str, **more: Any) -> Any:
    return (await emulator.ask(SAY, key=key, convo=convo, words=words, **more))["createNote"]


async def notes(emulator: EmulatorClient, key: str, convo: str, **wanted: Any) -> list[Any]:
    return list((await emulator.ask(NOTES, key=key, convo=convo, **wanted))["notes"]["nodes"])


async def test_a_patient_and_the_main_clinician_always_have_a_conversation(emulator: EmulatorClient) -> None:
    """Healthie begins one with the main clinician by itself."""
    create = """mutation C($who: String) { createClient(input: {first_name: "New", last_name: "Sample", skipped_email: true,
      dietitian_id: $who}) { user { id } } }"""
    ben = (await emulator.control.seed())["clinicians"][1]["id"]
    before = await chats(emulator, CLINICIAN_2)
    made = (await emulator.ask(create, who=ben))["createClient"]["user"]["id"]
    after = await chats(emulator, CLINICIAN_2, client=made)
    assert before == []
    assert [(each["convo"]["patient_id"], each["display_name"]) for each in after] == [(made, "New Sample")]


async def test_without_a_valid_client_the_list_holds_all_chats_of_the_keys_owner(
    emulator: EmulatorClient,
) -> None:
    """Without a patient's id the list is that of the key's owner."""
    seed = await emulator.control.seed()
    one = seed["patients"][0]["id"]
    assert [each["convo"]["patient_id"] for each in await chats(emulator, CLINICIAN_1, client=one)] == [one]
    for invalid in (None, "", "424242", "nobody"):
        assert len(await chats(emulator, CLINICIAN_1, client=invalid)) == 3
    for stranger in (seed["patients"][1]["id"], "424242"):
        assert [
            each["convo"]["patient_id"] for each in await chats(emulator, PATIENT_1, client=stranger)
        ] == [one]


async def test_only_administrators_see_chats_in_which_they_take_no_part(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    one, ada = seed["patients"][0]["id"], seed["clinicians"][0]["id"]
    assert await chats(emulator, OWNER) == []
    assert len(await chats(emulator, OWNER, client=one)) == 1
    assert len(await chats(emulator, OWNER, provider=ada)) == 3
    assert await chats(emulator, CLINICIAN_2, client=one) == []
    assert await chats(emulator, CLINICIAN_2, provider=ada) == []
    convo = await own_chat(emulator)
    one_chat = "query One($id: ID) { conversation(id: $id) { id } }"
    seen = {
        key: (await emulator.ask(one_chat, key=key, id=convo))["conversation"]
        for key in (PATIENT_1, PATIENT_2, CLINICIAN_1, CLINICIAN_2, OWNER)
    }
    assert {key for key, found in seen.items() if found} == {PATIENT_1, CLINICIAN_1, OWNER}


async def test_a_message_speaks_as_the_keys_owner_whatever_user_is_named(emulator: EmulatorClient) -> None:
    ada = (await emulator.control.seed())["clinicians"][0]["id"]
    convo = await own_chat(emulator)
    await listen(emulator)
    await emulator.control.clock(advance=60)
    said = await say(emulator, PATIENT_1, convo, "<p>Good morning</p>", who=ada)
    me = (await emulator.ask("{ currentUser { id } }", key=PATIENT_1))["currentUser"]["id"]
    assert said["note"]["user_id"] == me
    assert await sent(emulator) == ["message.created"]
    newest = (await chats(emulator, CLINICIAN_1))[0]
    assert (newest["convo"]["id"], newest["viewed"]) == (convo, False)
    assert newest["convo"]["last_message_content"] == "Good morning"


async def test_who_takes_no_part_writes_nothing_but_staff_for_the_owner_in_the_chat_of_the_practice(
    emulator: EmulatorClient,
) -> None:
    convo = await own_chat(emulator)
    for key in (PATIENT_2, CLINICIAN_2):
        assert (await say(emulator, key, convo, "Hello"))["messages"][0]["field"] == "conversation_id"
    assert (await say(emulator, PATIENT_2, convo, "Hello", org=True))["note"] is None
    ben = (await emulator.control.seed())["clinicians"][1]["id"]
    said = (await say(emulator, CLINICIAN_2, convo, "Ada is away", org=True))["note"]
    assert (said["user_id"], said["on_behalf_user"]) == (ben, {"id": ben})


async def test_only_harmless_markup_stays_in_a_message_and_an_empty_one_is_refused(
    emulator: EmulatorClient,
) -> None:
    """Healthie keeps simple markup and takes the rest out."""
    convo = await own_chat(emulator)
    words = '<p onclick="steal()">See <b>this</b></p><script>steal()</script><img src="javascript:steal()">'
    assert (await say(emulator, PATIENT_1, convo, words))["note"]["content"] == "<p>See <b>this</b></p><img>"
    for empty in ("", "   ", "<script>steal()</script>"):
        assert (await say(emulator, PATIENT_1, convo, empty))["messages"][0]["field"] == "content"


async def test_messages_are_read_on_from_one_that_is_known_and_marked_as_read(
    emulator: EmulatorClient,
) -> None:
    convo = await own_chat(emulator)
    first, *_ = await notes(emulator, PATIENT_1, convo)
    said = (await say(emulator, CLINICIAN_1, convo, "How are you?"))["note"]
    assert [each["id"] for each in await notes(emulator, PATIENT_1, convo, since=first["id"])] == [said["id"]]
    assert await notes(emulator, PATIENT_2, convo) == []
    assert (await emulator.ask("{ currentUser { unread_convo_count } }", key=PATIENT_1))["currentUser"] == {
        "unread_convo_count": 1
    }
    (unread,) = await chats(emulator, PATIENT_1, read="unread")
    mark = """mutation M($id: ID) { updateConversationMembership(input: {id: $id, viewed: true}) {
      conversation_membership { viewed } messages { field } } }"""
    foreign = await emulator.ask(mark, key=PATIENT_2, id=unread["id"])
    assert foreign["updateConversationMembership"]["messages"] == [{"field": "id"}]
    await emulator.ask(mark, key=PATIENT_1, id=unread["id"])
    assert await chats(emulator, PATIENT_1, read="unread") == []
    assert (await notes(emulator, CLINICIAN_1, convo, since=first["id"]))[0]["viewed"] is True


async def test_a_planned_message_is_nobody_elses_until_its_time(emulator: EmulatorClient) -> None:
    convo = await own_chat(emulator)
    later = (await emulator.control.clock()).replace(microsecond=0).isoformat()
    await emulator.control.clock(advance=-3600)
    planned = (await say(emulator, CLINICIAN_1, convo, "Take care", at=later))["note"]["id"]
    await listen(emulator)
    assert planned not in [each["id"] for each in await notes(emulator, PATIENT_1, convo)]
    assert await notes(emulator, PATIENT_1, convo, planned=True) == []
    assert [each["id"] for each in await notes(emulator, CLINICIAN_1, convo, planned=True)] == [planned]
    await emulator.control.clock(advance=3601)
    assert planned in [each["id"] for each in await notes(emulator, PATIENT_1, convo)]
    assert await sent(emulator) == ["scheduled_message.sent"]


async def test_one_changes_and_deletes_ones_own_messages_only(emulator: EmulatorClient) -> None:
    convo = await own_chat(emulator)
    said = (await say(emulator, PATIENT_1, convo, "A cough"))["note"]["id"]
    change = """mutation C($id: ID) { updateNote(input: {id: $id, content: "A cold"}) { note { content } messages { field } }
      deleteNote(input: {id: $id, deleted_by_user: true}) { note { deleted_by_user content } messages { field } } }"""
    foreign = await emulator.ask(change, key=CLINICIAN_1, id=said)
    assert [foreign[root]["messages"] for root in ("updateNote", "deleteNote")] == [[{"field": "id"}]] * 2
    await listen(emulator)
    own = await emulator.ask(change, key=PATIENT_1, id=said)
    assert own["updateNote"]["note"] == {"content": "A cold"}
    assert own["deleteNote"]["note"] == {"deleted_by_user": True, "content": None}
    assert await sent(emulator) == ["message.deleted"]


async def test_staff_start_conversations_with_patients_members_and_groups(emulator: EmulatorClient) -> None:
    seed = await emulator.control.seed()
    one, _, three = (each["id"] for each in seed["patients"])
    owner, ben = seed["owner"]["id"], seed["clinicians"][1]["id"]
    added = f"user-{one},group-{seed['groups']['New Patients']},user-{ben},"
    errors = await emulator.errors(START, key=PATIENT_1, added=added)
    assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    await listen(emulator)
    started = (await emulator.ask(START, key=OWNER, added=added))["createConversation"]["conversation"]
    assert [each["id"] for each in started["invitees"]] == [owner, one, three, ben]
    assert started["includes_multiple_clients"] is True
    assert started["name"] == "Olive Sample-Owner, Sample Patient One, Sample Patient Three, Ben Sample-Stone"
    assert (await sent(emulator)) == ["conversation.created"]
    unknown = (await emulator.ask(START, key=OWNER, added="user-424242"))["createConversation"]
    assert unknown["messages"][0]["field"] == "simple_added_users"
    by_patient = (await emulator.ask(START, key=OWNER, added="", owner=one))["createConversation"]
    assert by_patient["messages"][0]["field"] == "owner_id"


async def test_naming_members_anew_removes_whoever_is_not_named_but_the_owner(
    emulator: EmulatorClient,
) -> None:
    """Whoever is not named leaves the conversation."""
    seed = await emulator.control.seed()
    one, two, _ = (each["id"] for each in seed["patients"])
    owner, ben = seed["owner"]["id"], seed["clinicians"][1]["id"]
    started = await emulator.ask(START, key=OWNER, added=f"user-{one},user-{ben}", name="Questions")
    convo = started["createConversation"]["conversation"]["id"]
    await listen(emulator)
    changed = (await emulator.ask(CHANGE, key=OWNER, id=convo, added=f"user-{two}", name="Answers"))[
        "updateConversation"
    ]["conversation"]
    assert [each["id"] for each in changed["invitees"]] == [owner, two]
    assert changed["name"] == "Answers"
    assert convo not in [each["convo"]["id"] for each in await chats(emulator, PATIENT_1)]
    assert sorted(await sent(emulator)) == [
        "conversation.updated",
        "conversation_membership.created",
        *["conversation_membership.deleted"] * 2,
    ]


async def test_a_closed_conversation_takes_no_more_messages_and_is_listed_as_closed(
    emulator: EmulatorClient,
) -> None:
    ada = (await emulator.control.seed())["clinicians"][0]["id"]
    convo = await own_chat(emulator, PATIENT_3)
    other = (await emulator.ask(CHANGE, key=OWNER, id=convo, closed=ada))["updateConversation"]
    assert other["messages"][0]["field"] == "closed_by_id"  # the id of the key's owner
    closed = (await emulator.ask(CHANGE, key=CLINICIAN_1, id=convo, closed=ada))["updateConversation"]
    assert closed["conversation"]["closed_by"] == {"id": ada}
    assert (await say(emulator, PATIENT_3, convo, "Hello"))["messages"][0][
        "message"
    ] == "Conversation is closed"
    assert await chats(emulator, PATIENT_3) == []
    assert [each["convo"]["id"] for each in await chats(emulator, PATIENT_3, status="closed")] == [convo]


async def test_chats_are_found_by_the_names_of_who_takes_part(emulator: EmulatorClient) -> None:
    assert [each["display_name"] for each in await chats(emulator, CLINICIAN_1, words="patient two")] == [
        "Sample Patient Two"
    ]
    assert await chats(emulator, CLINICIAN_1, words="somebody else") == []
