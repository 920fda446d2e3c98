"""What is kept of a call's variables: their shape, and a digest that gives no value away."""

import json
from typing import Any

import pytest

from integrations.upstream.redaction import digest, shape

KEY = b"sample key for digests of 32 bytes"


class TestShape:
    def test_names_and_kinds_stand_in_the_place_of_the_values(self) -> None:
        variables = {
            "email": "canary@example.com",
            "dob": None,
            "is_default": True,
            "first": 50,
            "price": 1.5,
            "metadata": {"reference": "chk_canary"},
        }

        assert shape(variables) == {
            "dob": "null",
            "email": "string",
            "first": "number",
            "is_default": "boolean",
            "metadata": {"reference": "string"},
            "price": "number",
        }

    def test_of_a_list_neither_values_nor_their_number_remain(self) -> None:
        assert shape(["a"]) == shape(["b", "c", "d"]) == ["string"]
        assert shape([]) == []
        assert shape([1, "a", None, "b"]) == ["null", "number", "string"]

    @pytest.mark.parametrize("value", ["", "canary", 7, 7.25, True, None, ["canary"], {"a": ["canary"]}])
    def test_no_value_is_in_it(self, value: Any) -> None:
        assert "canary" not in json.dumps(shape({"name": value}))

    def test_what_json_does_not_have_is_our_mistake(self) -> None:
        with pytest.raises(TypeError):
            shape({"when": object()})


class TestDigest:
    def test_equal_requests_have_the_same_whatever_the_order_of_names(self) -> None:
        one = digest("Charge", {"a": "1", "b": {"c": [1], "d": None}}, key=KEY)

        assert one == digest("Charge", {"b": {"d": None, "c": [1]}, "a": "1"}, key=KEY)

    @pytest.mark.parametrize(
        ("operation", "variables", "key"),
        [
            ("Refund", {"a": "1"}, KEY),
            ("Charge", {"a": 1}, KEY),
            ("Charge", {"a": "2"}, KEY),
            ("Charge", {"a": "1", "b": None}, KEY),
            ("Charge", {"a": "1"}, b"another key of thirty-two bytes.."),
        ],
    )
    def test_another_operation_value_kind_name_or_key_makes_another(
        self, operation: str, variables: dict[str, Any], key: bytes
    ) -> None:
        assert digest(operation, variables, key=key) != digest("Charge", {"a": "1"}, key=KEY)

    def test_half_a_character_can_be_digested_too(self) -> None:
        assert len(digest("Charge", {"name": "\ud800"}, key=KEY)) == 64
