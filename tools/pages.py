"""Generated parts of the pages in docs/, each between two comments that name it and the program that writes it."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


@dataclass(frozen=True, kw_only=True)
class WrittenPart:
    """The part `name` of a page, written by `python -m <program>`."""

    page: Path
    name: str
    program: str
    write: Callable[[], str]

    def documented(self, text: str) -> str:
        """The text of the page with the part generated anew."""
        return self._block.sub(lambda _: self.write(), text)

    def found_in(self, text: str) -> str:
        """The part as it stands on the page; empty where it does not."""
        found = self._block.search(text)
        return found[0] if found else ""

    @property
    def _block(self) -> re.Pattern[str]:
        begin = f"<!-- {self.name}: written by `python -m {self.program}` -->\n"
        return re.compile(f"(?<={re.escape(begin)}).*?(?=<!-- /{self.name} -->)", re.DOTALL)

    def main(self) -> int:
        """Write the page; with ``--check`` write nothing, and return 1 when the page is out of date."""
        text = self.page.read_text(encoding="utf-8")
        if "--check" in sys.argv:
            return int(self.documented(text) != text)
        self.page.write_text(self.documented(text), encoding="utf-8")
        return 0
