"""The audit trail as JSON lines, each with its macs: who has the keys can verify an export without the database."""

import json
from collections.abc import Iterator
from itertools import chain

from booking.audit.chain import NO_MAC, Anchor, Link, canonical
from booking.errors import InvalidInput


def line_of(link: Link, *, previous: str) -> str:
    """A record as one line. `record` is JSON in JSON, or the text itself where that is not what we would have written."""
    try:
        readable = json.loads(link.record)
        faithful = isinstance(readable, dict) and canonical(readable) == link.record
    except (ValueError, RecursionError):
        faithful = False
    record = link.record if faithful else json.dumps(link.record)
    places = f'"sequence":{link.sequence},"previous":{json.dumps(previous)},"mac":{json.dumps(link.mac)}'
    return f'{{{places},"record":{record}}}'


def links_of(lines: Iterator[str]) -> tuple[Anchor, Iterator[Link]]:
    """The link before the export's first, and its links. Raises InvalidInput, also while they are read."""
    first = next(lines, None)
    if first is None:
        return Anchor(sequence=0, mac=NO_MAC), iter(())
    link, previous = _link_of(first)
    rest = (_link_of(line)[0] for line in lines)
    return Anchor(sequence=link.sequence - 1, mac=previous), chain([link], rest)


def _link_of(line: str) -> tuple[Link, str]:
    try:
        values = json.loads(line)
        sequence, previous, mac, record = (values[name] for name in ("sequence", "previous", "mac", "record"))
        text = record if isinstance(record, str) else canonical(record)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(field="export", reason="A line of the export is no record of one.") from error
    if not isinstance(sequence, int):
        raise InvalidInput(field="export", reason="A line of the export has no sequence.")
    told = record if isinstance(record, dict) else {}
    filed = Link(
        sequence=sequence,
        mac=str(mac),
        record=text,
        at=str(told.get("at")),
        checkout_id=told.get("checkout_id"),
    )
    return filed, str(previous)
