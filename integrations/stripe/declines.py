"""Stripe's decline codes: everything that https://docs.stripe.com/declines/codes lists, and what a patient can do about each.

Lost or stolen cards, suspected fraud and block lists are reported like any other decline, as that page requires: the person
at the keyboard may not be the cardholder. None marks codes that refer to another payment and leave open whether ours was made.

When a text names several codes, the first in this table counts; generic declines are last.
"""

from collections.abc import Mapping
from types import MappingProxyType

from booking.refusals import DeclineReason

_LIKE_ANY_OTHER = DeclineReason.TRY_ANOTHER_CARD

_CARDS: dict[str, DeclineReason | None] = {
    "duplicate_transaction": None,
    "authentication_required": DeclineReason.AUTHENTICATION_REQUIRED,
    "authentication_not_handled": DeclineReason.AUTHENTICATION_REQUIRED,
    "mobile_device_authentication_required": DeclineReason.AUTHENTICATION_REQUIRED,
    "insufficient_funds": DeclineReason.INSUFFICIENT_FUNDS,
    "withdrawal_count_limit_exceeded": DeclineReason.INSUFFICIENT_FUNDS,
    "expired_card": DeclineReason.CARD_EXPIRED,
    "incorrect_address": DeclineReason.CHECK_CARD_DETAILS,
    "incorrect_cvc": DeclineReason.CHECK_CARD_DETAILS,
    "incorrect_number": DeclineReason.CHECK_CARD_DETAILS,
    "incorrect_zip": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_cvc": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_expiry_month": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_expiry_year": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_number": DeclineReason.CHECK_CARD_DETAILS,
    "approve_with_id": DeclineReason.TRY_AGAIN,
    "issuer_not_available": DeclineReason.TRY_AGAIN,
    "processing_error": DeclineReason.TRY_AGAIN,
    "reenter_transaction": DeclineReason.TRY_AGAIN,
    "try_again_later": DeclineReason.TRY_AGAIN,
    "call_issuer": DeclineReason.CALL_YOUR_BANK,
    "card_velocity_exceeded": DeclineReason.CALL_YOUR_BANK,
    "do_not_honor": DeclineReason.CALL_YOUR_BANK,
    "do_not_try_again": DeclineReason.CALL_YOUR_BANK,
    "invalid_account": DeclineReason.CALL_YOUR_BANK,
    "invalid_amount": DeclineReason.CALL_YOUR_BANK,
    "new_account_information_available": DeclineReason.CALL_YOUR_BANK,
    "no_action_taken": DeclineReason.CALL_YOUR_BANK,
    "not_permitted": DeclineReason.CALL_YOUR_BANK,
    "revocation_of_all_authorizations": DeclineReason.CALL_YOUR_BANK,
    "revocation_of_authorization": DeclineReason.CALL_YOUR_BANK,
    "security_violation": DeclineReason.CALL_YOUR_BANK,
    "service_not_allowed": DeclineReason.CALL_YOUR_BANK,
    "stop_payment_order": DeclineReason.CALL_YOUR_BANK,
    "transaction_not_allowed": DeclineReason.CALL_YOUR_BANK,
    "card_not_supported": DeclineReason.TRY_ANOTHER_CARD,
    "currency_not_supported": DeclineReason.TRY_ANOTHER_CARD,
    "testmode_decline": DeclineReason.TRY_ANOTHER_CARD,
    # Only a card reader asks for a PIN.
    "incorrect_pin": DeclineReason.TRY_ANOTHER_CARD,
    "invalid_pin": DeclineReason.TRY_ANOTHER_CARD,
    "offline_pin_required": DeclineReason.TRY_ANOTHER_CARD,
    "online_or_offline_pin_required": DeclineReason.TRY_ANOTHER_CARD,
    "pin_try_exceeded": DeclineReason.TRY_ANOTHER_CARD,
    "fraudulent": _LIKE_ANY_OTHER,
    "lost_card": _LIKE_ANY_OTHER,
    "merchant_blacklist": _LIKE_ANY_OTHER,
    "pickup_card": _LIKE_ANY_OTHER,
    "restricted_card": _LIKE_ANY_OTHER,
    "stolen_card": _LIKE_ANY_OTHER,
    "generic_decline": _LIKE_ANY_OTHER,
}

# Codes of payment methods other than cards; shared codes are above.
_LOCAL_METHODS: dict[str, DeclineReason | None] = {
    "partner_payment_not_found": None,
    "payment_disputed": None,
    "expired_payment_information": DeclineReason.CARD_EXPIRED,
    "invalid_payment_information": DeclineReason.CHECK_CARD_DETAILS,
    "invalid_customer_account": DeclineReason.CALL_YOUR_BANK,
    "payment_limit_exceeded": DeclineReason.CALL_YOUR_BANK,
    "compliance_violation": DeclineReason.TRY_ANOTHER_CARD,
    "invalid_authorization": DeclineReason.TRY_ANOTHER_CARD,
    "invalid_billing_agreement": DeclineReason.TRY_ANOTHER_CARD,
    "invalid_business_account": DeclineReason.TRY_ANOTHER_CARD,
    "recurring_not_supported_by_bank": DeclineReason.TRY_ANOTHER_CARD,
    "partner_high_risk_customer": _LIKE_ANY_OTHER,
    "partner_generic_decline": _LIKE_ANY_OTHER,
}

DECLINES: Mapping[str, DeclineReason | None] = MappingProxyType({**_LOCAL_METHODS, **_CARDS})
