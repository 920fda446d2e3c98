"""The contract and the operations, as committed and as adapted to another version of Healthie's API (`versions`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_ast_schema,
    concat_ast,
    parse,
    print_ast,
    visit,
)

from integrations.healthie.versions import CONTRACT, Difference, differences_of, gone_in

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """A document for one version, and how to read its answers as those of the original document."""

    document: str
    readers: Mapping[str, Callable[[list[Any]], Any]]  # by the name in the answer

    def read(self, data: Any) -> Any:
        """The data of an answer, in the shape that the generated types expect."""
        return _restored(data, self.readers) if self.readers else data


@cache
def contract_schema(version: str = CONTRACT) -> GraphQLSchema:
    """The committed contract (contract.graphql), with the declared differences of the version."""
    committed = parse((HERE / "contract.graphql").read_text(encoding="utf-8"))
    differences = differences_of(version)
    lost = (gone_in(version) - gone_in(CONTRACT)) | {f"{each.type}.{each.field}" for each in differences}
    if not lost:
        return build_ast_schema(committed)
    added = [parse(f"extend type {each.type} {{ {each.declares} }}") for each in differences]
    return build_ast_schema(concat_ast([visit(committed, _Dropping(lost)), *added]))


@cache
def operations(version: str = CONTRACT) -> DocumentNode:
    """All operations that are sent on the version, as one document."""
    written = concat_ast(
        [parse(path.read_text(encoding="utf-8")) for path in sorted((HERE / "operations").glob("*.graphql"))]
    )
    return _replaced(written, version)[0]


@cache
def adapted(document: str, version: str) -> Adapted:
    """A document for the version. Cached: documents are constants."""
    if not differences_of(version):
        return Adapted(document=document, readers={})
    written = parse(document)
    replaced, readers = _replaced(written, version)
    return Adapted(document=print_ast(replaced) if readers else document, readers=readers)


def _replaced(
    written: DocumentNode, version: str
) -> tuple[DocumentNode, dict[str, Callable[[list[Any]], Any]]]:
    info = TypeInfo(contract_schema())
    replacing = _Replacing(info, differences_of(version))
    return visit(written, TypeInfoVisitor(info, replacing)), replacing.readers


class _Replacing(Visitor):
    """Selects what the version has instead, under the name that the answer had before."""

    def __init__(self, info: TypeInfo, differences: tuple[Difference, ...]) -> None:
        super().__init__()
        self._info = info
        self._by_place = {(each.type, each.field): each for each in differences}
        self.readers: dict[str, Callable[[list[Any]], Any]] = {}

    def leave_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        difference = self._by_place.get((str(self._info.get_parent_type()), node.name.value))
        if difference is None:
            return None
        name = (node.alias or node.name).value
        self.readers[name] = difference.read
        new = _selection(difference.instead)
        return FieldNode(
            alias=NameNode(value=name),
            name=new.name,
            arguments=(),
            directives=node.directives,
            selection_set=new.selection_set or node.selection_set,
        )


class _Dropping(Visitor):
    """Removes the fields and arguments at these coordinates."""

    def __init__(self, places: frozenset[str]) -> None:
        super().__init__()
        self._places = places
        self._type = self._field = ""

    def enter_object_type_definition(self, node: Any, *_: Any) -> None:
        self._type = node.name.value

    def enter_input_object_type_definition(self, node: Any, *_: Any) -> None:
        self._type = node.name.value
        self._field = ""

    def enter_field_definition(self, node: Any, *_: Any) -> None:
        self._field = node.name.value

    def leave_field_definition(self, node: Any, *_: Any) -> Any:
        return self.REMOVE if f"{self._type}.{node.name.value}" in self._places else None

    def leave_input_value_definition(self, node: Any, *_: Any) -> Any:
        name = node.name.value
        place = f"{self._type}.{self._field}({name}:)" if self._field else f"{self._type}.{name}"
        return self.REMOVE if place in self._places else None


def _selection(text: str) -> FieldNode:
    (operation,) = parse(f"{{ {text} }}").definitions
    if not isinstance(operation, OperationDefinitionNode):
        raise TypeError("a selection is written as one field")
    (field,) = operation.selection_set.selections
    if not isinstance(field, FieldNode):
        raise TypeError("a selection is written as one field")
    return field


def _restored(data: Any, readers: Mapping[str, Callable[[list[Any]], Any]]) -> Any:
    """Read the lists that stand under a reader's name, wherever in the answer. An old name elsewhere holds no list."""
    if isinstance(data, dict):
        return {
            name: readers[name](value)
            if name in readers and isinstance(value, list)
            else _restored(value, readers)
            for name, value in data.items()
        }
    return [_restored(each, readers) for each in data] if isinstance(data, list) else data
