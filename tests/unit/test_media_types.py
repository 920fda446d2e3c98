"""Which media type an answer has, and which a body may have."""

import pytest

from gateway.media_types import (
    GRAPHQL_JSON,
    JSON,
    NotAcceptable,
    UnsupportedMediaType,
    answer_type,
    check_body_type,
)


@pytest.mark.parametrize(
    ("accept", "answer"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("Application/JSON; charset=utf-8", JSON),
        ("application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json, application/json", GRAPHQL_JSON),
        ("application/json, application/graphql-response+json", GRAPHQL_JSON),
        ("application/graphql-response+json;q=0.5, application/json;q=0.9", JSON),
        ("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8", GRAPHQL_JSON),
        ("application/json;q=0, */*", None),
        ("application/graphql-response+json;q=0, */*", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        ("text/html", None),
        ("application/json;q=nonsense", None),
        ("multipart/mixed, text/event-stream", None),
    ],
)
def test_the_answer_is_what_is_wanted_most(accept: str | None, answer: str | None) -> None:
    if answer is None:
        with pytest.raises(NotAcceptable):
            answer_type(accept)
    else:
        assert answer_type(accept) == answer


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON;charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_a_body_is_json(kind: str) -> None:
    check_body_type(kind)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=application/json",
        "text/plain; application/json",
        "application/json; charset=utf-16",
        "application/json-seq",
        "application/graphql",
    ],
)
def test_a_body_that_another_site_could_send_unasked_is_refused(kind: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_body_type(kind)
