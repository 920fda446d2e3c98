"""Packages on the price list, as Healthie's guide on packages has them."""

from typing import Any

import pytest

CREATE = """mutation($input: createOfferingInput!) { createOffering(input: $input) {
  offering { id name price first_time_payment initial_payment_amount initial_price_with_taxes billing_frequency
    visibility_status offering_includes { id quantity is_repeating offering_id appointment_type { id } } }
  messages { field message } } }"""

UPDATE = """mutation($input: updateOfferingInput) { updateOffering(input: $input) {
  offering { id name price archived first_time_payment offering_includes { id quantity } }
  messages { field message } } }"""

LIST = """query($status: String, $visibility: String, $words: String, $group: ID, $visible: Boolean, $client: Boolean,
    $order: OfferingOrderKeys) {
  offerings(status: $status, client_visibility: $visibility, keywords: $words, offering_user_group_id: $group,
    show_only_visible: $visible, only_client_visible: $client, order_by: $order) { nodes { name } } }"""


async def create(practice: Any, **given: Any) -> dict[str, Any]:
    values = {"name": "Sample package", "price": "100", "billing_frequency": "Weekly"} | given
    return dict((await practice.ask(CREATE, input=values))["createOffering"])


async def update(practice: Any, **given: Any) -> dict[str, Any]:
    return dict((await practice.ask(UPDATE, input=given))["updateOffering"])


async def listed(practice: Any, **given: Any) -> list[str]:
    answer = await practice.ask(LIST, **given)
    return [each["name"] for each in answer["offerings"]["nodes"]]


class TestMaking:
    async def test_a_package_is_hidden_until_it_is_shown(self, practice: Any) -> None:
        visits = [{"appointment_type_id": practice.visit_type, "quantity": "3", "is_repeating": True}]
        payload = await create(practice, offering_includes=visits)
        offering = payload["offering"]
        assert payload["messages"] is None
        assert offering["visibility_status"] == "hidden"
        assert (offering["price"], offering["first_time_payment"]) == ("100.0", None)
        assert (offering["initial_payment_amount"], offering["initial_price_with_taxes"]) == (
            "100.0",
            "100.0",
        )
        (include,) = offering["offering_includes"]
        assert (include["quantity"], include["is_repeating"]) == ("3", True)
        assert (include["offering_id"], include["appointment_type"]["id"]) == (
            offering["id"],
            practice.visit_type,
        )
        assert "Sample package" not in await listed(practice, visible=True)

    async def test_the_first_payment_can_differ(self, practice: Any) -> None:
        offering = (await create(practice, first_time_payment="149.50"))["offering"]
        assert (offering["first_time_payment"], offering["initial_payment_amount"]) == ("149.5", "149.5")
        changed = await update(practice, id=offering["id"], has_first_payment=False)
        assert changed["offering"]["first_time_payment"] is None

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": ""}, "name"),
            ({"price": "much"}, "price"),
            ({"price": "0.10"}, "price"),
            ({"billing_frequency": "Daily"}, "billing_frequency"),
            ({"billing_frequency": None}, "billing_frequency"),
            ({"visibility_status": "Visible"}, "visibility_status"),
            ({"offering_includes": [{"appointment_type_id": "999999999"}]}, "offering_includes"),
        ],
        ids=str,
    )
    async def test_what_is_no_package_is_refused(
        self, practice: Any, given: dict[str, Any], field: str
    ) -> None:
        before = len(practice.world.offerings)
        payload = await create(practice, **given)
        assert payload["messages"][0]["field"] == field
        assert len(practice.world.offerings) == before

    async def test_only_staff_write_the_price_list(self, practice: Any) -> None:
        for mutation in ("copyOffering", "deleteOffering"):
            answer = await practice.raw(
                f"mutation($id: ID) {{ {mutation}(input: {{id: $id}}) {{ messages {{ message }} }} }}",
                by=practice.patient,
                id=practice.single,
            )
            assert answer.errors[0].extensions["code"] == "UNAUTHORIZED"


class TestChanging:
    async def test_a_list_of_visits_is_the_whole_list(self, practice: Any) -> None:
        visit = {"appointment_type_id": practice.visit_type, "quantity": "3"}
        offering = (await create(practice, offering_includes=[visit, visit]))["offering"]
        kept = offering["offering_includes"][1]["id"]
        changed = await update(
            practice, id=offering["id"], price="80", offering_includes=[{"id": kept, "quantity": "5"}]
        )
        assert changed["offering"]["price"] == "80.0"
        assert changed["offering"]["offering_includes"] == [{"id": kept, "quantity": "5"}]

    async def test_an_archived_package_is_listed_by_that_word_only_and_cannot_be_bought(
        self, practice: Any
    ) -> None:
        await update(practice, id=practice.single, archived=True)
        assert "Single" not in await listed(practice)
        assert await listed(practice, status="archived") == ["Single"]
        await practice.attach()
        payload = await practice.charge(offering_id=practice.single)
        assert payload["messages"][0]["field"] == "offering_id"

    async def test_a_copy_is_a_package_of_its_own(self, practice: Any) -> None:
        answer = await practice.ask(
            "mutation($id: ID) { copyOffering(input: {id: $id}) { offering { id price offering_includes { id } } } }",
            id=practice.single,
        )
        copy = answer["copyOffering"]["offering"]
        original = practice.world.offerings[practice.single]
        assert copy["id"] != practice.single
        assert copy["price"] == "100.0"
        assert copy["offering_includes"][0]["id"] != original.includes[0].id

    async def test_a_deleted_package_is_gone_and_who_bought_it_keeps_it(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge(offering_id=practice.single)
        answer = await practice.ask(
            "mutation($id: ID) { deleteOffering(input: {id: $id}) { offering { id } messages { message } } }",
            id=practice.single,
        )
        assert answer["deleteOffering"] == {"offering": {"id": practice.single}, "messages": None}
        found = await practice.ask(
            "query($id: ID) { offering(id: $id) { id } userPackageSelections { nodes { offering { name } } } }",
            id=practice.single,
        )
        assert found["offering"] is None
        assert found["userPackageSelections"]["nodes"] == [{"offering": {"name": "Single"}}]
        assert "Single" not in await listed(practice)


class TestListing:
    async def test_visibility_is_asked_for_by_its_words(self, practice: Any) -> None:
        """The guide: `visible` is `visible_to_all` or `visible_to_specific_groups`, `hidden` only hidden ones."""
        await create(practice, name="Hidden")
        await create(
            practice, name="Group", visibility_status="visible_to_specific_groups", user_group_ids=["7"]
        )
        everything = ["Single", "Monthly", "Capped", "Hidden", "Group"]
        assert sorted(await listed(practice, visibility="all")) == sorted(everything)
        assert await listed(practice, visibility="hidden") == ["Hidden"]
        assert "Group" in await listed(practice, visibility="visible")
        assert "Hidden" not in await listed(practice, visibility="visible")
        assert await listed(practice, group="7") == ["Group"]
        for shown in ({"visible": True}, {"client": True}, {"by": practice.patient}):
            assert sorted(await listed(practice, **shown)) == ["Capped", "Monthly", "Single"]

    async def test_keywords_find_names_descriptions_and_prices(self, practice: Any) -> None:
        assert await listed(practice, words="99.0") == ["Monthly"]
        assert await listed(practice, words="capp") == ["Capped"]

    async def test_orders(self, practice: Any) -> None:
        assert await listed(practice, order="PRICE_DESC") == ["Single", "Monthly", "Capped"]
        await practice.attach()
        await practice.charge(offering_id=practice.capped)
        assert (await listed(practice, order="BEST_SELLER"))[0] == "Capped"

    async def test_a_package_knows_how_it_sells(self, practice: Any) -> None:
        await practice.attach()
        await practice.charge(offering_id=practice.single)
        await practice.charge(offering_id=practice.single)
        answer = await practice.ask(
            "query($id: ID) { offering(id: $id) { billing_items_count user_package_selections_count total_revenue "
            "user { id } } }",
            id=practice.single,
        )
        assert answer["offering"] == {
            "billing_items_count": 2,
            "user_package_selections_count": 2,
            "total_revenue": 200.0,
            "user": {"id": practice.clinician.id},
        }
