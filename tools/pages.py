"""A part of a page of docs/ that is written by a program, between two comments that name it and the program."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True, kw_only=True)
class WrittenPart:
    """The part called `name` of a page, which `python -m <program>` writes."""

    page: Path
    name: str
    program: str
    write: Callable[[], str]

    def documented(self, text: str) -> str:
        """The page's text with the part as it is today."""
        begin = f"<!-- {self.name}: written by `python -m {self.program}` -->\n"
        block = re.compile(f"(?<={re.escape(begin)}).*?(?=<!-- /{self.name} -->)", re.DOTALL)
        return block.sub(lambda _: self.write(), text)

    def main(self) -> int:
        """Write the page; with ``--check`` write nothing, and answer 1 where it would be another."""
        text = self.page.read_text(encoding="utf-8")
        if "--check" in sys.argv:
            return int(self.documented(text) != text)
        self.page.write_text(self.documented(text), encoding="utf-8")
        return 0
