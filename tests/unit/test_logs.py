"""Logs: a fault is told by its types and places, never by its text."""

from gateway.logs import faults_without_values


def test_a_fault_is_logged_without_its_text() -> None:
    try:
        try:
            int("pat.canary@example.invalid")
        except ValueError as inner:
            raise RuntimeError("canary 555-0199") from inner
    except RuntimeError as error:
        event = faults_without_values(None, "error", {"event": "x.failed", "exc_info": error})
    assert event["fault"] == "RuntimeError < ValueError"
    assert "canary" not in str(event)
    assert event["at"]


def test_an_event_without_a_fault_is_left_as_it_is() -> None:
    assert faults_without_values(None, "info", {"event": "x.done"}) == {"event": "x.done"}
