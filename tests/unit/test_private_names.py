"""Private names of libraries that the program uses: few, all listed here, and only in versions that are known to have them.

A library may change them in any release. So pyproject.toml bounds each of these libraries above; whoever raises a bound runs this, and
finds by what is red what has to be done.
"""

import ast
import sqlite3
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import aiosqlite
import pytest
import stripe
from packaging.requirements import Requirement
from redis.asyncio import Connection as RedisConnection

from gateway.graphql import build_schema
from integrations.database.sqlite import OneVisitConnection

ROOT = Path(__file__).parents[2]
PACKAGES = ("booking", "gateway", "integrations", "resolvers", "schema", "tools")

# Named like a private one, and documented.
DOCUMENTED = {"os._exit"}


@dataclass(frozen=True, kw_only=True)
class PrivateName:
    """One name, whose it is, and what to do when it is gone."""

    distribution: str
    owner: object
    name: str
    used_in: str
    instead: str


PRIVATE = (
    PrivateName(
        distribution="strawberry-graphql",
        owner=build_schema(),
        name="_schema",
        used_in="schema/executable.py",
        instead="have executable() answer graphql-core's schema as Strawberry keeps it now: guards and permissions stand in its resolvers",
    ),
    *(
        PrivateName(
            distribution="aiosqlite",
            owner=OneVisitConnection(":memory:"),
            name=name,
            used_in="integrations/database/sqlite.py",
            instead=instead,
        )
        for name, instead in (
            ("_thread", "keep a connection that nobody closed from keeping the process (daemon)"),
            ("_conn", "give _answer sqlite3's connection in the connection's thread"),
            ("_connect", "close a connection whose opening was cancelled"),
            (
                "_execute",
                "count every visit to the thread, or commit() and rollback() leave out what they must do",
            ),
        )
    ),
    PrivateName(
        distribution="aiohttp",
        owner=SimpleNamespace(**dict.fromkeys(aiohttp.ClientSession.ATTRS)),
        name="_retry_connection",
        used_in="integrations/upstream/http_wire.py",
        instead="see that a PUT or DELETE is not sent again by itself: tests/integration/test_http_wire.py",
    ),
    PrivateName(
        distribution="redis",
        owner=RedisConnection(),
        name="_writer",
        used_in="integrations/redis/multiplexer.py",
        instead="take the transport of the open connection from where the client has it now",
    ),
    PrivateName(
        distribution="stripe",
        owner=stripe._util,
        name="STRIPE_LOG",
        used_in="integrations/stripe/reading.py",
        instead="see that STRIPE_LOG in the environment cannot make the SDK log answers (hush)",
    ),
)


def names() -> list[str]:
    return [f"{one.distribution}.{one.name}" for one in PRIVATE]


@pytest.mark.parametrize("private", PRIVATE, ids=names())
def test_a_private_name_is_there(private: PrivateName) -> None:
    message = (
        f"{private.distribution} has no {private.name} any more: in {private.used_in}, {private.instead}"
    )
    assert private.name in dir(private.owner), message


@pytest.mark.parametrize("distribution", sorted({one.distribution for one in PRIVATE} | {"graphql-core"}))
def test_a_library_whose_private_names_are_used_is_bounded_above(distribution: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (bounds,) = [
        one.specifier for one in map(Requirement, project["dependencies"]) if one.name == distribution
    ]
    assert [one for one in bounds if one.operator == "<"], f"{distribution} may be of any later version"
    assert version(distribution) in bounds


def test_every_private_name_that_is_used_is_listed() -> None:
    used = {
        (path.relative_to(ROOT).as_posix(), name)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if "generated" not in path.parts
        for name in private_names_in(path.read_text(encoding="utf-8"))
    }
    listed = {(one.used_in, one.name) for one in PRIVATE}
    assert used - listed == {("integrations/stripe/reading.py", "_util")}
    assert {place for place, _ in listed} == {place for place, _ in used}


def private_names_in(source: str) -> Iterator[str]:
    """Of other objects than the module's own `self` and `cls`; what is inherited is other's, where `super` names it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
            if not own and ast.unparse(node) not in DOCUMENTED:
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and any(
            part.startswith("_") for part in (node.module or "").split(".")
        ):
            yield node.module or ""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("schema._schema.mutation_type", ["_schema"]),
        ("super()._connect()", ["_connect"]),
        ("from library._inner import name", ["library._inner"]),
        ("self._own, cls._own, os._exit(1), value.__class__, self.other._private", ["_private"]),
    ],
)
def test_private_names_are_found(source: str, found: list[str]) -> None:
    assert list(private_names_in(source)) == found


def test_what_a_connection_of_ours_remembers_has_no_name_that_aiosqlite_gives_to_something() -> None:
    plain = aiosqlite.Connection(lambda: sqlite3.connect(":memory:"), iter_chunk_size=64)
    assert vars(OneVisitConnection(":memory:")).keys() - vars(plain).keys() == {"_begin", "_used"}
