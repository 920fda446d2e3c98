"""Which documents a caller may send: the trusted ones and whether others are answered, introspection, suggestions of names."""

from dataclasses import dataclass

from graphql import GraphQLSchema

from booking.principals import Caller, PrincipalKind
from gateway.limits import Documents
from gateway.limits.parse_queue import ParseQueue
from gateway.trusted_documents import TrustedDocuments


@dataclass(frozen=True, kw_only=True)
class DocumentPolicy:
    """The documents of one kind of caller, with a cache of their own: what introspection validated is not shared."""

    trusted: TrustedDocuments
    documents: Documents


class DocumentPolicies:
    """The policy for everybody, and where the setting gives them more, that for operators."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        parse_queue: ParseQueue,
        trusted: TrustedDocuments | None = None,
        open_to_developers: bool = False,
        open_to_operators: bool = False,
    ) -> None:
        """`open_to_developers` permits introspection and suggestions of names to everybody.

        `open_to_operators` permits both to operators alone, and any document of theirs, whatever the mode of trusted documents.
        """
        trusted = trusted or TrustedDocuments()

        def policy(trusted: TrustedDocuments, *, is_open: bool) -> DocumentPolicy:
            documents = Documents(schema, introspection=is_open, suggestions=is_open, parse_queue=parse_queue)
            return DocumentPolicy(trusted=trusted, documents=documents)

        self._usual = policy(trusted, is_open=open_to_developers)
        self._of_operators = policy(trusted.with_others(), is_open=True) if open_to_operators else None

    def of(self, caller: Caller | None) -> DocumentPolicy:
        """The policy for this caller; None: an unknown one."""
        operators = self._of_operators
        if operators is not None and caller is not None and caller.principal.kind is PrincipalKind.OPERATOR:
            return operators
        return self._usual
