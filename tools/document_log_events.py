"""Write the table of log events in docs/operations.md from the source: ``python -m tools.document_log_events [--check]``.

Finds every call of a structlog logger in the syntax trees, and every log line that is built without one. The last column, the meaning, is
written by hand and kept from one run to the next; a new event has none.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.pages import DOCS, WrittenPart

ROOT = Path(__file__).parents[1]
PACKAGES = ("booking", "gateway", "integrations", "resolvers", "schema")

# A program of its own, without structured logs.
LEFT_OUT = "integrations/healthie_emulator/"

PAGE = DOCS / "operations.md"
FORM = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
LEVELS = ("debug", "info", "warning", "error", "critical")

# `exception` logs an error with its traceback; `exc_info` is not a key of the event.
_METHODS = {level: level for level in LEVELS} | {"exception": "error"}
_TRACEBACK = "exc_info"

# Stands for keys that are known only at run time.
OTHERS = "…"

_ROW = re.compile(r"^\| `([^`]+)` \|.*\| ([^|]*) \|$", re.MULTILINE)


class Unclear(Exception):
    """The name or level of an event cannot be read from the source; the message says where."""


@dataclass(frozen=True, kw_only=True)
class LoggedEvent:
    """A log event at one place in the source."""

    name: str
    levels: tuple[str, ...]
    keys: tuple[str, ...]
    module: str


@cache
def events() -> Sequence[LoggedEvent]:
    """All log events of the program, sorted by name and module. Raises Unclear."""
    found: list[LoggedEvent] = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(LEFT_OUT):
                module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                found += events_in(path.read_text(encoding="utf-8"), module)
    return sorted(found, key=lambda one: (one.name, one.module))


def events_in(source: str, module: str) -> Iterator[LoggedEvent]:
    """The log events of one module. Raises Unclear."""
    tree = ast.parse(source)
    loggers = {name for node in ast.walk(tree) for name in _loggers(node)}
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from _line(node, module)
        elif isinstance(node, ast.Attribute) and _is_logger(node.value, loggers):
            if id(node) not in called:
                raise Unclear(f"{module}:{node.lineno}: call the logger where its event stands")
            yield from _call(called[id(node)], node.attr, module)


def _loggers(node: ast.AST) -> Iterator[str]:
    """The variables that the statement assigns a logger to."""
    if isinstance(node, ast.Assign) and _makes_logger(node.value):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_logger(node: ast.expr, loggers: set[str]) -> bool:
    return _makes_logger(node) or (isinstance(node, ast.Name) and node.id in loggers)


def _makes_logger(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "structlog.get_logger"


def _call(call: ast.Call, method: str, module: str) -> Iterator[LoggedEvent]:
    """The events of `log.info("subject.happened", key=…)` or `log.log(level, "subject.happened", key=…)`."""
    given = list(call.args)
    at = f"{module}:{call.lineno}"
    if method == "log":
        levels = [ast.unparse(one).removeprefix("logging.").lower() for one in _either(given.pop(0))]
    else:
        levels = [_METHODS.get(method, method)]
    if not set(levels) <= set(LEVELS):
        raise Unclear(f"{at}: {method} is no level")
    for name in _either(given[0]) if len(given) == 1 else ():
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            raise Unclear(f"{at}: name the event by a literal")
        keys = [one.arg or OTHERS for one in call.keywords if one.arg != _TRACEBACK]
        yield LoggedEvent(name=name.value, levels=tuple(levels), keys=tuple(keys), module=module)
    if len(given) != 1:
        raise Unclear(f"{at}: an event has a name, and keys with theirs")


def _line(node: ast.Dict, module: str) -> Iterator[LoggedEvent]:
    """The event of a log line that is built as a dict, without a logger."""
    if all(isinstance(key, ast.Constant) for key in node.keys):
        values = {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
        name, level = values.get("event"), values.get("level")
        if isinstance(name, ast.Constant) and isinstance(level, ast.Constant):
            keys = tuple(str(key) for key in values if key not in {"event", "level"})
            yield LoggedEvent(name=str(name.value), levels=(str(level.value),), keys=keys, module=module)


def _either(node: ast.expr) -> tuple[ast.expr, ...]:
    """Both branches of a conditional expression, or the expression itself."""
    return (*_either(node.body), *_either(node.orelse)) if isinstance(node, ast.IfExp) else (node,)


def meanings_on(page: str) -> Mapping[str, str]:
    """The meanings in the table of a page, by event."""
    return {name: meaning.strip() for name, meaning in _ROW.findall(PART.found_in(page))}


def table() -> str:
    """The table, one row per event, with the meanings that the page has now."""
    said = meanings_on(PAGE.read_text(encoding="utf-8"))
    by_name = defaultdict(list)
    for one in events():
        by_name[one.name].append(one)
    rows = ["| event | level | keys | where | meaning |", "| --- | --- | --- | --- | --- |"]
    for name, places in by_name.items():
        levels = [level for level in LEVELS if any(level in one.levels for one in places)]
        keys = dict.fromkeys(key if key == OTHERS else f"`{key}`" for one in places for key in one.keys)
        modules = dict.fromkeys(f"`{one.module}`" for one in places)
        cells = (f"`{name}`", ", ".join(levels), ", ".join(keys), ", ".join(modules), said.get(name, ""))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(["", *rows, "", ""])


PART = WrittenPart(page=PAGE, name="log events", program="tools.document_log_events", write=table)

if __name__ == "__main__":
    sys.exit(PART.main())
