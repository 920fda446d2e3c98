"""GraphQL scalars. Their error messages never repeat the value that was sent, since it may be patient data."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _write_moment(value: datetime) -> str:
    if value.utcoffset() is None:
        raise ValueError("a moment without an offset names no moment")
    return value.isoformat()


def _read_date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise GraphQLError("Give a date of the calendar as YYYY-MM-DD.")


def _read_nothing(_: object) -> object:
    raise GraphQLError("This scalar is for answers only.")


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment, RFC 3339 with offset: `2030-01-31T09:30:00-05:00`.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=_write_moment,
        parse_value=_read_nothing,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar: `2030-01-31`.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=date.isoformat,
        parse_value=_read_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string: `"49.00"`. Never a float.',
        serialize=str,
        parse_value=_read_nothing,
    ),
}
