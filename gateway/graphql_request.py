"""A GraphQL request as every transport hands it on."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphQLRequest:
    """One operation that a client asks for; every part is of the right type, and nothing else is checked yet."""

    query: str | None = field(default=None, repr=False)  # the document; None or empty: named in `extensions`
    operation_name: str | None = field(default=None, repr=False)
    variables: dict[str, Any] = field(default_factory=dict, repr=False)
    extensions: dict[str, Any] = field(default_factory=dict, repr=False)
