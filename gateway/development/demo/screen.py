"""The demo's terminal output: chapters, lines, ticks, tables, and a spinner while it waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from gateway.development.demo.api import Broken


class Screen:
    """Writes to the terminal; nothing else of the demo does."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Prints the heading of the next numbered step."""
        self._chapters += 1
        self._console.print(f"\n[bold]{self._chapters}. {title}[/bold]")

    def say(self, text: str) -> None:
        """Prints a line."""
        self._console.print(f"   {text}")

    def holds(self, truth: bool, claim: str) -> None:  # noqa: FBT001  # reads as a sentence
        """Prints the claim with a tick, or a cross when it is false. Raises Broken then."""
        if not truth:
            self._console.print(f"   [red]✗ {claim}[/red]")
            raise Broken(claim)
        self._console.print(f"   [green]✓[/green] {claim}")

    def table(self, *columns: str, rows: list[tuple[str, ...]]) -> None:
        """Prints rows under column headings."""
        table = Table(*columns, box=None, pad_edge=True, padding=(0, 3, 0, 0), header_style="dim")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Shows a spinner inside the block."""
        with self._console.status(f"   {text}"):
            yield
