"""Options and output that the commands for endpoints and handlers share."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gateway.commands.common import moment

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

# Events shown by `show`: as many as a person reads.
LISTED = 50


def span(command: Callable[..., None]) -> Callable[..., None]:
    """Decorator: adds the options `--since` and `--until`, in UTC."""
    until = click.option("--until", type=click.DateTime(), help="Before this moment, in UTC; else now.")
    since = click.option("--since", type=click.DateTime(), required=True, help="From this moment on, in UTC.")
    return since(until(command))


def times(since: datetime, until: datetime | None) -> tuple[datetime, datetime]:
    """The period [since, until) as aware UTC times; without an end, until now."""
    return since.replace(tzinfo=UTC), until.replace(tzinfo=UTC) if until else datetime.now(tz=UTC)


def standing(row: "RowMapping") -> str:
    """A subscriber's progress, from a row of `standings`."""
    parts = [f"{row['unread'] + row['waiting']} wait"]
    if row["dead"]:
        parts.append(f"{row['dead']} given up")
    if row["failing_since"] is not None:
        parts.append(f"failing since {moment(row['failing_since'])}")
    return ", ".join(parts)


def delivery(row: "RowMapping") -> str:
    """An event and the state of its delivery, from a row of `latest`."""
    if row["told_at"] is not None:
        state = f"delivered {moment(row['told_at'])}"
    elif row["dead_at"] is not None:
        state = f"given up {moment(row['dead_at'])} ({row['error']})"
    elif row["tries"]:
        state = f"failed {row['tries']} times ({row['error']}), due {moment(row['due_at'])}"
    else:
        state = "due"
    return f"{moment(row['at'])}  {row['name']:<26} {row['id']}  {state}"
