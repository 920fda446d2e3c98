"""Every root field of the contract is served, and no resolver is left over."""

import pytest

from integrations.healthie_emulator.schema import executable_schema


def test_a_root_field_without_a_resolver_is_noticed_at_start() -> None:
    with pytest.raises(LookupError, match="has no resolver"):
        executable_schema({})
