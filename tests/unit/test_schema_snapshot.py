from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
)

from gateway.graphql import print_sdl

SNAPSHOT = Path("schema/schema.graphql")


def public() -> GraphQLSchema:
    return build_schema(SNAPSHOT.read_text())


def test_the_snapshot_is_the_schema_that_runs() -> None:
    assert SNAPSHOT.read_text() == print_sdl(), (
        "The public schema changed. If that is meant, write it anew with `frontdoor schema > schema/schema.graphql`."
    )


def test_everything_in_the_schema_has_a_description() -> None:
    missing = []
    for kind in public().type_map.values():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        parts = {kind.name: kind.description}
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for name, field in kind.fields.items():
                parts[f"{kind.name}.{name}"] = field.description
                for argument, definition in getattr(field, "args", {}).items():
                    parts[f"{kind.name}.{name}({argument}:)"] = definition.description
        if isinstance(kind, GraphQLEnumType):
            parts |= {f"{kind.name}.{name}": value.description for name, value in kind.values.items()}
        missing += [name for name, description in parts.items() if not (description or "").strip()]
    assert missing == []


def test_every_mutation_answers_a_union_named_after_it() -> None:
    mutations = public().mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        assert str(field.type) == f"{name[0].upper()}{name[1:]}Result!"
        assert list(field.args) == ["input"]


def test_every_member_of_a_result_union_is_a_success_or_a_problem() -> None:
    schema = public()
    problem = schema.type_map["Problem"]
    unions = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLUnionType)]
    assert unions
    for union in unions:
        if not union.name.endswith("Result"):
            continue  # two things that a field shows, neither of them a refusal
        for member in union.types:
            success = member.name.endswith(("Success", "Processing"))
            assert success != (problem in member.interfaces), f"{union.name}: {member.name}"


def test_no_field_counts_money_or_time_in_floats() -> None:
    assert "Float" not in public().type_map
