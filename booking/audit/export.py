"""Export of the audit trail as JSON lines, each with its macs: with the keys, an export can be verified without the database."""

import json
from collections.abc import Iterator
from itertools import chain

from booking.audit.chain import NO_MAC, Anchor, Link, canonical
from booking.errors import InvalidInput


def line_of(link: Link, *, previous: str) -> str:
    """One record as a line of JSON.

    Its `record` is an object, or the raw text as a string where that text is not canonical JSON and would not survive re-encoding.
    """
    try:
        readable = json.loads(link.record)
        faithful = isinstance(readable, dict) and canonical(readable) == link.record
    except (ValueError, RecursionError):
        faithful = False
    record = link.record if faithful else json.dumps(link.record)
    chained = f'"sequence":{link.sequence},"previous":{json.dumps(previous)},"mac":{json.dumps(link.mac)}'
    return f'{{{chained},"record":{record}}}'


def links_of(lines: Iterator[str]) -> tuple[Anchor, Iterator[Link]]:
    """The anchor before the export's first link, and its links, parsed lazily. Raises InvalidInput, also during iteration."""
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
    values = record if isinstance(record, dict) else {}
    link = Link(
        sequence=sequence,
        mac=str(mac),
        record=text,
        at=str(values.get("at")),
        checkout_id=values.get("checkout_id"),
    )
    return link, str(previous)
