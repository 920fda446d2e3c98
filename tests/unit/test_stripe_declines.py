"""The table against the page it is taken from: https://docs.stripe.com/declines/codes, both of its tables."""

import pytest

from booking.refusals import CardDeclined, DeclineReason
from integrations.stripe.declines import DECLINES

CARDS = """
authentication_required authentication_not_handled approve_with_id call_issuer card_not_supported card_velocity_exceeded
currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent generic_decline
incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount
invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card
merchant_blacklist new_account_information_available no_action_taken not_permitted offline_pin_required
online_or_offline_pin_required pickup_card pin_try_exceeded processing_error reenter_transaction restricted_card
revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card
stop_payment_order testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
mobile_device_authentication_required
""".split()  # noqa: SIM905 - legible

LOCAL_METHODS = """
partner_generic_decline invalid_customer_account payment_limit_exceeded invalid_billing_agreement expired_card processing_error
insufficient_funds currency_not_supported invalid_amount invalid_business_account partner_high_risk_customer
compliance_violation payment_disputed invalid_authorization invalid_payment_information partner_payment_not_found
expired_payment_information duplicate_transaction recurring_not_supported_by_bank
""".split()  # noqa: SIM905 - legible

# "Present it in the same manner as generic_decline", or "possibly reported lost or stolen".
NOT_TO_BE_TOLD = [
    "fraudulent",
    "lost_card",
    "merchant_blacklist",
    "pickup_card",
    "restricted_card",
    "stolen_card",
    "partner_high_risk_customer",
]


def test_every_documented_code_is_in_the_table_and_no_other() -> None:
    assert len(CARDS) == 50
    assert set(DECLINES) == {*CARDS, *LOCAL_METHODS}


def test_only_codes_that_tell_of_another_payment_leave_the_outcome_open() -> None:
    assert {code for code, reason in DECLINES.items() if reason is None} == {
        "duplicate_transaction",
        "partner_payment_not_found",
        "payment_disputed",
    }


@pytest.mark.parametrize("code", NOT_TO_BE_TOLD)
def test_a_card_under_suspicion_reads_like_any_other_decline(code: str) -> None:
    assert DECLINES[code] is DECLINES["generic_decline"]


@pytest.mark.parametrize("reason", DeclineReason)
def test_no_message_speaks_of_loss_theft_or_suspicion(reason: DeclineReason) -> None:
    said = CardDeclined(reason).message.lower()

    assert not [word for word in ("lost", "stol", "theft", "fraud", "suspi", "block") if word in said]


def test_a_code_with_a_reason_of_its_own_comes_before_the_plain_declines() -> None:
    assert list(DECLINES)[-1] == "generic_decline"
