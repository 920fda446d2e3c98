"""Write the page's table of settings from the settings themselves: ``python -m tools.document_settings [--check]``."""

import re
import sys
from pathlib import Path

from pydantic_core import PydanticUndefined

from gateway.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_BLOCK = re.compile(
    r"(?<=<!-- settings: written by `python -m tools.document_settings` -->\n).*?(?=<!-- /settings -->)",
    re.DOTALL,
)


def table() -> str:
    """The settings as a Markdown table: name, meaning, default."""
    rows = ["| setting | meaning | default |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        rows.append(
            f"| `FRONTDOOR_{name.upper()}` | {field.description} | {_default(field.get_default(call_default_factory=True))} |"
        )
    return "\n".join(["", *rows, "", ""])


def documented(text: str) -> str:
    """The page with the table of today."""
    return _BLOCK.sub(lambda _: table(), text)


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ({}, ()):
        return "none"
    return f"`{value}`"


def main() -> int:
    """Write, or only compare."""
    text = PAGE.read_text()
    if "--check" in sys.argv:
        return int(documented(text) != text)
    PAGE.write_text(documented(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
