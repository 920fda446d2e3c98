"""Finds operations: in the fenced blocks of a guide's pages, and in `.graphql` files. Names and documents only, no prose."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, separate_operations

# The pages that touch what the gateway is for, as folders or single pages below `guides`.
SECTIONS = (
    "api-concepts",
    "automation-examples",
    "billing",
    "chat",
    "documents",
    "filled_out_forms",
    "forms",
    "insurance",
    "organization",
    "patient",
    "scheduling",
    "user_accounts",
    "video_chat",
    "webhooks",
)

_FENCED = re.compile(r"^```[\w-]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_BEGINS_LIKE_ONE = re.compile(r"(?:\s*#[^\n]*\n)*\s*(?:query|mutation|subscription|fragment)\b")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation as it is printed or stored."""

    page: str  # such as `billing/invoices`, or a file's name
    name: str  # its own, else that of its first root field
    document: DocumentNode | None  # None: not GraphQL
    fault: str = ""  # why it is not GraphQL


def of_documentation(folder: Path) -> Iterator[Operation]:
    """The operations of a copy of the documentation (the folder that holds `guides`), page by page."""
    guides = folder / "guides"
    for page in sorted(guides.rglob("*.md")):
        name = str(page.relative_to(guides).parent if page.name == "index.md" else page.relative_to(guides))
        if name.split("/", maxsplit=1)[0] in SECTIONS:
            yield from of_page(name, page.read_text(encoding="utf-8"))


def of_page(page: str, text: str) -> Iterator[Operation]:
    """The operations of one page in Markdown."""
    for block in _FENCED.finditer(text):
        yield from _of_text(page, block[1])


def of_files(folder: Path) -> Iterator[Operation]:
    """The operations of the `.graphql` files below a folder."""
    for file in sorted(folder.rglob("*.graphql")):
        yield from _of_text(file.stem, file.read_text(encoding="utf-8"))


def _of_text(page: str, text: str) -> Iterator[Operation]:
    try:
        document = parse(text, no_location=True)
    except GraphQLError as error:
        if _BEGINS_LIKE_ONE.match(text):
            yield Operation(page=page, name=_first_name(text), document=None, fault=error.message)
        return
    for alone in separate_operations(document).values():
        operation = next(each for each in alone.definitions if isinstance(each, OperationDefinitionNode))
        yield Operation(page=page, name=_name(operation), document=alone)


def _name(operation: OperationDefinitionNode) -> str:
    return operation.name.value if operation.name else ", ".join(roots(operation))


def roots(operation: OperationDefinitionNode) -> list[str]:
    """The names of an operation's root fields."""
    return [each.name.value for each in operation.selection_set.selections if hasattr(each, "name")]


def _first_name(text: str) -> str:
    found = re.search(r"(?:query|mutation|subscription|fragment)\s+(\w+)", text)
    return found[1] if found else "unnamed"
