"""Healthie's two forms of refusal: `messages` of a mutation, and GraphQL errors with a code."""

from typing import Any

from graphql import GraphQLError


def refused(message: str, *, field: str | None = None, **payload: Any) -> dict[str, Any]:
    """Make a mutation's payload that refuses for a business reason: HTTP 200, no `errors`."""
    return {**payload, "messages": [{"field": field, "message": message}]}


class Refusal(Exception):
    """A business reason against an input: the message, and the field that it is about."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message

    def payload(self, **nothing: None) -> dict[str, Any]:
        """Make the mutation's payload, with the fields in which there is nothing now."""
        return refused(self.message, field=self.field, **nothing)


def coded(message: str, code: str, **more: Any) -> GraphQLError:
    """Make a GraphQL error with `extensions.code`, and with more extensions."""
    return GraphQLError(message, extensions={"code": code, **more})


def not_signed_in() -> GraphQLError:
    """Make the error for a missing, unknown or deleted key."""
    return coded("You must be signed in to do this.", "UNAUTHENTICATED")


def not_allowed() -> GraphQLError:
    """Make the error for a key without the permission."""
    return coded("You are not authorized to do this.", "UNAUTHORIZED")
