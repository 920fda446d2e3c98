"""Compiled writers: what they write at once, what they leave to graphql-core, and what is kept of them."""

import gc
import json
import weakref
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from types import CoroutineType
from typing import Any, cast

import pytest
import strawberry
from graphql import DocumentNode, GraphQLObjectType, Undefined, parse
from graphql import execute as execute_by_graphql
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from structlog.testing import capture_logs

from gateway.execution import Executed, Executor
from gateway.execution import prepared as prepared_module
from gateway.execution.text_run import TextRun
from gateway.execution.values import LISTS, OBJECTS, Kind, Refused
from gateway.execution.writers import NotKnown, _key
from gateway.graphql_request import GraphQLRequest
from schema.context import Context
from schema.executable import executable
from schema.shared import SharedList, is_shared, shared

CONTEXT = cast("Context", object())


@strawberry.type
class Person:
    name: str
    born: datetime


@shared
@strawberry.type
class Thing:
    id: strawberry.ID
    owner: Person | None
    tags: list[str]


@strawberry.type
class Late:
    @strawberry.field
    async def thing(self) -> Thing:
        return THING


class Awaitable:
    """An answer that could be awaited once more, which graphql-core does not do."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        return self.value


BORN = datetime(2026, 1, 1, tzinfo=UTC)
PERSON = Person(name="P", born=BORN)
THING = Thing(id=strawberry.ID("1"), owner=PERSON, tags=["a"])


class World:
    """What the resolvers answer."""

    things: Any
    asked = 0


@strawberry.type
class Query:
    @strawberry.field
    async def things(self) -> list[Thing]:
        World.asked += 1
        if isinstance(World.things, Exception):
            raise World.things
        return cast("list[Thing]", World.things)

    @strawberry.field
    async def late(self) -> Late:
        return Late()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self) -> AsyncGenerator[Person, None]:
        yield Person(name="one", born=BORN)
        yield Person(name="two", born=BORN)


SCHEMA = executable(strawberry.Schema(query=Query, subscription=Subscription))


@pytest.fixture
def executor() -> Executor:
    World.asked = 0
    World.things = [Thing(id=strawberry.ID("1"), owner=PERSON, tags=["a", "b"])]
    return Executor(SCHEMA)


async def execute(executor: Executor, document: DocumentNode, **variables: Any) -> Executed:
    return await executor.execute(document, GraphQLRequest(variables=variables), CONTEXT)


async def ask(executor: Executor, document: Any, **variables: Any) -> Executed:
    """The answer when it is executed for the third time: by then writers are used at once."""
    document = parse(document) if isinstance(document, str) else document
    for _ in range(3):
        answer = await execute(executor, document, **variables)
    return answer


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the types whose objects graphql-core completes itself."""
    names: list[str] = []
    original = StrawberryGraphQLCoreExecutionContext.complete_object_value

    def noted(self: Any, return_type: GraphQLObjectType, *given: Any) -> Any:
        names.append(return_type.name)
        return original(self, return_type, *given)

    monkeypatch.setattr(StrawberryGraphQLCoreExecutionContext, "complete_object_value", noted)
    return names


ALL = "{ things { id owner { name born } tags } }"


class TestWhatIsWritten:
    async def test_plain_selections_are_not_completed_by_graphql_core(
        self, executor: Executor, completed: list[str]
    ) -> None:
        document = parse(
            "query($no: Boolean!) { t: things { ...f id @skip(if: $no) } } fragment f on Thing { tags }"
        )
        for no, data in ((True, b'{"tags":["a","b"]}'), (False, b'{"tags":["a","b"],"id":"1"}')):
            await ask(executor, document, no=no)
            completed.clear()
            assert (await execute(executor, document, no=no)).data == b'{"t":[' + data + b"]}"
            assert completed == []

    @pytest.mark.parametrize(
        "selection",
        [
            "things { id @skip(if: $no) tags }",
            "things { id @include(if: $yes) tags }",
            "things { ...f tags } } fragment f on Thing { id @skip(if: $no)",
            "things { ... @include(if: $yes) { ... on Thing { id } } tags }",
            "things { ...f @skip(if: $no) tags } } fragment f on Thing { id",
        ],
    )
    async def test_conditions_hold_wherever_they_stand(self, executor: Executor, selection: str) -> None:
        document = parse(f"query($no: Boolean!, $yes: Boolean!) {{ {selection} }}")
        for no, keys in ((True, ["tags"]), (False, ["id", "tags"])) * 3:
            answer = await execute(executor, document, no=no, yes=not no)
            assert list(json.loads(answer.data or b"")["things"][0]) == keys

    async def test_below_a_field_with_a_resolver_writing_begins_again(
        self, executor: Executor, completed: list[str]
    ) -> None:
        document = parse("{ late { thing { id owner { name } } } }")
        await ask(executor, document)
        completed.clear()
        answer = await execute(executor, document)
        assert answer.data == b'{"late":{"thing":{"id":"1","owner":{"name":"P"}}}}'
        assert completed == ["Late"]

    async def test_one_wrong_value_costs_the_writer_of_its_object_only(
        self, executor: Executor, completed: list[str]
    ) -> None:
        right, wrong = (Thing(id=strawberry.ID(one), owner=PERSON, tags=[]) for one in "ab")
        wrong.owner = Person(name=cast("str", object()), born=BORN)
        World.things = [right, wrong, right]
        document = parse(ALL)
        await ask(executor, document)
        completed.clear()
        answer = await execute(executor, document)
        assert [error.path for error in answer.errors] == [["things", 1, "owner", "name"]]
        assert (answer.data or b"").count(b'"owner":null') == 1
        assert completed == ["Thing", "Person"]

    @pytest.mark.parametrize(
        "alias", ["__class__", "None", "v0", "m", "text", "esc", "__import__", "OBJECTS"]
    )
    async def test_an_alias_is_a_key_and_nothing_else(self, executor: Executor, alias: str) -> None:
        answer = await ask(executor, f"{{ {alias}: things {{ {alias}: id tags }} }}")
        assert answer.data == f'{{"{alias}":[{{"{alias}":"1","tags":["a","b"]}}]}}'.encode()

    @pytest.mark.parametrize("name", ['a"', "a}", "a'", "a\\", "é", "a\n", "", "{x}"])
    def test_no_other_text_than_a_name_comes_into_source(self, name: str) -> None:
        with pytest.raises(NotKnown):
            _key(name)


class Shown(Exception):
    """An exception, whose text a scalar could show."""


class Waited(str):
    """A text that is awaitable."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        return "awaited"


class TestWrongValues:
    @pytest.mark.parametrize("place", ["id", "owner", "tags", "tags.0", "owner.name", "owner.born"])
    @pytest.mark.parametrize(
        "value",
        [Shown("x"), Waited("x"), Undefined, None, True, 5, 1.5, b"x", "x", [], {}, {"a"}, PERSON],
        ids=lambda value: type(value).__name__,
    )
    async def test_a_value_of_another_type_is_completed_as_by_graphql_core(
        self, executor: Executor, place: str, value: Any
    ) -> None:
        first, _, rest = place.partition(".")
        inner: Any = value
        if first == "tags" and rest:
            inner = [value]
        elif rest:
            inner = replace(PERSON, **{rest: value})
        World.things = [replace(THING, **{first: inner})]
        document = parse(ALL)
        result: Any = execute_by_graphql(SCHEMA, document)
        expected = await result
        answer = await ask(executor, document)
        assert json.loads(answer.data or b"") == expected.data
        assert [error.formatted for error in answer.errors] == [
            error.formatted for error in expected.errors or ()
        ]


class TestResolversAreAskedOnce:
    @pytest.mark.parametrize(
        "answer",
        [
            ValueError("raised"),
            None,
            [None],
            "text",
            [Thing(id=cast("strawberry.ID", object()), owner=None, tags=[])],
            iter([THING]),
            Awaitable([THING]),
        ],
        ids=["raises", "null", "null inside", "wrong", "wrong inside", "can be read once", "awaitable still"],
    )
    async def test_whatever_they_answer(self, executor: Executor, answer: Any) -> None:
        document = parse(ALL)
        for n in (1, 2, 3, 4):
            World.things = iter([THING]) if type(answer).__name__ == "list_iterator" else answer
            got = await execute(executor, document)
            assert World.asked == n
            assert bool(got.errors) is (type(answer).__name__ != "list_iterator")


class TestSharedInstances:
    async def test_the_text_of_a_shared_instance_is_remembered_by_selection(self, executor: Executor) -> None:
        thing = Thing(id=strawberry.ID("1"), owner=None, tags=[])
        World.things = [thing]
        ids, tags = parse("{ things { id } }"), parse("{ things { tags } }")
        before = await ask(executor, ids)
        thing.id = strawberry.ID("changed, which the mark forbids")
        assert await ask(executor, ids) == before
        assert (await ask(executor, tags)).data == b'{"things":[{"tags":[]}]}'

    async def test_an_equal_instance_is_another(self, executor: Executor) -> None:
        document = parse("{ things { id } }")
        for number in ("1", "2"):
            World.things = [Thing(id=strawberry.ID(number), owner=None, tags=[])]
            assert (await ask(executor, document)).data == f'{{"things":[{{"id":"{number}"}}]}}'.encode()

    async def test_a_shared_list_is_remembered_as_a_whole(self, executor: Executor) -> None:
        World.things = SharedList([THING])
        document = parse("{ things { id } }")
        before = await ask(executor, document)
        World.things.append(THING)
        assert await ask(executor, document) == before

    async def test_others_are_read_each_time(self, executor: Executor) -> None:
        document = parse("{ things { owner { name } } }")
        for name in ("x", "y"):
            World.things = [Thing(id=strawberry.ID("1"), owner=Person(name=name, born=BORN), tags=[])]
            assert name.encode() in ((await ask(executor, document)).data or b"")

    async def test_few_texts_are_kept_and_they_go_with_the_instance(self, executor: Executor) -> None:
        thing = Thing(id=strawberry.ID("1"), owner=None, tags=[])
        World.things = [thing]
        for n in range(20):
            await ask(executor, f"{{ things {{ a{n}: id }} }}")
        assert len(vars(thing)["__frontdoor_texts__"]) == 8

    def test_a_subclass_is_not_shared_unless_it_says_so(self) -> None:
        class Wider(Thing):
            pass

        assert is_shared(Thing)
        assert not is_shared(Wider)
        assert OBJECTS[Wider] is Kind.PLAIN


class Anything:
    def __getattr__(self, name: str) -> Any:
        return None


class TestClasses:
    @pytest.mark.parametrize("cls", [type(None), ValueError, CoroutineType, Anything])
    def test_what_is_null_raised_or_may_have_to_be_awaited_is_refused(self, cls: type) -> None:
        with pytest.raises(Refused):
            OBJECTS[cls]

    @pytest.mark.parametrize("cls", [str, bytes, dict, set, type(iter([]))])
    def test_what_can_be_read_once_or_is_no_list_to_graphql_is_refused(self, cls: type) -> None:
        with pytest.raises(Refused):
            LISTS[cls]


class TestWhatIsKept:
    async def test_a_document_of_one_request_leaves_nothing_but_the_note_that_it_was_there(
        self, executor: Executor
    ) -> None:
        document = parse(ALL)
        await execute(executor, document)
        assert executor._prepared.fields() == 0

    async def test_what_was_collected_and_compiled_is_used_again(
        self, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        document = parse(ALL)
        await ask(executor, document)
        fields = executor._prepared.fields()
        monkeypatch.setattr(prepared_module, "compile_writer", None)
        for _ in range(3):
            assert not (await execute(executor, document)).errors
        assert executor._prepared.fields() == fields

    async def test_compiled_code_goes_with_its_document(self, executor: Executor) -> None:
        document = parse(ALL)
        await ask(executor, document)
        assert executor._prepared.fields() > 0
        del document
        gc.collect()
        assert executor._prepared.fields() == 0
        assert not executor._prepared._documents

    async def test_the_longest_unused_is_forgotten_beyond_the_bound(
        self, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prepared_module, "MOST_FIELDS", 20)
        documents = [parse(ALL.replace("id", f"a{n}: id")) for n in range(10)]
        for document in [*documents, *documents]:
            assert (await ask(executor, document)).data
            assert executor._prepared.fields() <= 20 + 6

    async def test_a_document_may_go_while_the_others_are_counted(
        self, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        documents = [parse(ALL) for _ in range(4)]
        for document in documents:
            await ask(executor, document)
        del document

        def fields(_: prepared_module.Variant) -> int:
            if documents:
                documents.pop()  # as the garbage collector does, at any moment
            return 1

        monkeypatch.setattr(prepared_module.Variant, "fields", property(fields))
        assert executor._prepared.fields() == 4
        assert executor._prepared.fields() == 0

    async def test_variants_are_bounded_too(
        self, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prepared_module, "MOST_FIELDS", 20)
        flags = [f"b{n}" for n in range(5)]
        document = parse(
            f"query({' '.join(f'${b}: Boolean!' for b in flags)}) {{ things {{ id "
            + " ".join(f"{b}: id @include(if: ${b})" for b in flags)
            + " } }"
        )
        for n in range(32):
            given = {b: bool(n >> at & 1) for at, b in enumerate(flags)}
            keys = ["id", *(b for b in flags if given[b])]
            expected = ",".join(f'"{key}":"1"' for key in keys)
            assert (await ask(executor, document, **given)).data == f'{{"things":[{{{expected}}}]}}'.encode()
            assert executor._prepared.fields() <= 20 + 6

    async def test_nothing_of_an_event_is_kept_until_the_next_one(
        self, executor: Executor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[weakref.ref[Person]] = []
        original = TextRun._written

        def noted(self: TextRun, kind: Any, details: Any, value: Any) -> Any:
            seen.append(weakref.ref(value))
            return original(self, kind, details, value)

        monkeypatch.setattr(TextRun, "_written", noted)
        answers = executor.subscribe(parse("subscription { events { name } }"), GraphQLRequest(), CONTEXT)
        async with aclosing(answers):
            for name in ("one", "two"):
                answer = await anext(answers)
                assert answer.data == f'{{"events":{{"name":"{name}"}}}}'.encode()
                gone = weakref.ref(answer)
                del answer
                assert seen[-1]() is None
                assert gone() is None


async def test_a_condition_that_is_null_is_the_callers_mistake_and_no_fault_of_ours(
    executor: Executor,
) -> None:
    document = parse("query ($x: Boolean = true) { things { id @skip(if: $x) } }")
    with capture_logs() as logs:
        answers = [await execute(executor, document, x=None) for _ in range(3)]
    assert [(one.data, len(one.errors)) for one in answers] == [(b"null", 1)] * 3
    assert logs == []
