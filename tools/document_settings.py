"""Write the table of docs/settings.md from the class Settings: ``python -m tools.document_settings [--check]``."""

import json
import sys

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from gateway.settings import Settings
from tools.pages import DOCS, WrittenPart


def table() -> str:
    """The settings as a Markdown table: name, meaning, default."""
    rows = ["| setting | meaning | default |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        rows.append(
            f"| `FRONTDOOR_{name.upper()}` | {field.description} | {_default(field.get_default(call_default_factory=True))} |"
        )
    return "\n".join(["", *rows, "", ""])


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ({}, ()):
        return "none"
    return f"`{_as_written(value)}`"


def _as_written(value: object) -> str:
    """The default as it is written into the environment: models, which are read from JSON, as JSON."""
    if isinstance(value, tuple) and all(isinstance(each, BaseModel) for each in value):
        return json.dumps([each.model_dump() for each in value])
    return str(value)


PART = WrittenPart(page=DOCS / "settings.md", name="settings", program="tools.document_settings", write=table)

if __name__ == "__main__":
    sys.exit(PART.main())
