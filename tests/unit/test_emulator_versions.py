"""Which versions the emulator answers at a moment, and with which warnings. The dates are of Healthie's guide on versioning."""

from datetime import UTC, date, datetime, timedelta

import pytest
from graphql import GraphQLError

from integrations.healthie_emulator.versions import PUBLISHED, published, served, sunset


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WINTER = at("2027-01-04")


def refusal(version: str | None, now: datetime) -> dict[str, str]:
    with pytest.raises(GraphQLError) as refused:
        served(version, now)
    return refused.value.extensions or {}


@pytest.mark.parametrize("version", PUBLISHED)
def test_every_published_version_is_answered_in_its_time(version: str) -> None:
    assert served(version, at(version)).name == version
    assert served(version, WINTER).name == version


def test_a_version_is_not_answered_before_it_is_published() -> None:
    assert refusal("2026-10-01", at("2026-09-30")) == {
        "code": "UNSUPPORTED_API_VERSION",
        "requested_version": "2026-10-01",
        "minimum_supported_version": "2024-06-01",
        "latest_version": "2026-07-01",
    }


@pytest.mark.parametrize("version", ["2025-06-15", "2026-01-02", "latest", "x" * 5_000])
def test_any_other_date_is_refused_with_what_is_supported(version: str) -> None:
    assert refusal(version, WINTER) == {
        "code": "UNSUPPORTED_API_VERSION",
        "requested_version": version[:20],
        "minimum_supported_version": "2024-06-01",
        "latest_version": "2026-10-01",
    }


def test_from_2027_01_31_the_older_versions_are_refused_and_the_header_is_required() -> None:
    last, end = at("2027-01-30T23:59:59"), at("2027-01-31")
    for version in (each for each in PUBLISHED if each < "2026-07-01"):
        assert served(version, last).name == version
        assert refusal(version, end)["minimum_supported_version"] == "2026-07-01"
    assert served(None, last).name == "2024-06-01"
    assert refusal(None, end) == {"code": "MISSING_API_VERSION_HEADER", "latest_version": "2026-10-01"}


def test_a_newer_version_gives_the_one_before_it_six_months_notice() -> None:
    assert sunset("2026-07-01", at("2026-09-30")) is None
    assert sunset("2026-07-01", at("2026-10-01")) == date(2027, 4, 1)
    assert served("2026-07-01", at("2027-03-31T23:59:59")).name == "2026-07-01"
    assert refusal("2026-07-01", at("2027-04-01"))["minimum_supported_version"] == "2026-10-01"
    assert sunset("2026-10-01", at("2036-01-01")) is None


def test_an_older_version_warns_from_2026_07_01_on() -> None:
    first = at("2026-07-01")
    assert served("2026-01-01", first - timedelta(seconds=1)).warnings == ()
    (warning,) = served("2026-01-01", first).warnings
    assert {name: value for name, value in warning.items() if name != "message"} == {
        "code": "API_VERSION_SUNSET_WARNING",
        "requested_version": "2026-01-01",
        "sunset_date": "2027-01-31",
        "latest_version": "2026-07-01",
    }
    assert served("2026-10-01", WINTER).warnings == ()


def test_a_missing_header_brings_both_warnings() -> None:
    missing, ending = served(None, WINTER).warnings
    assert (missing["code"], missing["latest_version"]) == ("MISSING_API_VERSION_HEADER", "2026-10-01")
    assert (ending["code"], ending["requested_version"]) == ("API_VERSION_SUNSET_WARNING", "2024-06-01")


def test_before_everything_the_baseline_is_there() -> None:
    assert published(at("1999-01-01")) == ("2024-06-01",)
