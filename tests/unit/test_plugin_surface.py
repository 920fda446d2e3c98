"""What packages with handlers build on: names, their parts and the texts of events. A change here breaks code of others."""

import ast
import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Awaitable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from types import ModuleType

import pytest

from booking.events import handlers, model
from booking.events.handlers import Handler, handler
from booking.events.model import DomainEvent, EventName
from gateway.runtime.event_dispatch import GROUP

ROOT = Path(__file__).parents[2]

# What a package may import, by module.
SURFACE = {
    "booking.events.handlers": ["Handler", "HandlerFunction", "handler"],
    "booking.events.model": ["DomainEvent", "EventName"],
}

# Names that answer for one more release: old module and name, new module and name.
DEPRECATED = [
    ("booking.handlers", "Handler", "booking.events.handlers", "Handler"),
    ("booking.handlers", "Work", "booking.events.handlers", "HandlerFunction"),
    ("booking.handlers", "handler", "booking.events.handlers", "handler"),
    ("booking.happenings", "Happening", "booking.events.model", "DomainEvent"),
    ("booking.happenings", "Name", "booking.events.model", "EventName"),
]

# Written out, not read from the program: these texts are in the databases and the code of others.
EVENTS = [
    "appointment.created",
    "appointment.rescheduled",
    "appointment.cancelled",
    "appointment.checked_in",
    "appointment.completed",
    "appointment.no_show",
    "appointment.reinstated",
    "appointment.deleted",
    "payment.succeeded",
    "payment.failed",
    "payment.refunded",
    "payment.disputed",
    "patient.created",
    "patient.updated",
    "patient.merged",
    "form.completed",
    "card.added",
    "card.removed",
    "availability.changed",
    "checkout.confirmed",
    "checkout.refunded",
    "checkout.cancelled",
    "checkout.slot_lost",
    "checkout.expired",
    "checkout.needs_attention",
    "waitlist.offered",
    "waitlist.passed_on",
]


def imported_from_us(source: str) -> set[tuple[str, str]]:
    """Modules of the program that the source imports from, each with the name."""
    return {
        (node.module, name.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("booking")
        for name in node.names
    }


def old(module: str) -> ModuleType:
    """The module, imported anew: that alone gives no warning."""
    sys.modules.pop(module, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return importlib.import_module(module)


def test_the_names_are_these_and_no_others() -> None:
    assert {module.__name__: sorted(module.__all__) for module in (handlers, model)} == SURFACE
    assert all(hasattr(module, name) for module in (handlers, model) for name in module.__all__)


@pytest.mark.parametrize("module", sorted({module for module, *_ in DEPRECATED}))
def test_everything_that_a_deprecated_module_had_comes_with_a_star(module: str) -> None:
    old(module)
    got: dict[str, object] = {}
    with pytest.warns(DeprecationWarning, match="is deprecated: import"):
        exec(f"from {module} import *", got)
    assert {name for former, name, *_ in DEPRECATED if former == module} <= got.keys()


def test_the_names_of_events_are_these_texts() -> None:
    assert [str(name) for name in EventName] == EVENTS


def test_an_event_has_these_parts() -> None:
    assert [part.name for part in fields(DomainEvent)] == ["id", "name", "at", "resource", "ids", "by"]


def test_a_handler_is_made_by_the_decorator_from_names_alone() -> None:
    assert [str(each) for each in inspect.signature(handler).parameters.values()] == [
        "*events: booking.events.model.EventName"
    ]
    assert [part.name for part in fields(Handler)] == ["work", "events"]
    assert GROUP == "frontdoor.handlers"


def test_a_function_that_is_not_async_is_refused_where_it_is_decorated() -> None:
    """Otherwise it would do its work at every one of ten attempts, and count as failed each time."""

    def note(event: DomainEvent) -> None: ...

    with pytest.raises(TypeError, match="write `async def note`"):
        handler(EventName.CHECKOUT_CONFIRMED)(note)  # type: ignore[arg-type]


def test_a_decorated_async_function_is_a_handler() -> None:
    async def note(event: DomainEvent) -> None: ...

    @wraps(note)
    def logged(event: DomainEvent) -> Awaitable[None]:
        return note(event)

    assert handler()(logged).work is logged


def test_the_example_and_the_page_import_nothing_else() -> None:
    (example,) = (ROOT / "examples/handlers/front_desk_handlers").glob("*.py")
    page = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    samples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert samples
    for source in (example.read_text(encoding="utf-8"), *samples):
        used = imported_from_us(source)
        assert used
        assert {name for module, name in used if name not in SURFACE.get(module, ())} == set()


@pytest.mark.parametrize(("module", "name", "new_module", "new_name"), DEPRECATED)
def test_an_old_name_answers_and_the_warning_names_the_new_one(
    module: str, name: str, new_module: str, new_name: str
) -> None:
    said = rf"^{re.escape(module)}\.{name} is deprecated: import {new_name} from {re.escape(new_module)}$"
    with pytest.warns(DeprecationWarning, match=said):
        value = getattr(old(module), name)
    assert value is getattr(importlib.import_module(new_module), new_name)


def test_the_warning_stands_at_the_line_that_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "old_handlers.py"
    package.write_text(
        "import os\nfrom booking.handlers import handler\nfrom booking.happenings import Happening, Name\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(DeprecationWarning, match="is deprecated: import") as warned:
        importlib.import_module("old_handlers")
    assert [(one.filename, one.lineno) for one in warned] == [(str(package), line) for line in (2, 3, 3)]


@pytest.mark.parametrize("module", ["booking.handlers", "booking.happenings"])
def test_an_old_module_has_no_other_name(module: str) -> None:
    assert set(dir(old(module))) == {name for old_module, name, _, _ in DEPRECATED if old_module == module}
    with pytest.raises(AttributeError, match="has no attribute 'Courier'"):
        getattr(old(module), "Courier")  # noqa: B009 - as an import does
