"""What the audience sees: chapters, lines, ticks, and a spinner where it waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from gateway.development.demo.api import Broken


class Screen:
    """The demo's one way to the terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """Begin a numbered step of the journey."""
        self._chapters += 1
        self._console.print(f"\n[bold]{self._chapters}. {title}[/bold]")

    def say(self, text: str) -> None:
        """Tell something."""
        self._console.print(f"   {text}")

    def holds(self, truth: bool, claim: str) -> None:  # noqa: FBT001  # reads as a sentence
        """Show a claim that held. Raises Broken when it did not."""
        if not truth:
            self._console.print(f"   [red]✗ {claim}[/red]")
            raise Broken(claim)
        self._console.print(f"   [green]✓[/green] {claim}")

    def table(self, *columns: str, rows: list[tuple[str, ...]]) -> None:
        """Show rows under headings."""
        table = Table(*columns, box=None, pad_edge=True, padding=(0, 3, 0, 0), header_style="dim")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something is under way."""
        with self._console.status(f"   {text}"):
            yield
