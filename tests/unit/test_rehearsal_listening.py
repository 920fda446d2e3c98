"""What comes to the address for webhooks may be from anybody: whatever it is, the rehearsal goes on."""

import pytest

from integrations.healthie.rehearsal.listening import Delivery


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{}", b"null", b"[" * 100_000], ids=len)
def test_a_body_that_names_no_record_is_about_none(body: bytes) -> None:
    assert Delivery(headers={}, body=body).resource_id == ""
