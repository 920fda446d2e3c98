"""Healthie's two forms of refusal: `messages` of a mutation, and GraphQL errors with a code."""

from typing import Any

from graphql import GraphQLError


def refused(message: str, *, field: str | None = None, **payload: Any) -> dict[str, Any]:
    """Make a mutation's payload that refuses for a business reason: HTTP 200, no `errors`."""
    return {**payload, "messages": [{"field": field, "message": message}]}


def coded(message: str, code: str, **more: Any) -> GraphQLError:
    """Make a GraphQL error with `extensions.code`, and with more extensions."""
    return GraphQLError(message, extensions={"code": code, **more})


def not_signed_in() -> GraphQLError:
    """Make the error for a missing, unknown or deleted key."""
    return coded("You must be signed in to do this.", "UNAUTHENTICATED")


def not_allowed() -> GraphQLError:
    """Make the error for a key without the permission."""
    return coded("You are not authorized to do this.", "UNAUTHORIZED")
