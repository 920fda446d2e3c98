"""What a key's fingerprint is made of: a release that knows more arguments takes a request of an earlier one for the same."""

import re
from pathlib import Path

SCHEMA = (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()

# The fields with a default that the inputs of the first release had. A default is an argument that was sent, and part of the fingerprint.
DEFAULTS = {
    "GuestInput": {"phone", "birthDate"},
    "StartCheckoutInput": {"planId", "promoCode", "guest", "acceptRecurrence"},
    "ConfirmCheckoutInput": {"cardToken", "cardOnFileId"},
}


def test_a_field_that_an_input_gained_later_has_no_default() -> None:
    for name, known in DEFAULTS.items():
        (body,) = re.findall(rf"^input {name} {{\n(.*?)^}}", SCHEMA, flags=re.MULTILINE | re.DOTALL)
        assert set(re.findall(r"^  (\w+): .* = ", body, flags=re.MULTILINE)) == known, (
            f"a request that was answered before the upgrade would be told that its key was used with other arguments: "
            f"declare the new field of {name} with `strawberry.UNSET`"
        )
