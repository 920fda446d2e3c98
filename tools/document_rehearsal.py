"""Write the questions of a rehearsal into docs/rehearsal.md: ``python -m tools.document_rehearsal [--check]``."""

import dataclasses
import sys

from integrations.healthie.rehearsal.rehearse import QUESTIONS
from integrations.healthie_emulator.switches import Switches
from tools.pages import DOCS, WrittenPart


def table() -> str:
    """The questions as a Markdown table: name in the profile, the question, whether the emulator has a switch for it."""
    switches = {field.name for field in dataclasses.fields(Switches)}
    rows = ["| answer | question | emulator |", "| --- | --- | --- |"]
    rows += [
        f"| `{each.name}` | {each.asks} | {'switch' if each.name in switches else ''} |" for each in QUESTIONS
    ]
    rows.append("| `silent_noop` | Which changes are answered as done and not done? | switch |")
    rows.append("| `requests_per_second` | How fast may a key ask? (`--rate`) | throttle |")
    return "\n".join(["", *rows, "", ""])


PART = WrittenPart(
    page=DOCS / "rehearsal.md", name="questions", program="tools.document_rehearsal", write=table
)

if __name__ == "__main__":
    sys.exit(PART.main())
