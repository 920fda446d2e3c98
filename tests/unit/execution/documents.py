"""Random operations on the whole schema: hypothesis-graphql's documents, rewritten with all that documents can say besides.

hypothesis-graphql chooses fields and arguments. The rewriting adds aliases, fields given twice (merged), `__typename`, `@skip` and `@include`,
inline and named fragments, and variables. Some results are invalid (such as two fields of one alias); who uses them validates.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_named_type,
    is_abstract_type,
    parse,
    print_ast,
    value_from_ast_untyped,
)
from hypothesis import strategies as st
from hypothesis_graphql import mutations, queries
from hypothesis_graphql.nodes import String

SDL = (Path(__file__).parents[3] / "schema" / "schema.graphql").read_text()
_SCALARS = {"Date": st.dates(max_value=date(2026, 12, 31)).map(lambda day: String(day.isoformat()))}

# Names that generated code could stumble over, if it took any from a document.
_HOSTILE = ("__class__", "class", "None", "v0", "m", "v", "text", "esc", "_", "__import__", "constructor")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One operation and the variables that are given with it."""

    document: str
    variables: dict[str, Any]


@cache
def _schema(root: str) -> GraphQLSchema:
    """The schema; with the subscription type as its query type where those are wanted, which hypothesis-graphql does not make."""
    return build_schema(SDL if root != "subscription" else f"{SDL}\nschema {{ query: Subscription }}")


def bases() -> st.SearchStrategy[tuple[str, str]]:
    """Kinds and documents to rewrite: queries of one or several fields, mutations and subscriptions of one."""
    query, mutation, subscription = (_schema(one) for one in ("query", "mutation", "subscription"))
    one_field = [
        st.tuples(st.just(kind), make(schema, fields=[name], custom_scalars=_SCALARS))
        for kind, schema, root, make in (
            ("query", query, query.query_type, queries),
            ("mutation", mutation, mutation.mutation_type, mutations),
            ("subscription", subscription, subscription.query_type, queries),
        )
        if root is not None
        for name in root.fields
    ]
    return st.one_of(*one_field, st.tuples(st.just("query"), queries(query, custom_scalars=_SCALARS)))


def rewritten(kind: str, document: str, random: Random) -> Asked:
    """The document, said in another way."""
    schema = _schema(kind)
    (operation,) = parse(document).definitions
    assert isinstance(operation, OperationDefinitionNode)
    root = schema.mutation_type if kind == "mutation" else schema.query_type
    rewriting = _Rewriting(schema=schema, random=random, calm=random.random() < 0.3)
    selections = rewriting.selection_set(root, operation.selection_set, root=True)
    definitions = ", ".join(rewriting.definitions)
    head = f"{kind} Asked({definitions})" if definitions else kind
    return Asked(
        document="\n".join([f"{head} {selections}", *rewriting.fragments.values()]),
        variables=rewriting.variables,
    )


@dataclass(kw_only=True)
class _Rewriting:
    schema: GraphQLSchema
    random: Random
    calm: bool  # few rewritings: so that some documents are as plain as an app's
    definitions: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # of the fragments
    names: int = 0

    def selection_set(self, parent: Any, selections: SelectionSetNode, *, root: bool = False) -> str:
        parts = [text for one in selections.selections for text in self._selection(parent, one, root=root)]
        if self._now_and_then(0.2) and not (root and parent.name == "Subscription"):
            parts.insert(self.random.randint(0, len(parts)), self._aliased("__typename") + self._directives())
        if is_abstract_type(parent) and self.random.random() < 0.5:
            parts.append("... on Problem { code retryable }")
        if len(parts) > 1 and self._now_and_then(0.3):
            start = self.random.randrange(len(parts))
            end = self.random.randint(start + 1, len(parts))
            parts[start:end] = [self._fragment(parent, parts[start:end])]
        known = [name for name, kind in self.types.items() if kind == parent.name]
        if known and self._now_and_then(0.2) and not root:
            parts.append(f"...{self.random.choice(known)}")
        return "{ " + " ".join(parts) + " }"

    def _selection(self, parent: Any, node: Any, *, root: bool) -> Iterator[str]:
        if isinstance(node, InlineFragmentNode):
            inner = self.schema.type_map[node.type_condition.name.value] if node.type_condition else parent
            condition = f" on {inner.name}" if node.type_condition else ""
            yield f"...{condition}{self._directives()} {self.selection_set(inner, node.selection_set, root=root)}"
            return
        assert isinstance(node, FieldNode)
        definition = self.schema.get_field(parent, node.name.value)
        assert definition is not None
        alias = print_ast(node.alias) if node.alias else None
        if alias is None and self._now_and_then(0.2):
            alias = self._name()
        head = (f"{alias}: " if alias else "") + node.name.value + self._arguments(definition, node)
        yield self._field(head, definition, node, root=root)
        if self._now_and_then(0.15):
            yield self._field(head, definition, node, root=root)  # merged, with a selection of its own

    def _field(self, head: str, definition: GraphQLField, node: FieldNode, *, root: bool) -> str:
        inner = ""
        if node.selection_set:
            chosen = node.selection_set
            if len(chosen.selections) > 1 and self._now_and_then(0.2):
                some = self.random.sample(chosen.selections, self.random.randint(1, len(chosen.selections)))
                chosen = SelectionSetNode(selections=tuple(some))
            inner = " " + self.selection_set(get_named_type(definition.type), chosen)
        # What the root of a subscription selects must not hang on a condition.
        directives = "" if root and self.schema.mutation_type is None else self._directives()
        return f"{head}{directives}{inner}"

    def _arguments(self, definition: GraphQLField, node: FieldNode) -> str:
        given = []
        for argument in node.arguments or ():
            kind = definition.args[argument.name.value].type
            text = print_ast(argument.value)
            if self._now_and_then(0.4):
                name = self._name(hostile=False)
                value = value_from_ast_untyped(argument.value)
                self.definitions.append(f"${name}: {kind}")
                if value is not None or not self._now_and_then(0.5):
                    self.variables[name] = self._spoilt(value)
                text = f"${name}"
            given.append(f"{argument.name.value}: {text}")
        return f"({', '.join(given)})" if given else ""

    def _spoilt(self, value: Any) -> Any:
        """Now and then something that does not fit the variable's type."""
        return self.random.choice([None, {}, "x", -1, [value]]) if self._now_and_then(0.05) else value

    def _directives(self) -> str:
        texts = []
        for name in ("skip", "include"):
            if not self._now_and_then(0.12):
                continue
            met = self.random.random() < 0.5
            condition = "true" if met else "false"
            if self.random.random() < 0.6:
                variable = self._name(hostile=False)
                self.definitions.append(
                    f"${variable}: Boolean!" + (f" = {condition}" if self.random.random() < 0.3 else "")
                )
                if not self.definitions[-1].endswith(condition):
                    self.variables[variable] = met
                condition = f"${variable}"
            texts.append(f" @{name}(if: {condition})")
        self.random.shuffle(texts)
        return "".join(texts)

    def _fragment(self, parent: Any, parts: list[str]) -> str:
        inside = "{ " + " ".join(parts) + " }"
        wider = [*getattr(parent, "interfaces", ())]
        kind = self.random.choice([parent, parent, *wider]) if not is_abstract_type(parent) else parent
        if self.random.random() < 0.5:
            condition = f" on {parent.name}" if self.random.random() < 0.7 else ""
            return f"...{condition}{self._directives()} {inside}"
        name = self._name(hostile=False)
        self.fragments[name] = f"fragment {name} on {parent.name} {inside}"
        self.types[name] = parent.name
        spread = f"...{name}{self._directives()}"
        # An interface around it: what is selected inside is of the narrower type all the same.
        return spread if kind is parent else f"... on {kind.name} {{ ... on {parent.name} {{ {spread} }} }}"

    def _aliased(self, name: str) -> str:
        return f"{self._name()}: {name}" if self._now_and_then(0.3) else name

    def _name(self, *, hostile: bool = True) -> str:
        self.names += 1
        if hostile and self._now_and_then(0.3):
            return self.random.choice(_HOSTILE) + (str(self.names) if self._now_and_then(0.5) else "")
        return f"a{self.names}"

    def _now_and_then(self, chance: float) -> bool:
        return self.random.random() < (chance / 6 if self.calm else chance)
