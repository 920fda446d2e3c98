"""The practice's policy: what staff set is what is read back, and what the emulator acts upon."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_list_type,
)

from integrations.healthie_emulator.app import schema

APART = {"id", "user_id"}  # they name the policy, and whose it is


def _value(kind: Any) -> Any:
    named = get_named_type(kind)
    if isinstance(named, GraphQLEnumType):
        return list(named.values)[-1]
    value = {"Boolean": True, "Int": 7, "String": "7", "ID": "7"}.get(named.name)
    return [value] if is_list_type(kind) and value is not None else value


def _settable() -> list[str]:
    types = schema().type_map
    given, shown = types["updateAppointmentSettingInput"], types["AppointmentSetting"]
    assert isinstance(given, GraphQLInputObjectType)
    assert isinstance(shown, GraphQLObjectType)
    return [
        name
        for name, field in given.fields.items()
        if name in shown.fields
        and name not in APART
        and isinstance(get_named_type(field.type), GraphQLScalarType | GraphQLEnumType)
    ]


class TestSetting:
    @pytest.mark.parametrize("name", _settable())
    async def test_what_is_set_is_read_back(self, practice: Any, name: str) -> None:
        given = schema().type_map["updateAppointmentSettingInput"]
        assert isinstance(given, GraphQLInputObjectType)
        value = _value(given.fields[name].type)
        document = f"""mutation($input: updateAppointmentSettingInput!) {{ updateAppointmentSetting(input: $input) {{
          appointmentSetting {{ {name} }} messages {{ message }} }} }}"""
        for sent in (value, False) if value is True else (value,):
            answer = await practice.ask(document, input={"id": practice.world.settings.id, name: sent})
            assert answer["updateAppointmentSetting"]["appointmentSetting"][name] == sent

    async def test_what_the_emulator_acts_upon_has_one_place(self, practice: Any) -> None:
        settings = practice.world.settings
        flags = {name: True for name in _settable() if isinstance(getattr(settings, name, None), bool)}
        assert "restore_credit_on_cancel" in flags
        await practice.ask(
            """mutation($input: updateAppointmentSettingInput!) { updateAppointmentSetting(input: $input) {
              messages { message } } }""",
            input={"id": practice.world.settings.id, **flags},
        )
        assert [name for name in flags if getattr(practice.world.settings, name) is not True] == []
        assert not practice.world.settings.more
