"""What the program logs: events by names of one form, and a page that lists them all."""

import pytest

from tools.document_log_events import (
    FORM,
    OTHERS,
    PAGE,
    PART,
    Unclear,
    diff,
    events,
    events_in,
)

LOGGER = "import structlog\nlog = structlog.get_logger(__name__)\n"


def found(line: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(one.name, one.levels, one.keys) for one in events_in(LOGGER + line, "sample")]


def test_the_page_lists_every_event_of_the_program() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert PART.documented(text) == text, (
        "run python -m tools.document_log_events, and say what new events mean"
    )


def test_every_event_says_its_subject_and_what_happened() -> None:
    assert not {one.name for one in events() if not FORM.fullmatch(one.name)}


def test_every_event_has_its_meaning_on_the_page() -> None:
    said = diff(PAGE.read_text(encoding="utf-8"))
    assert {one.name for one in events()} == {name for name, meaning in said.items() if meaning}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("log.info('a.b', one=1, two=2)", [("a.b", ("info",), ("one", "two"))]),
        ("log.exception('a.b')", [("a.b", ("error",), ())]),
        ("log.error('a.b', exc_info=error, **ids)", [("a.b", ("error",), (OTHERS,))]),
        ("log.error('a.b' if x else 'a.c', k=1)", [("a.b", ("error",), ("k",)), ("a.c", ("error",), ("k",))]),
        ("log.log(logging.INFO if x else logging.ERROR, 'a.b')", [("a.b", ("info", "error"), ())]),
        ("structlog.get_logger('x').debug('a.b')", [("a.b", ("debug",), ())]),
        ("print({'event': 'a.b', 'level': 'warning', 'count': n})", [("a.b", ("warning",), ("count",))]),
        ("log_of_visits.info('a.b')", []),
    ],
)
def test_events_are_found_wherever_they_are_logged(
    line: str, expected: list[tuple[str, tuple[str, ...], tuple[str, ...]]]
) -> None:
    assert found(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "log.info(name)",
        "log.info(f'a.{b}')",
        "log.info('a %s', b)",
        "log.info()",
        "write = log.info",
        "log.log(level, 'a.b')",
        "log.bind(a=1).info('a.b')",
    ],
)
def test_an_event_that_cannot_be_read_from_the_source_is_refused(line: str) -> None:
    with pytest.raises(Unclear):
        found(line)
