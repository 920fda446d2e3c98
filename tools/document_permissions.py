"""Write the table of docs/permissions.md from the schema itself: ``python -m tools.document_permissions [--check]``."""

import re
import sys
from pathlib import Path

from booking.principals import Caller, Principal, PrincipalKind
from gateway.graphql import build_schema
from schema.permissions import Audience, audiences

PAGE = Path(__file__).parents[1] / "docs" / "permissions.md"
_BLOCK = re.compile(
    r"(?<=<!-- permissions: written by `python -m tools.document_permissions` -->\n).*?(?=<!-- /permissions -->)",
    re.DOTALL,
)


def table() -> str:
    """Each field that says who may ask for it, with what each kind of caller gets."""
    callers = [None, *(Caller(principal=Principal(kind=kind, id="")) for kind in PrincipalKind)]
    rows = [
        f"| field | nobody known | {' | '.join(PrincipalKind)} |",
        f"| --- |{' --- |' * len(callers)}",
    ]
    for (kind, name), who in audiences(build_schema()._schema).items():  # noqa: SLF001  # the executable schema
        rows.append(f"| `{kind}.{name}` | {' | '.join(_gets(who, one) for one in callers)} |")
    return "\n".join(["", *rows, "", ""])


def documented(text: str) -> str:
    """The page with the table of today."""
    return _BLOCK.sub(lambda _: table(), text)


def _gets(who: Audience, caller: Caller | None) -> str:
    if not who.admits(caller):
        return "no"
    return "own" if who.own else "yes"


def main() -> int:
    """Write, or only compare."""
    text = PAGE.read_text()
    if "--check" in sys.argv:
        return int(documented(text) != text)
    PAGE.write_text(documented(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
