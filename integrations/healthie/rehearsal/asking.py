"""Account: somebody whose key a rehearsal uses. Replies are plain data, because a rehearsal looks at what nobody has seen yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from pathlib import Path
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    parse,
    print_ast,
)
from pydantic import ConfigDict

from integrations.healthie.generated.base_model import BaseModel
from integrations.healthie.generated.client import Client
from integrations.upstream.errors import CallError, HeldBack, RateLimited

DOCUMENTS = Path(__file__).parent / "documents.graphql"

# So much of one of Healthie's messages is shown. The people whom it may name are the rehearsal's own.
SHOWN = 120


class LockedOut(Exception):
    """Healthie refuses for too many requests; the rehearsal can be resumed later."""


class Unknown(Exception):
    """A question without an answer; the text says why."""


class _Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What Healthie said to one document."""

    document: str
    root: str  # its only root field
    value: Any = None  # of the root field
    messages: tuple[str, ...] = ()  # a mutation's refusal
    stripe_error: str | None = None
    error: str | None = None  # our code of an answer that cannot be used

    @property
    def done(self) -> bool:
        """Whether it was not refused. A mutation that is "done" may still have done nothing."""
        return not (self.messages or self.stripe_error or self.error)

    def require(self) -> Any:
        """The value. Raises Unknown with the reason of the refusal."""
        if not self.done:
            why = self.error or "; ".join([*self.messages, *filter(None, [self.stripe_error])])
            raise Unknown(f"{self.document}: {why[:SHOWN]}")
        return self.value

    def require_certain(self, *refusals: str) -> bool:
        """Whether it was done. Raises Unknown when the answer cannot be used, unless its code is one of these, which refuse."""
        if self.error and self.error not in refusals:
            self.require()
        return self.done

    def nodes(self) -> list[dict[str, Any]]:
        """The records of a connection or list. Raises Unknown."""
        value = self.require()
        listed = value.get("nodes") if isinstance(value, Mapping) else value
        return [each for each in listed or () if each]


def amount_of(text: object) -> Decimal:
    """An amount as Healthie writes it; nothing is 0. Raises Unknown."""
    try:
        return Decimal(str(text or 0))
    except InvalidOperation:
        raise Unknown("an amount cannot be read") from None


@dataclass(frozen=True, kw_only=True)
class Account:
    """A key's owner. `id` is the id of the user at Healthie."""

    id: str
    client: Client = field(repr=False)

    async def ask(self, document: str, **variables: Any) -> Reply:
        """Send one of the documents. Raises LockedOut; whatever else happens stands in the reply."""
        return await ask(self.client, document, **variables)


async def ask(client: Client, document: str, *, version: str | None = None, **variables: object) -> Reply:
    """Send one of the documents with a client's key, on the version in use unless one is named. Raises LockedOut."""
    known = documents()[document]
    failed = partial(Reply, document=document, root=known.root)
    try:
        answer = await client.execute(
            _Anything,
            query=known.text,
            operation_name=document,
            mutation=known.is_mutation,
            variables=variables,
            version=version,
        )
    except RateLimited as error:
        raise LockedOut from error
    except HeldBack as error:
        if error.code == "backed_off":
            raise LockedOut from error
        return failed(error=error.code)
    except CallError as error:
        return failed(error=error.code)
    value = (answer.model_extra or {}).get(known.root)
    said = value if known.is_mutation and isinstance(value, Mapping) else {}
    return Reply(
        document=document,
        root=known.root,
        value=value,
        messages=tuple(each["message"] for each in said.get("messages") or () if each),
        stripe_error=said.get("stripeError") or None,
    )


@dataclass(frozen=True, kw_only=True)
class Document:
    """One operation of documents.graphql."""

    text: str  # with the fragment that it needs
    root: str  # its only root field
    is_mutation: bool


@cache
def documents() -> Mapping[str, Document]:
    """Each document by its name."""
    parsed = parse(DOCUMENTS.read_text(encoding="utf-8"))
    said = next(each for each in parsed.definitions if isinstance(each, FragmentDefinitionNode))
    found: dict[str, Document] = {}
    for each in parsed.definitions:
        if not isinstance(each, OperationDefinitionNode) or not each.name:
            continue
        text, root = print_ast(each), each.selection_set.selections[0]
        if isinstance(root, FieldNode):
            found[each.name.value] = Document(
                text=f"{text}\n{print_ast(said)}" if "...Said" in text else text,
                root=root.name.value,
                is_mutation=each.operation is OperationType.MUTATION,
            )
    return found
