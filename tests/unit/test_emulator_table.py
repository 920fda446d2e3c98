"""The table of Healthie's guides is made by running what they print; with a copy of the documentation at hand, all of it runs."""

import os
from pathlib import Path

import pytest
from graphql import build_schema, validate

from tools.document_emulator import part, results
from tools.emulator_table.reading import Operation, of_documentation, of_files, of_page
from tools.emulator_table.running import Result
from tools.emulator_table.table import counted, table

ROOT = Path(__file__).parents[2]
DOCUMENTATION = Path(
    os.environ.get("FRONTDOOR_TEST_HEALTHIE_DOCUMENTATION")
    or ROOT.parent / "shared" / "healthie" / "documentation"
)
PUBLIC_SCHEMA = Path(
    os.environ.get("FRONTDOOR_TEST_HEALTHIE_SCHEMA")
    or ROOT.parent / "shared" / "healthie" / "schema-2026-01-01.graphql"
)

PAGE = """
# A page of our own

```
query newer($id: ID) { user(id: $id) { id appointments { id } } }
```

```graphql
query older($user_id: String) { appointments(user_id: $user_id, offset: 0) { id } appointmentsCount }
```

```
{ "data": { "user": { "id": "1" } } }
```

```
mutation change($id: ID, $legal_name: String) {
  updateClient(input: { id: $id, legal_name: $legal_name }) { user { id legal_name } messages { message } }
}
mutation refused { updateClient(input: { id: "12", email: "no address" }) { messages { message } } }
query unknown { user(id: 1) { shoe_size } }
query elsewhere { weatherForecasts { id } }
```

```
query unfinished { user {
```
"""


@pytest.fixture(scope="module")
def listed() -> dict[str, str]:
    return {each.name: each.deviation for each in results(of_page("sample", PAGE))}


def test_every_operation_of_a_page_is_found_and_nothing_else() -> None:
    assert [each.name for each in of_page("sample", PAGE)] == [
        "newer",
        "older",
        "change",
        "refused",
        "unknown",
        "elsewhere",
        "unfinished",
    ]


def test_what_is_valid_in_either_version_is_run_with_records_that_exist(listed: dict[str, str]) -> None:
    assert {name for name, deviation in listed.items() if not deviation} == {"newer", "older", "change"}


def test_each_deviation_has_its_reason(listed: dict[str, str]) -> None:
    assert listed["unknown"] == "misprinted: Cannot query field 'shoe_size' on type 'User'."
    assert listed["unfinished"].startswith("misprinted: Syntax Error")
    assert listed["elsewhere"] == "out of scope: `weatherForecasts`"
    assert listed["refused"].startswith(("refused: ", "error: "))


def test_the_table_counts_pages_and_names_what_did_not_run() -> None:
    written = table(results(of_page("sample", PAGE)))
    assert "| sample | 7 | 4 | 3 |" in written
    assert "| sample | `elsewhere` | out of scope: `weatherForecasts` |" in written
    assert "A page of our own" not in written


def test_operations_that_others_wrote_are_counted(tmp_path: Path) -> None:
    (tmp_path / "one.graphql").write_text("query { users { id } }")
    (tmp_path / "two.graphql").write_text("query { users { nodes { id shoe_size } } }")
    assert counted(results(of_files(tmp_path))) == "2 operations, 1 valid, 1 run (1 misprinted)"


@pytest.fixture(scope="module")
def printed() -> list[tuple[Operation, Result]]:
    """What the guides print, and what became of it; the test is skipped without a copy of them."""
    if not (DOCUMENTATION / "guides").is_dir():
        pytest.skip(
            "documentation absent: set FRONTDOOR_TEST_HEALTHIE_DOCUMENTATION to a copy of it to compare"
        )
    operations = list(of_documentation(DOCUMENTATION))
    return list(zip(operations, results(operations), strict=True))


def test_all_that_the_guides_print_and_that_is_in_scope_runs(printed: list[tuple[Operation, Result]]) -> None:
    failed = [result for _, result in printed if not result.ran]
    assert [each for each in failed if not each.deviation.startswith(("out of scope", "misprinted"))] == []


def test_what_counts_as_misprinted_is_invalid_in_the_public_schema(
    printed: list[tuple[Operation, Result]],
) -> None:
    if not PUBLIC_SCHEMA.is_file():
        pytest.skip("public schema absent: set FRONTDOOR_TEST_HEALTHIE_SCHEMA to its file to compare")
    public = build_schema(PUBLIC_SCHEMA.read_text())
    for operation, result in printed:
        if result.deviation.startswith("misprinted") and operation.document and not result.version:
            assert validate(public, operation.document) != []


def test_the_page_says_what_the_command_finds(printed: list[tuple[Operation, Result]]) -> None:
    written = part(DOCUMENTATION)
    assert written.found_in(written.page.read_text(encoding="utf-8")) == table([each for _, each in printed])
