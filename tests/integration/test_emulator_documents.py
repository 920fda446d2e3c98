"""Documents and their files, as Healthie's guides on documents and file uploads describe them."""

import json
from typing import Any

import pytest

from tests.integration.emulator_events import listen, sent
from tests.plugins.emulator import CLINICIAN_1, OWNER, PATIENT_1, PATIENT_2, EmulatorClient

LIST = """query List($viewer: String, $private: String, $about: String, $filter: String, $words: String, $type: String) {
  documents(viewable_user_id: $viewer, private_user_id: $private, consolidated_user_id: $about, filter: $filter,
    keywords: $words, file_type: $type) { nodes { display_name } } }"""
ONE = """query One($id: ID) { document(id: $id) { id display_name file_content_type friendly_type extension expiring_url
  internal_notes shared owner { id } rel_user_id users { nodes { id } } opens { user_id } } }"""
CREATE = """mutation Create($file: String, $about: ID, $shared: Boolean, $name: String, $sharers: [ID]) {
  createDocument(input: {file_string: $file, rel_user_id: $about, share_with_rel: $shared, display_name: $name,
    share_users: $sharers}) { document { id display_name file_content_type rel_user_id } messages { field message } } }"""
GIF = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


async def names(emulator: EmulatorClient, key: str = CLINICIAN_1, **wanted: Any) -> list[str]:
    nodes = (await emulator.ask(LIST, key=key, **wanted))["documents"]["nodes"]
    return [each["display_name"] for each in nodes]


async def create(emulator: EmulatorClient, key: str = CLINICIAN_1, **given: Any) -> Any:
    return (await emulator.ask(CREATE, key=key, **{"file": GIF, **given}))["createDocument"]


async def test_a_patient_sees_what_is_shared_and_staff_see_what_is_about_a_patient(
    emulator: EmulatorClient,
) -> None:
    one, two, _ = (each["id"] for each in (await emulator.control.seed())["patients"])
    assert await names(emulator, PATIENT_1) == ["Care plan.pdf"]
    assert await names(emulator, PATIENT_2) == []
    assert await names(emulator, PATIENT_2, viewer=one) == []
    assert await names(emulator, viewer=one) == ["Care plan.pdf"]
    assert await names(emulator, viewer=two) == []
    assert await names(emulator, private=one) == ["Notes for staff.pdf"]
    assert await names(emulator, about=one) == ["Care plan.pdf", "Notes for staff.pdf"]
    assert await names(emulator, about=one, filter="shared") == ["Care plan.pdf"]
    assert await names(emulator, about=one, filter="private") == ["Notes for staff.pdf"]
    assert await names(emulator, words="STAFF") == ["Notes for staff.pdf"]
    assert await names(emulator, about=one, type="other") == []
    assert await names(emulator, OWNER) == []  # `provider_id` defaults to the key's owner


async def test_the_address_of_a_file_is_good_for_ten_seconds(emulator: EmulatorClient) -> None:
    """`expiring_url` works for ten seconds."""
    found = await emulator.ask("{ documents { nodes { id expiring_url } } }", key=PATIENT_1)
    document = found["documents"]["nodes"][0]
    await emulator.control.clock(advance=10)
    file = await emulator.client.get(document["expiring_url"])
    assert (file.status_code, file.headers["content-type"]) == (200, "application/pdf")
    assert file.content.startswith(b"%PDF")
    opened = (await emulator.ask(ONE, key=PATIENT_1, id=document["id"]))["document"]["opens"]
    assert len(opened) == 1
    await emulator.control.clock(advance=2)
    assert (await emulator.client.get(document["expiring_url"])).status_code == 403
    altered = document["expiring_url"].replace("expires=", "expires=9")
    assert (await emulator.client.get(altered)).status_code == 403


async def test_a_file_comes_as_text_in_base64_and_is_named_and_shared_as_asked(
    emulator: EmulatorClient,
) -> None:
    seed = await emulator.control.seed()
    one, two, three = (each["id"] for each in seed["patients"])
    await listen(emulator)
    group = f"group-{seed['groups']['New Patients']}"
    made = await create(emulator, about=one, shared=True, name="Scan.gif", sharers=[f"user-{two}", group])
    assert made["document"]["file_content_type"] == "image/gif"
    seen = (await emulator.ask(ONE, key=CLINICIAN_1, id=made["document"]["id"]))["document"]
    assert sorted(each["id"] for each in seen["users"]["nodes"]) == [one, two, three]
    assert (seen["friendly_type"], seen["extension"], seen["shared"]) == ("Image", ".gif", True)
    assert await names(emulator, PATIENT_2) == ["Scan.gif"]
    to_two = (await emulator.ask(ONE, key=PATIENT_2, id=made["document"]["id"]))["document"]
    assert [each["id"] for each in to_two["users"]["nodes"]] == [two]  # not who else
    assert await sent(emulator) == ["document.created"]


@pytest.mark.parametrize("file", [None, "", "R0lGODlh", "data:image/gif;base64,???"])
async def test_a_document_without_a_readable_file_is_refused(
    emulator: EmulatorClient, file: str | None
) -> None:
    assert (await create(emulator, file=file))["messages"] == [
        {"field": "file", "message": "File can't be blank"}
    ]


async def test_what_a_patient_uploads_is_their_own_and_about_nobody_else(emulator: EmulatorClient) -> None:
    one, two, _ = (each["id"] for each in (await emulator.control.seed())["patients"])
    foreign = await create(emulator, PATIENT_1, about=two)
    own = await create(emulator, PATIENT_1, name="Insurance card.gif")
    assert foreign["messages"][0]["field"] == "rel_user_id"
    assert own["document"]["rel_user_id"] == one
    assert await names(emulator, PATIENT_1) == ["Care plan.pdf", "Insurance card.gif"]


async def test_a_file_comes_as_a_part_of_a_multipart_request_byte_by_byte(emulator: EmulatorClient) -> None:
    """A field of the type `Upload` takes a part of the request."""
    upload = """mutation Upload($file: Upload) { createDocument(input: {file: $file}) {
      document { id display_name expiring_url } messages { message } } }"""
    content = bytes(range(256)) + b"\r\n\n\r--\r\n"
    answer = await emulator.client.post(
        "/graphql",
        data={
            "operations": json.dumps({"query": upload, "variables": {"file": None}}),
            "map": json.dumps({"0": ["variables.file"]}),
        },
        files={"0": ("card front.png", content, "image/png")},
        headers={
            "Authorization": f"Basic {PATIENT_1}",
            "AuthorizationSource": "API",
            "Healthie-GraphQL-API-Version": "2026-07-01",
        },
    )
    made = answer.json()["data"]["createDocument"]["document"]
    assert made["display_name"] == "card front.png"
    assert (await emulator.client.get(made["expiring_url"])).content == content


@pytest.mark.parametrize(
    "parts",
    [{}, {"operations": "{"}, {"operations": '{"query": "{ __typename }"}', "map": '{"0": ["variables.f"]}'}],
)
async def test_a_multipart_request_that_does_not_fit_together_is_refused(
    emulator: EmulatorClient, parts: dict[str, str]
) -> None:
    answer = await emulator.client.post("/graphql", data=parts, files={"1": ("a.txt", b"a", "text/plain")})
    assert (answer.status_code, list(answer.json())) == (400, ["errors"])


async def test_a_text_is_no_upload(emulator: EmulatorClient) -> None:
    upload = "mutation U($file: Upload) { createDocument(input: {file: $file}) { document { id } } }"
    assert "Upload" in (await emulator.errors(upload, file="text"))[0]["message"]


async def test_staff_rename_share_and_delete_documents_whose_content_stays(emulator: EmulatorClient) -> None:
    one = (await emulator.control.seed())["patients"][0]["id"]
    made = (await create(emulator, about=one))["document"]["id"]
    change = """mutation C($id: ID) { updateDocument(input: {id: $id, display_name: "Letter.gif", share_with_rel: true,
      internal_notes: "Ask again"}) { document { display_name internal_notes } messages { field } } }"""
    delete = "mutation D($id: ID) { deleteDocument(input: {id: $id}) { document { id } messages { field } } }"
    for document in (change, delete):
        errors = await emulator.errors(document, key=PATIENT_1, id=made)
        assert errors[0]["extensions"]["code"] == "UNAUTHORIZED"
    await listen(emulator)
    await emulator.ask(change, key=CLINICIAN_1, id=made)
    seen = (await emulator.ask(ONE, key=PATIENT_1, id=made))["document"]
    assert (seen["display_name"], seen["internal_notes"]) == ("Letter.gif", None)
    await emulator.ask(delete, key=CLINICIAN_1, id=made)
    again = await emulator.ask(delete, key=CLINICIAN_1, id=made)
    assert again["deleteDocument"]["messages"] == [{"field": "id"}]
    assert await sent(emulator) == ["document.updated", "document.deleted"]
