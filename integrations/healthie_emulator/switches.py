"""Switches: where Healthie is odd, undocumented or differs between accounts, each behaviour can be had."""

import dataclasses
from collections.abc import Mapping
from typing import Any

WRITTEN = ("iso8601", "offset", "zone_name")  # the forms that `dates.write` knows


@dataclasses.dataclass(kw_only=True)
class Switches:
    """Switches for behaviour in which Healthie is odd or undocumented: both variants are available."""

    silent_noop: set[str] = dataclasses.field(default_factory=set)  # mutations: success, and nothing done
    drop_note: bool = False  # billing items lose their note
    check_availability_without_holding: bool = False  # two bookings at once both pass the check
    other_party_id_overrides: bool = True  # createAppointment obeys other_party_id, as documented
    key_owner_becomes_second_provider: bool = False  # when it does, the key's owner is added, as reported
    notice_binds_patients: bool = True  # a patient's key is refused within the notice periods
    # A move by staff with `client_updating` counts among the patient's own.
    client_updating_counts: bool = True
    late_cancel_frees_time: bool = True  # a visit with the status Late Cancellation takes no time any more
    # Occurred charges nothing for a visit that a credit was used for, or whose invoice is paid.
    automatic_charges_spare_paid: bool = True
    zoom_ready_after: int = 0  # seconds after its booking until a visit has its links of Zoom's
    attendee_ids_replace: bool = False  # updateAppointment(attendee_ids) takes the others out
    # A patient's appointments list group visits whose seat they gave up.
    given_up_seats_listed: bool = False
    # An appointment's attended_clients hold those who wait for a seat, too, and it is among their appointments.
    attended_clients_list_waiting: bool = False
    recurring_appointments_notify: bool = False  # they send webhooks, as Healthie may switch on
    ranges_list_future_only: bool = False  # appointments of a range without a filter leave out what is past
    setting_without_id: bool = False  # appointmentSetting answers the practice's when nothing is named
    repeated_key_adds_item: bool = False  # a second billing item for the one charge of a repeated key
    net_payment_after_refunds: bool = True  # a billing item's net payment is what is left of it
    # ValidateCoupon's new_first_price is the discount, not the price.
    new_first_price_is_discount: bool = False
    # A promo code without a number of discount periods lowers every payment of a recurring plan, not only the first.
    coupon_without_number_lasts: bool = True
    # A recurring payment that is resumed is paid a period later; else on its first planned date that is still to come.
    resumed_a_period_later: bool = False
    # `next_restart_payment_date` of a paused one is told.
    restart_date_told: bool = True
    # `is_paused: false` resumes one, which no document says; else it does nothing.
    unpausing_resumes: bool = True
    credit_taken_at_booking: bool = True  # a visit booked by staff takes a credit at all
    # A visit booked by staff takes a credit that the patient does not have.
    staff_book_below_zero: bool = False
    # So does staff's deletion, where a cancelled visit's credit comes back.
    deletion_restores_credit: bool = False
    late_cancel_restores_credit: bool = False  # so does Late Cancellation
    # A mutation's stripeError is JSON, as a failed item's is; else the text.
    stripe_error_as_json: bool = False
    # A visit of a priced type raises an invoice when it is booked, where the practice's `auto_invoicing` is on.
    booking_raises_invoice: bool = True
    credit_visit_raises_invoice: bool = False  # so does one that a credit was used for, as reported
    # A charge on an invoice settles it; else its status and what is due stay until staff set it.
    payments_settle_invoices: bool = True
    invoice_status_settable: bool = True  # else an invoice's status only follows its payments
    # User.stripe_customer_detail is the default card, else the newest one.
    user_shows_default_card: bool = True
    receipt_noted_at_once: bool = True  # else receipt_last_sent_at is as it was when the mutation answers
    bank_account_set_up: bool = True  # else no charge is possible
    charges_enabled: bool = True  # at Stripe; else it refuses every charge of the practice
    may_create_api_keys: bool = True  # the permission that Healthie grants on request
    names_without_email_unique: bool = False  # one patient without an email for each first and last name
    staff_booking_unarchives: bool = False  # a visit that staff book makes an archived patient active again
    # A list of patients without active_status holds the archived ones too.
    archived_users_unasked: bool = False
    named_tokens_single_use: bool = False  # `tok_visa` itself works once
    # 2026-10-01 keeps, as deprecated, what its example of a billing item lacks.
    gone_fields_remain: bool = False
    patients_read_form_requests: bool = False  # requestedFormCompletions answers a patient's key
    required_answers_checked: bool = False  # a form with a required question left open cannot be finished
    notification_defaults_reset: bool = False  # a notification setting that an update leaves out is reset
    eligibility_checks_enabled: bool = True  # the practice pays for checks of insurance

    digest_header_padded: bool = True  # a webhook's `Content-Digest` ends in the padding of Base64
    signed_digest_padded: bool = True  # so does the digest in what is signed
    # By type, the form of its instants instead of that in `dates.FORMS`.
    date_formats: dict[str, str] = dataclasses.field(default_factory=dict)

    def turn(self, given: Mapping[str, Any]) -> None:
        """Turn switches, all or none. Raises ValueError for a name or value that there is not."""
        there_are = {field.name for field in dataclasses.fields(self)}
        turned = {}
        for name, value in given.items():
            if name not in there_are:
                raise ValueError(f"unknown switch {name!r}; there are {', '.join(sorted(there_are))}")
            kind = type(getattr(self, name))
            wanted = list if kind is set else kind
            if not isinstance(value, wanted):
                raise ValueError(f"{name} is a {wanted.__name__}")  # noqa: TRY004 - a bad request, not a bug
            if isinstance(value, dict) and not all(each in WRITTEN for each in value.values()):
                raise ValueError(f"date_formats takes, by type, one of {', '.join(WRITTEN)}")
            turned[name] = kind(value)
        for name, value in turned.items():
            setattr(self, name, value)
