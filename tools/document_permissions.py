"""Write the table of docs/permissions.md from the schema: ``python -m tools.document_permissions [--check]``."""

import sys

from booking.principals import Caller, Principal, PrincipalKind
from gateway.graphql import build_schema
from schema.executable import executable
from schema.permissions import Audience, audiences
from tools.pages import DOCS, WrittenPart


def table() -> str:
    """The table, one row per field that declares its audience, with the access of each kind of caller."""
    callers = [None, *(Caller(principal=Principal(kind=kind, id="")) for kind in PrincipalKind)]
    rows = [
        f"| field | nobody known | {' | '.join(PrincipalKind)} |",
        f"| --- |{' --- |' * len(callers)}",
    ]
    for (kind, name), who in audiences(executable(build_schema())).items():
        rows.append(f"| `{kind}.{name}` | {' | '.join(_gets(who, one) for one in callers)} |")
    return "\n".join(["", *rows, "", ""])


def _gets(who: Audience, caller: Caller | None) -> str:
    if not who.admits(caller):
        return "no"
    others = caller is not None and caller.principal.kind in who.any_of_practice
    return "own" if who.own and not others else "yes"


PART = WrittenPart(
    page=DOCS / "permissions.md", name="permissions", program="tools.document_permissions", write=table
)

if __name__ == "__main__":
    sys.exit(PART.main())
