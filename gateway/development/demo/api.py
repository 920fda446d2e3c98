"""A minimal client of the public GraphQL API, as a patient's app would use."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2


class Broken(Exception):
    """A check of the demo failed; the text says which."""


@dataclass(kw_only=True)
class App:
    """One patient's app: a visitor at first, the checkout's guest after `become_guest`."""

    http: httpx2.AsyncClient
    graphql: str
    headers: dict[str, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Fetches the visitor token that anonymous mutations need."""
        data = await self.ask("query Open { newVisitorToken }")
        self.headers["Frontdoor-Visitor"] = data["newVisitorToken"]

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """Runs a query and returns its `data`. Raises Broken on any error."""
        return await self._send(document, variables, {})

    async def do(self, document: str, **given: Any) -> dict[str, Any]:
        """Runs a mutation with one input and a fresh idempotency key; returns its result, success or problem."""
        data = await self._send(document, {"input": given}, {"Idempotency-Key": str(uuid.uuid4())})
        (result,) = data.values()
        return dict(result)

    def become_guest(self, token: str) -> None:
        """Sends the guest token of the checkout from now on."""
        self.headers["Authorization"] = f"Bearer {token}"

    async def _send(self, document: str, variables: dict[str, Any], extra: dict[str, str]) -> dict[str, Any]:
        answer = await self.http.post(
            self.graphql, json={"query": document, "variables": variables}, headers={**self.headers, **extra}
        )
        body = answer.json()
        if body.get("errors"):
            raise Broken("; ".join(error["message"] for error in body["errors"]))
        data: dict[str, Any] = body["data"]
        return data


def expect(result: dict[str, Any], kind: str) -> None:
    """Raises Broken when the result is of another type."""
    if result["__typename"] != kind:
        raise Broken(f"expected {kind}, got {result['__typename']}: {result.get('message', '')}")


def amount_of(money: dict[str, str] | None) -> str:
    """An amount with its currency, to be read by people."""
    return f"{money['amount']} {money['currency']}" if money else "nothing"
