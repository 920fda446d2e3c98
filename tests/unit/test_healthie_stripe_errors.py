"""The card processor's error, as text or as JSON, never ends a checkout by its form."""

import pytest

from integrations.healthie.stripe_errors import message_of


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"message": "Your card was declined."}', "Your card was declined."),
        ('{"error": {"message": "Your card was declined."}}', "Your card was declined."),
        ("Your card was declined.", None),
        ('{"error": 5}', None),
        ('{"message": ["a"]}', None),
        ("[" * 100_000, None),
    ],
)
def test_its_message_is_found_where_it_is_json(text: str, message: str | None) -> None:
    assert message_of(text) == message
