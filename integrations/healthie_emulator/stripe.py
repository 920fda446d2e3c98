"""The fake Stripe: customers' cards, charges, refunds and idempotency keys.

Amounts are integer minor units, as Stripe counts them (`stripe_amounts`). The rules are Stripe's own, as far as Healthie exposes them:
https://docs.stripe.com/testing (the tokens are in `stripe_tokens`) and https://docs.stripe.com/api/idempotent_requests.

    StripeError                 any refusal; `code` is Stripe's
    └── CardDeclined            the bank declined the card; `decline_code` says why
"""

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import iso4217

from integrations.healthie_emulator.stripe_amounts import EIGHT_DIGITS, LARGEST, SMALLEST, written
from integrations.healthie_emulator.stripe_records import Card, Charge, Refund
from integrations.healthie_emulator.stripe_tokens import Decline, card_behind

KEY_LIFETIME = timedelta(hours=24)  # Stripe keeps a key for a day at the least


class StripeError(Exception):
    """Stripe refused; nothing moved. Not saved under an idempotency key: the request may come again."""

    by_stripe = True

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class CardDeclined(StripeError):
    """The bank refused the card. Saved under the idempotency key, so the same key repeats the refusal."""

    def __init__(self, decline: Decline) -> None:
        super().__init__(decline.message, code=decline.code)
        self.decline_code = decline.decline_code


@dataclasses.dataclass(frozen=True, kw_only=True)
class _SavedAnswer:
    parameters: tuple[Any, ...]
    answer: str | CardDeclined  # the id of what was made, or the refusal
    saved_at: datetime


class FakeStripe:
    """One Stripe account on a settable clock (`now`, aware). Not thread-safe: one event loop owns it."""

    def __init__(self, *, seed: int, now: Callable[[], datetime]) -> None:
        self.cards: dict[str, Card] = {}
        self.charges: dict[str, Charge] = {}
        self.refunds: dict[str, Refund] = {}
        # `idempotency_key_in_use` | `lock_timeout`, one per coming charge or refund.
        self.fail_next: list[str] = []
        self._seed = seed
        self._now = now
        self._used_tokens: set[str] = set()
        self._saved: dict[str, _SavedAnswer] = {}
        self._made = 0

    def attach(self, token: str, *, customer: str, named_tokens_single_use: bool = False) -> Card:
        """Turn a token into a card of `customer`.

        A token of the form `<documented name>_<suffix>` works once, like one from Stripe.js; a bare documented
        name works every time, as at Stripe, unless `named_tokens_single_use`. A declined token is spent too.
        """
        found = card_behind(token)
        if found is None:
            raise StripeError(f"No such token: '{token}'", code="resource_missing")
        if token in self._used_tokens:
            raise StripeError(
                f"You cannot use a Stripe token more than once: {token}.", code="token_already_used"
            )
        if found.works_once or named_tokens_single_use:
            self._used_tokens.add(token)
        if found.card.refused_at_attach is not None:
            raise CardDeclined(found.card.refused_at_attach)
        card = Card(id=self._id("card"), customer=customer, fingerprint=found.card, created_at=self._now())
        self.cards[card.id] = card
        return card

    def detach(self, card_id: str) -> None:
        """Forget a card; its charges stay."""
        self.cards.pop(card_id, None)

    def charge(
        self,
        card_id: str,
        *,
        amount: int,
        currency: str,
        description: str = "",
        idempotency_key: str | None = None,
    ) -> Charge:
        """Take an amount from a card. The same key and parameters give the same charge or refusal again."""
        parameters = ("charge", card_id, amount, currency, description)
        saved = self._replay(idempotency_key, parameters)
        if saved is not None:
            return self.charges[saved]
        card = self.cards.get(card_id)
        if card is None:
            raise StripeError(f"No such source: '{card_id}'", code="resource_missing")
        _refuse_what_no_card_pays(amount, currency)
        refusal = card.fingerprint.refused_at_charge
        charge = Charge(
            id=self._id("ch"),
            customer=card.customer,
            card=card_id,
            amount=amount,
            currency=currency,
            created_at=self._now(),
            idempotency_key=idempotency_key,
            decline=None if refusal is None else refusal.decline_code,
        )
        self.charges[charge.id] = charge
        if refusal is not None:
            declined = CardDeclined(refusal)
            self._save(idempotency_key, parameters, declined)
            raise declined
        self._save(idempotency_key, parameters, charge.id)
        return charge

    def refund(self, charge_id: str, *, amount: int, idempotency_key: str | None = None) -> Refund:
        """Give some of a charge back, never more than what is left of it."""
        parameters = ("refund", charge_id, amount)
        saved = self._replay(idempotency_key, parameters)
        if saved is not None:
            return self.refunds[saved]
        charge = self.charges.get(charge_id)
        if charge is None or charge.decline is not None:
            raise StripeError(f"No such charge: '{charge_id}'", code="resource_missing")
        left = charge.amount - charge.refunded
        if left == 0:
            raise StripeError(
                f"Charge {charge_id} has already been refunded.", code="charge_already_refunded"
            )
        if not 0 < amount <= left:
            raise StripeError(
                f"Refund amount ({written(amount, charge.currency.upper())}) is greater than"
                f" unrefunded amount on charge ({written(left, charge.currency.upper())})",
                code="amount_too_large",
            )
        refund = Refund(
            id=self._id("re"),
            charge=charge_id,
            amount=amount,
            currency=charge.currency,
            created_at=self._now(),
            idempotency_key=idempotency_key,
        )
        self.refunds[refund.id] = refund
        self.charges[charge_id] = dataclasses.replace(charge, refunded=charge.refunded + amount)
        self._save(idempotency_key, parameters, refund.id)
        return refund

    def remembers(self, key: str | None) -> bool:
        """Return whether an idempotency key was used within the last 24 hours."""
        saved = self._saved.get(key or "")
        return saved is not None and self._now() - saved.saved_at < KEY_LIFETIME

    def _replay(self, key: str | None, parameters: tuple[Any, ...]) -> str | None:
        """Return what the key made before, if it made something; raise what it raised."""
        if self.fail_next:
            raise _passing_trouble(self.fail_next.pop(0), key)
        if not self.remembers(key):
            return None
        saved = self._saved[key or ""]
        if saved.parameters != parameters:
            raise StripeError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                code="idempotency_error",
            )
        if isinstance(saved.answer, CardDeclined):
            raise saved.answer
        return saved.answer

    def _save(self, key: str | None, parameters: tuple[Any, ...], answer: str | CardDeclined) -> None:
        if key:
            self._saved[key] = _SavedAnswer(parameters=parameters, answer=answer, saved_at=self._now())

    def _id(self, prefix: str) -> str:
        """Look like Stripe's ids and be the same for the same seed and requests."""
        self._made += 1
        return f"{prefix}_{hashlib.sha256(f'{self._seed}:{prefix}:{self._made}'.encode()).hexdigest()[:24]}"


def _refuse_what_no_card_pays(amount: int, currency: str) -> None:
    code = currency.upper()
    if code not in iso4217.raw_table:
        raise StripeError(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: usd, eur, cad, and others",
            code="parameter_invalid_string",
        )
    if amount < (smallest := SMALLEST.get(code, 1)):
        raise StripeError(
            f"Amount must be at least {written(smallest, code)} {currency}", code="amount_too_small"
        )
    if amount > (largest := LARGEST.get(code, EIGHT_DIGITS)):
        raise StripeError(f"Amount must be no more than {written(largest, code)}", code="amount_too_large")


def _passing_trouble(code: str, key: str | None) -> StripeError:
    """Trouble that says nothing about the card and is not saved: the same request may succeed later."""
    messages = {
        "idempotency_key_in_use": (
            "There is currently another in-progress request using this Idempotent Key (that probably means you "
            f"submitted twice, and the other request is still going through): {key}"
        ),
        "lock_timeout": (
            "This object cannot be accessed right now because another API request or Stripe process is currently "
            "accessing it. If you see this error intermittently, retry the request."
        ),
    }
    return StripeError(messages.get(code, "An unknown error occurred"), code=code)
