from typing import Optional, Union

from integrations.healthie.base import Base
from integrations.healthie.scalars import Json, Moment, write_moment

from .attach_card import AttachCard
from .automatic_charges import AutomaticCharges
from .available_days import AvailableDays
from .available_slots import AvailableSlots
from .base_model import UNSET, UnsetType
from .book import Book
from .booked_visit import BookedVisit
from .cancel_recurring import CancelRecurring
from .cancel_visit import CancelVisit
from .cancellation_reasons import CancellationReasons
from .cards import Cards
from .charge import Charge
from .close_invoice import CloseInvoice
from .coupons import Coupons
from .create_patient import CreatePatient
from .credit_changes import CreditChanges
from .credit_ledger import CreditLedger
from .credits_left import CreditsLeft
from .credits_of_patient import CreditsOfPatient
from .delete_visit import DeleteVisit
from .disputes_changed import DisputesChanged
from .enable_webhook import EnableWebhook
from .forms_changed import FormsChanged
from .group_visits_between import GroupVisitsBetween
from .hours_set import HoursSet
from .input_types import WebhookEventInput
from .invoice_by_id import InvoiceById
from .invoice_standing import InvoiceStanding
from .invoices_of_patient import InvoicesOfPatient
from .join_links import JoinLinks
from .lasting_coupons import LastingCoupons
from .latest_card_holders import LatestCardHolders
from .make_card_default import MakeCardDefault
from .membership_standing import MembershipStanding
from .memberships_of_patient import MembershipsOfPatient
from .more_appointment_types import MoreAppointmentTypes
from .more_locations import MoreLocations
from .more_members import MoreMembers
from .more_offerings import MoreOfferings
from .more_patients import MorePatients
from .move_visit import MoveVisit
from .packages_of_patient import PackagesOfPatient
from .patient import Patient
from .patients_by_email import PatientsByEmail
from .patients_by_name import PatientsByName
from .patients_changed import PatientsChanged
from .payment_by_id import PaymentById
from .payments_changed import PaymentsChanged
from .payments_of_client import PaymentsOfClient
from .payments_of_user import PaymentsOfUser
from .payments_since import PaymentsSince
from .permissions import Permissions
from .permissions_of_members import PermissionsOfMembers
from .plan_on_sale import PlanOnSale
from .public_catalog import PublicCatalog
from .receipt_by_id import ReceiptById
from .refund import Refund
from .remove_card import RemoveCard
from .send_receipt import SendReceipt
from .set_recurring_paused import SetRecurringPaused
from .subscribe_webhook import SubscribeWebhook
from .validate_coupon import ValidateCoupon
from .visit_as_it_stands import VisitAsItStands
from .visit_by_id import VisitById
from .visit_on_sale import VisitOnSale
from .visit_rules import VisitRules
from .visits_between import VisitsBetween
from .visits_changed import VisitsChanged
from .visits_of_patient import VisitsOfPatient
from .visits_standing import VisitsStanding
from .watched_availability import WatchedAvailability
from .watched_cards import WatchedCards
from .watched_dispute import WatchedDispute
from .watched_form import WatchedForm
from .watched_patient import WatchedPatient
from .watched_payment import WatchedPayment
from .watched_visit import WatchedVisit
from .webhook_attempts import WebhookAttempts
from .webhook_subscriptions import WebhookSubscriptions
from .who_am_i import WhoAmI


def gql(q: str) -> str:
    return q


class Client(Base):
    async def available_slots(
        self,
        *,
        provider_id: str,
        provider_ids: list[str],
        appt_type_id: str,
        contact_type: str,
        start_date: Moment,
        end_date: Moment,
        timezone: str,
        appt_loc_id: Union[Optional[str], UnsetType] = UNSET,
    ) -> AvailableSlots:
        query = gql("""
            query AvailableSlots($provider_id: ID!, $provider_ids: [ID!]!, $appt_type_id: ID!, $contact_type: String!, $appt_loc_id: ID, $start_date: ISO8601DateTime!, $end_date: ISO8601DateTime!, $timezone: String!) {
              availableSlotsForRange(
                provider_id: $provider_id
                provider_ids: $provider_ids
                org_level: true
                make_unique: false
                appt_type_id: $appt_type_id
                contact_type: $contact_type
                appt_loc_id: $appt_loc_id
                start_date: $start_date
                end_date: $end_date
                timezone: $timezone
              ) {
                user_id
                date
                length
                is_fully_booked
              }
            }
            """)
        variables: dict[str, object] = {
            "provider_id": provider_id,
            "provider_ids": provider_ids,
            "appt_type_id": appt_type_id,
            "contact_type": contact_type,
            "appt_loc_id": appt_loc_id,
            "start_date": write_moment(start_date),
            "end_date": write_moment(end_date),
            "timezone": timezone,
        }
        return await self.execute(
            AvailableSlots,
            query=query,
            operation_name="AvailableSlots",
            mutation=False,
            variables=variables,
        )

    async def available_days(
        self,
        *,
        provider_id: str,
        provider_ids: list[str],
        appt_type_id: str,
        contact_type: str,
        date_from_month: str,
        timezone: str,
        appt_loc_id: Union[Optional[str], UnsetType] = UNSET,
    ) -> AvailableDays:
        query = gql("""
            query AvailableDays($provider_id: String!, $provider_ids: [ID!]!, $appt_type_id: ID!, $contact_type: String!, $appt_loc_id: ID, $date_from_month: String!, $timezone: String!) {
              daysAvailableForRange(
                provider_id: $provider_id
                provider_ids: $provider_ids
                org_level: true
                appt_type_id: $appt_type_id
                contact_type: $contact_type
                appt_loc_id: $appt_loc_id
                date_from_month: $date_from_month
                timezone: $timezone
              )
            }
            """)
        variables: dict[str, object] = {
            "provider_id": provider_id,
            "provider_ids": provider_ids,
            "appt_type_id": appt_type_id,
            "contact_type": contact_type,
            "appt_loc_id": appt_loc_id,
            "date_from_month": date_from_month,
            "timezone": timezone,
        }
        return await self.execute(
            AvailableDays,
            query=query,
            operation_name="AvailableDays",
            mutation=False,
            variables=variables,
        )

    async def payment_by_id(self, *, id: str) -> PaymentById:
        query = gql("""
            query PaymentById($id: ID!) {
              billingItem(id: $id) {
                ...Payment
              }
            }

            fragment Payment on BillingItem {
              id
              state
              amount_paid
              net_payment
              currency
              refund_amount
              is_outside_payment
              stripe_charge_id
              card_last4
              note
              sender_id
              sender {
                stripe_customer_details {
                  id
                  last_four
                }
              }
              offering_id
              requested_payment_id
              created_at
              deleted_at
              recurring_payment {
                id
                is_canceled
                billing_frequency
              }
              user_package_selection {
                id
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            PaymentById,
            query=query,
            operation_name="PaymentById",
            mutation=False,
            variables=variables,
        )

    async def payments_since(
        self, *, patient_id: str, created_at_start: Moment
    ) -> PaymentsSince:
        query = gql("""
            query PaymentsSince($patient_id: ID!, $created_at_start: ISO8601DateTime!) {
              by_client: billingItems(
                client_id: $patient_id
                created_at_start: $created_at_start
                order_by: CREATED_AT_DESC
                first: 30
              ) {
                nodes {
                  ...Payment
                }
                page_info {
                  has_next_page
                }
              }
              by_user: billingItems(
                user_id: $patient_id
                created_at_start: $created_at_start
                order_by: CREATED_AT_DESC
                first: 30
              ) {
                nodes {
                  ...Payment
                }
                page_info {
                  has_next_page
                }
              }
            }

            fragment Payment on BillingItem {
              id
              state
              amount_paid
              net_payment
              currency
              refund_amount
              is_outside_payment
              stripe_charge_id
              card_last4
              note
              sender_id
              sender {
                stripe_customer_details {
                  id
                  last_four
                }
              }
              offering_id
              requested_payment_id
              created_at
              deleted_at
              recurring_payment {
                id
                is_canceled
                billing_frequency
              }
              user_package_selection {
                id
              }
            }
            """)
        variables: dict[str, object] = {
            "patient_id": patient_id,
            "created_at_start": write_moment(created_at_start),
        }
        return await self.execute(
            PaymentsSince,
            query=query,
            operation_name="PaymentsSince",
            mutation=False,
            variables=variables,
        )

    async def charge(
        self,
        *,
        sender_id: str,
        recipient_id: str,
        amount_paid: str,
        stripe_customer_detail_id: str,
        stripe_idempotency_key: str,
        note: str,
        offering_id: Union[Optional[str], UnsetType] = UNSET,
        offering_coupon_id: Union[Optional[str], UnsetType] = UNSET,
        requested_payment_id: Union[Optional[str], UnsetType] = UNSET,
    ) -> Charge:
        query = gql("""
            mutation Charge($sender_id: ID!, $recipient_id: ID!, $amount_paid: String!, $stripe_customer_detail_id: ID!, $stripe_idempotency_key: ID!, $note: String!, $offering_id: ID, $offering_coupon_id: ID, $requested_payment_id: ID) {
              createBillingItem(
                input: {sender_id: $sender_id, recipient_id: $recipient_id, amount_paid: $amount_paid, should_charge: true, stripe_customer_detail_id: $stripe_customer_detail_id, stripe_idempotency_key: $stripe_idempotency_key, note: $note, offering_id: $offering_id, offering_coupon_id: $offering_coupon_id, requested_payment_id: $requested_payment_id}
              ) {
                billingItem {
                  ...Payment
                }
                messages {
                  field
                  message
                }
                stripeError
              }
            }

            fragment Payment on BillingItem {
              id
              state
              amount_paid
              net_payment
              currency
              refund_amount
              is_outside_payment
              stripe_charge_id
              card_last4
              note
              sender_id
              sender {
                stripe_customer_details {
                  id
                  last_four
                }
              }
              offering_id
              requested_payment_id
              created_at
              deleted_at
              recurring_payment {
                id
                is_canceled
                billing_frequency
              }
              user_package_selection {
                id
              }
            }
            """)
        variables: dict[str, object] = {
            "sender_id": sender_id,
            "recipient_id": recipient_id,
            "amount_paid": amount_paid,
            "stripe_customer_detail_id": stripe_customer_detail_id,
            "stripe_idempotency_key": stripe_idempotency_key,
            "note": note,
            "offering_id": offering_id,
            "offering_coupon_id": offering_coupon_id,
            "requested_payment_id": requested_payment_id,
        }
        return await self.execute(
            Charge,
            query=query,
            operation_name="Charge",
            mutation=True,
            variables=variables,
        )

    async def refund(
        self, *, id: str, chosen_refund_amount: str, stripe_idempotency_key: str
    ) -> Refund:
        query = gql("""
            mutation Refund($id: ID!, $chosen_refund_amount: String!, $stripe_idempotency_key: ID!) {
              updateBillingItem(
                input: {id: $id, chosen_refund_amount: $chosen_refund_amount, stripe_idempotency_key: $stripe_idempotency_key}
              ) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {
            "id": id,
            "chosen_refund_amount": chosen_refund_amount,
            "stripe_idempotency_key": stripe_idempotency_key,
        }
        return await self.execute(
            Refund,
            query=query,
            operation_name="Refund",
            mutation=True,
            variables=variables,
        )

    async def cancel_recurring(self, *, billing_item_id: str) -> CancelRecurring:
        query = gql("""
            mutation CancelRecurring($billing_item_id: ID!) {
              cancelRecurringPayment(input: {billing_item_id: $billing_item_id}) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"billing_item_id": billing_item_id}
        return await self.execute(
            CancelRecurring,
            query=query,
            operation_name="CancelRecurring",
            mutation=True,
            variables=variables,
        )

    async def invoice_by_id(self, *, id: str) -> InvoiceById:
        query = gql("""
            query InvoiceById($id: ID!) {
              requestedPayment(id: $id) {
                ...Invoice
              }
            }

            fragment Invoice on RequestedPayment {
              id
              status
              paid_at
              price
              currency
              recipient_id
              appointment_id
              billing_items {
                id
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            InvoiceById,
            query=query,
            operation_name="InvoiceById",
            mutation=False,
            variables=variables,
        )

    async def close_invoice(self, *, id: str, status: str) -> CloseInvoice:
        query = gql("""
            mutation CloseInvoice($id: ID!, $status: String!) {
              updateRequestedPayment(input: {id: $id, status: $status}) {
                requested_payment {
                  ...Invoice
                }
                messages {
                  field
                  message
                }
              }
            }

            fragment Invoice on RequestedPayment {
              id
              status
              paid_at
              price
              currency
              recipient_id
              appointment_id
              billing_items {
                id
              }
            }
            """)
        variables: dict[str, object] = {"id": id, "status": status}
        return await self.execute(
            CloseInvoice,
            query=query,
            operation_name="CloseInvoice",
            mutation=True,
            variables=variables,
        )

    async def send_receipt(self, *, id: str) -> SendReceipt:
        query = gql("""
            mutation SendReceipt($id: ID!) {
              updateBillingItem(input: {id: $id, resend_receipt: true}) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            SendReceipt,
            query=query,
            operation_name="SendReceipt",
            mutation=True,
            variables=variables,
        )

    async def receipt_by_id(self, *, id: str) -> ReceiptById:
        query = gql("""
            query ReceiptById($id: ID!) {
              billingItem(id: $id) {
                ...Receipt
              }
              currentUser {
                default_currency
              }
            }

            fragment Receipt on BillingItem {
              id
              state
              sender_id
              created_at
              deleted_at
              amount_paid
              net_payment
              currency
              refund_amount
              refund_items {
                id
                refund_amount
                refund_date
                status
                currency
              }
              is_outside_payment
              stripe_charge_id
              card_brand
              card_last4
              shown_description
              offering_id
              requested_payment_id
              receipt_last_sent_at
              recurring_payment {
                id
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            ReceiptById,
            query=query,
            operation_name="ReceiptById",
            mutation=False,
            variables=variables,
        )

    async def cards(
        self, *, user_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> Cards:
        query = gql("""
            query Cards($user_id: ID!, $after: String) {
              stripeCustomerDetails(user_id: $user_id, first: 50, after: $after) {
                nodes {
                  ...CardOnFile
                }
                page_info {
                  ...More
                }
              }
              user(id: $user_id) {
                id
                stripe_customer_detail {
                  id
                }
              }
            }

            fragment CardOnFile on StripeCustomerDetail {
              id
              card_type
              last_four
              expiration
              source_status
              user_id
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"user_id": user_id, "after": after}
        return await self.execute(
            Cards,
            query=query,
            operation_name="Cards",
            mutation=False,
            variables=variables,
        )

    async def attach_card(
        self, *, token: str, user_id: str, is_default: bool
    ) -> AttachCard:
        query = gql("""
            mutation AttachCard($token: String!, $user_id: ID!, $is_default: Boolean!) {
              createStripeCustomerDetail(
                input: {token: $token, user_id: $user_id, is_default: $is_default, card_type_label: "personal"}
              ) {
                stripe_customer_detail {
                  ...CardOnFile
                }
                messages {
                  field
                  message
                }
                stripeError
              }
            }

            fragment CardOnFile on StripeCustomerDetail {
              id
              card_type
              last_four
              expiration
              source_status
              user_id
            }
            """)
        variables: dict[str, object] = {
            "token": token,
            "user_id": user_id,
            "is_default": is_default,
        }
        return await self.execute(
            AttachCard,
            query=query,
            operation_name="AttachCard",
            mutation=True,
            variables=variables,
        )

    async def remove_card(self, *, card_id: str, user_id: str) -> RemoveCard:
        query = gql("""
            mutation RemoveCard($card_id: ID!, $user_id: ID!) {
              deleteStripeCustomerDetail(input: {card_id: $card_id, user_id: $user_id}) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"card_id": card_id, "user_id": user_id}
        return await self.execute(
            RemoveCard,
            query=query,
            operation_name="RemoveCard",
            mutation=True,
            variables=variables,
        )

    async def make_card_default(self, *, id: str, user_id: str) -> MakeCardDefault:
        query = gql("""
            mutation MakeCardDefault($id: ID!, $user_id: ID!) {
              updateStripeCustomerDetail(
                input: {id: $id, user_id: $user_id, is_default: true}
              ) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id, "user_id": user_id}
        return await self.execute(
            MakeCardDefault,
            query=query,
            operation_name="MakeCardDefault",
            mutation=True,
            variables=variables,
        )

    async def plan_on_sale(self, *, id: str) -> PlanOnSale:
        query = gql("""
            query PlanOnSale($id: ID!) {
              offering(id: $id) {
                ...Package
              }
              currentUser {
                default_currency
              }
            }

            fragment Package on Offering {
              id
              name
              description
              price
              initial_payment_amount
              initial_price_with_taxes
              currency
              billing_frequency
              repeat_times
              archived
              show_offering
              visibility_status
              under_purchase_cap
              offering_includes {
                appointment_type_id
                quantity
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            PlanOnSale,
            query=query,
            operation_name="PlanOnSale",
            mutation=False,
            variables=variables,
        )

    async def visit_on_sale(self, *, id: str) -> VisitOnSale:
        query = gql("""
            query VisitOnSale($id: ID!) {
              appointmentType(id: $id) {
                ...VisitKind
              }
              currentUser {
                default_currency
              }
            }

            fragment VisitKind on AppointmentType {
              id
              name
              client_facing_display_name
              client_display_description
              length
              clients_can_book
              deleted_at
              is_group
              is_waitlist_enabled
              bookable_by_groups
              available_contact_types
              pricing_info {
                price
              }
              require_specific_providers
              provider_appt_type_connections {
                user_id
              }
              has_specific_appointment_settings
              appointment_setting {
                minimum_advance_schedule_time
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            VisitOnSale,
            query=query,
            operation_name="VisitOnSale",
            mutation=False,
            variables=variables,
        )

    async def public_catalog(self) -> PublicCatalog:
        query = gql("""
            query PublicCatalog {
              offerings(only_client_visible: true, show_only_visible: true, first: 30) {
                nodes {
                  ...Package
                }
                page_info {
                  ...More
                }
              }
              appointmentTypes(clients_can_book: true, org_level: true, first: 30) {
                nodes {
                  ...VisitKind
                }
                page_info {
                  ...More
                }
              }
              organizationMembers(first: 30) {
                nodes {
                  ...Member
                }
                page_info {
                  ...More
                }
              }
              appointmentLocations(org_level: true, first: 30) {
                nodes {
                  ...Place
                }
                page_info {
                  ...More
                }
              }
              currentUser {
                default_currency
                appointment_setting {
                  minimum_advance_schedule_time
                  minimum_advance_cancel_time
                  late_cancellation_fee
                  no_show_fee
                }
              }
            }

            fragment Member on User {
              id
              full_name
              first_name
              last_name
              qualifications
              timezone
              active
              state_licenses {
                state
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Package on Offering {
              id
              name
              description
              price
              initial_payment_amount
              initial_price_with_taxes
              currency
              billing_frequency
              repeat_times
              archived
              show_offering
              visibility_status
              under_purchase_cap
              offering_includes {
                appointment_type_id
                quantity
              }
            }

            fragment Place on AppointmentLocation {
              id
              location
              clients_can_book
            }

            fragment VisitKind on AppointmentType {
              id
              name
              client_facing_display_name
              client_display_description
              length
              clients_can_book
              deleted_at
              is_group
              is_waitlist_enabled
              bookable_by_groups
              available_contact_types
              pricing_info {
                price
              }
              require_specific_providers
              provider_appt_type_connections {
                user_id
              }
              has_specific_appointment_settings
              appointment_setting {
                minimum_advance_schedule_time
              }
            }
            """)
        variables: dict[str, object] = {}
        return await self.execute(
            PublicCatalog,
            query=query,
            operation_name="PublicCatalog",
            mutation=False,
            variables=variables,
        )

    async def more_offerings(self, *, after: str) -> MoreOfferings:
        query = gql("""
            query MoreOfferings($after: String!) {
              offerings(
                only_client_visible: true
                show_only_visible: true
                first: 50
                after: $after
              ) {
                nodes {
                  ...Package
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Package on Offering {
              id
              name
              description
              price
              initial_payment_amount
              initial_price_with_taxes
              currency
              billing_frequency
              repeat_times
              archived
              show_offering
              visibility_status
              under_purchase_cap
              offering_includes {
                appointment_type_id
                quantity
              }
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            MoreOfferings,
            query=query,
            operation_name="MoreOfferings",
            mutation=False,
            variables=variables,
        )

    async def more_appointment_types(self, *, after: str) -> MoreAppointmentTypes:
        query = gql("""
            query MoreAppointmentTypes($after: String!) {
              appointmentTypes(
                clients_can_book: true
                org_level: true
                first: 50
                after: $after
              ) {
                nodes {
                  ...VisitKind
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment VisitKind on AppointmentType {
              id
              name
              client_facing_display_name
              client_display_description
              length
              clients_can_book
              deleted_at
              is_group
              is_waitlist_enabled
              bookable_by_groups
              available_contact_types
              pricing_info {
                price
              }
              require_specific_providers
              provider_appt_type_connections {
                user_id
              }
              has_specific_appointment_settings
              appointment_setting {
                minimum_advance_schedule_time
              }
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            MoreAppointmentTypes,
            query=query,
            operation_name="MoreAppointmentTypes",
            mutation=False,
            variables=variables,
        )

    async def more_members(self, *, after: str) -> MoreMembers:
        query = gql("""
            query MoreMembers($after: String!) {
              organizationMembers(first: 50, after: $after) {
                nodes {
                  ...Member
                }
                page_info {
                  ...More
                }
              }
            }

            fragment Member on User {
              id
              full_name
              first_name
              last_name
              qualifications
              timezone
              active
              state_licenses {
                state
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            MoreMembers,
            query=query,
            operation_name="MoreMembers",
            mutation=False,
            variables=variables,
        )

    async def more_locations(self, *, after: str) -> MoreLocations:
        query = gql("""
            query MoreLocations($after: String!) {
              appointmentLocations(org_level: true, first: 50, after: $after) {
                nodes {
                  ...Place
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Place on AppointmentLocation {
              id
              location
              clients_can_book
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            MoreLocations,
            query=query,
            operation_name="MoreLocations",
            mutation=False,
            variables=variables,
        )

    async def automatic_charges(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> AutomaticCharges:
        query = gql("""
            query AutomaticCharges($after: String) {
              currentUser {
                appointment_setting {
                  ...AutomaticCharging
                }
              }
              appointmentTypes(
                clients_can_book: true
                org_level: true
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  insurance_billing_enabled
                  has_specific_appointment_settings
                  appointment_setting {
                    ...AutomaticCharging
                  }
                }
                page_info {
                  ...More
                }
              }
            }

            fragment AutomaticCharging on AppointmentSetting {
              auto_schedule_charges_for_late_cancellation_no_show
              charge_for_occurred_appts
              late_cancellation_fee
              no_show_fee
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            AutomaticCharges,
            query=query,
            operation_name="AutomaticCharges",
            mutation=False,
            variables=variables,
        )

    async def group_visits_between(
        self,
        *,
        start_date: Moment,
        end_date: Moment,
        type_ids: Union[Optional[list[Optional[str]]], UnsetType] = UNSET,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> GroupVisitsBetween:
        query = gql("""
            query GroupVisitsBetween($type_ids: [ID], $start_date: ISO8601DateTime!, $end_date: ISO8601DateTime!, $after: String) {
              appointments(
                filter_by_appointment_type_ids: $type_ids
                startDate: $start_date
                endDate: $end_date
                filter: "all"
                is_active: true
                is_org: true
                order_by: DATE_ASC
                first: 50
                after: $after
              ) {
                nodes {
                  ...GroupVisit
                }
                page_info {
                  ...More
                }
              }
            }

            fragment GroupVisit on Appointment {
              id
              date
              length
              contact_type
              appointment_location_id
              pm_status
              is_group
              max_attendees
              provider {
                id
              }
              appointment_type {
                id
              }
              attended_clients {
                cancelled
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {
            "type_ids": type_ids,
            "start_date": write_moment(start_date),
            "end_date": write_moment(end_date),
            "after": after,
        }
        return await self.execute(
            GroupVisitsBetween,
            query=query,
            operation_name="GroupVisitsBetween",
            mutation=False,
            variables=variables,
        )

    async def who_am_i(self) -> WhoAmI:
        query = gql("""
            query WhoAmI {
              currentUser {
                id
              }
            }
            """)
        variables: dict[str, object] = {}
        return await self.execute(
            WhoAmI,
            query=query,
            operation_name="WhoAmI",
            mutation=False,
            variables=variables,
        )

    async def permissions(self) -> Permissions:
        query = gql("""
            query Permissions {
              currentUser {
                id
                is_owner
                organization_membership {
                  ...Permitted
                }
              }
            }

            fragment Permitted on OrganizationMembership {
              can_add_clients
              can_add_own_appointments
              can_charge_clients
              can_edit_calendar
              can_see_billing
              can_see_calendar
              can_see_clients
              is_developer
              sees_all_billing
              sees_all_clients
            }
            """)
        variables: dict[str, object] = {}
        return await self.execute(
            Permissions,
            query=query,
            operation_name="Permissions",
            mutation=False,
            variables=variables,
        )

    async def permissions_of_members(
        self,
        *,
        user_ids: Union[Optional[list[Optional[str]]], UnsetType] = UNSET,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> PermissionsOfMembers:
        query = gql("""
            query PermissionsOfMembers($user_ids: [ID], $after: String) {
              organizationMemberships(user_ids: $user_ids, first: 50, after: $after) {
                nodes {
                  user {
                    id
                    is_owner
                  }
                  ...Permitted
                }
                page_info {
                  has_next_page
                  end_cursor
                }
              }
            }

            fragment Permitted on OrganizationMembership {
              can_add_clients
              can_add_own_appointments
              can_charge_clients
              can_edit_calendar
              can_see_billing
              can_see_calendar
              can_see_clients
              is_developer
              sees_all_billing
              sees_all_clients
            }
            """)
        variables: dict[str, object] = {"user_ids": user_ids, "after": after}
        return await self.execute(
            PermissionsOfMembers,
            query=query,
            operation_name="PermissionsOfMembers",
            mutation=False,
            variables=variables,
        )

    async def membership_standing(self, *, id: str) -> MembershipStanding:
        query = gql("""
            query MembershipStanding($id: ID!) {
              recurringPayment(id: $id) {
                id
                is_canceled
                is_paused
                paused_at
                next_restart_payment_date
                next_payment_date
                has_next_payment_date
                payments_remaining
                amount_to_pay
                offering_name
                sender_id
                recipient_id
                last_billing_item {
                  id
                  sender_id
                  currency
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            MembershipStanding,
            query=query,
            operation_name="MembershipStanding",
            mutation=False,
            variables=variables,
        )

    async def set_recurring_paused(
        self, *, id: str, is_paused: bool
    ) -> SetRecurringPaused:
        query = gql("""
            mutation SetRecurringPaused($id: ID!, $is_paused: Boolean!) {
              updateBillingItem(input: {id: $id, is_paused: $is_paused}) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id, "is_paused": is_paused}
        return await self.execute(
            SetRecurringPaused,
            query=query,
            operation_name="SetRecurringPaused",
            mutation=True,
            variables=variables,
        )

    async def patients_by_email(self, *, keywords: str) -> PatientsByEmail:
        query = gql("""
            query PatientsByEmail($keywords: String!) {
              active: users(
                keywords: $keywords
                active_status: "active"
                order_by: CREATED_AT_DESC
                first: 50
              ) {
                nodes {
                  ...PatientSearched
                }
                page_info {
                  ...More
                }
              }
              archived: users(
                keywords: $keywords
                active_status: "archived"
                order_by: CREATED_AT_DESC
                first: 50
              ) {
                nodes {
                  ...PatientSearched
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment PatientFound on User {
              id
              email
              first_name
              last_name
              metadata
            }

            fragment PatientSearched on User {
              ...PatientFound
              created_at
            }
            """)
        variables: dict[str, object] = {"keywords": keywords}
        return await self.execute(
            PatientsByEmail,
            query=query,
            operation_name="PatientsByEmail",
            mutation=False,
            variables=variables,
        )

    async def patients_by_name(self, *, keywords: str) -> PatientsByName:
        query = gql("""
            query PatientsByName($keywords: String!) {
              active: users(
                keywords: $keywords
                active_status: "active"
                order_by: CREATED_AT_DESC
                first: 50
              ) {
                nodes {
                  ...PatientSearched
                }
                page_info {
                  ...More
                }
              }
              archived: users(
                keywords: $keywords
                active_status: "archived"
                order_by: CREATED_AT_DESC
                first: 50
              ) {
                nodes {
                  ...PatientSearched
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment PatientFound on User {
              id
              email
              first_name
              last_name
              metadata
            }

            fragment PatientSearched on User {
              ...PatientFound
              created_at
            }
            """)
        variables: dict[str, object] = {"keywords": keywords}
        return await self.execute(
            PatientsByName,
            query=query,
            operation_name="PatientsByName",
            mutation=False,
            variables=variables,
        )

    async def more_patients(
        self,
        *,
        keywords: str,
        active_status: str,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> MorePatients:
        query = gql("""
            query MorePatients($keywords: String!, $active_status: String!, $after: String) {
              users(
                keywords: $keywords
                active_status: $active_status
                order_by: CREATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  ...PatientSearched
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment PatientFound on User {
              id
              email
              first_name
              last_name
              metadata
            }

            fragment PatientSearched on User {
              ...PatientFound
              created_at
            }
            """)
        variables: dict[str, object] = {
            "keywords": keywords,
            "active_status": active_status,
            "after": after,
        }
        return await self.execute(
            MorePatients,
            query=query,
            operation_name="MorePatients",
            mutation=False,
            variables=variables,
        )

    async def patient(self, *, id: str) -> Patient:
        query = gql("""
            query Patient($id: ID!) {
              user(id: $id) {
                ...PatientFound
                timezone
                dietitian_id
                is_patient
              }
            }

            fragment PatientFound on User {
              id
              email
              first_name
              last_name
              metadata
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            Patient,
            query=query,
            operation_name="Patient",
            mutation=False,
            variables=variables,
        )

    async def create_patient(
        self,
        *,
        first_name: str,
        last_name: str,
        dietitian_id: Union[Optional[str], UnsetType] = UNSET,
        email: Union[Optional[str], UnsetType] = UNSET,
        skipped_email: Union[Optional[bool], UnsetType] = UNSET,
        phone_number: Union[Optional[str], UnsetType] = UNSET,
        dob: Union[Optional[str], UnsetType] = UNSET,
        timezone: Union[Optional[str], UnsetType] = UNSET,
        metadata: Union[Optional[str], UnsetType] = UNSET,
    ) -> CreatePatient:
        query = gql("""
            mutation CreatePatient($dietitian_id: String, $email: String, $skipped_email: Boolean, $first_name: String!, $last_name: String!, $phone_number: String, $dob: String, $timezone: String, $metadata: String) {
              createClient(
                input: {dietitian_id: $dietitian_id, email: $email, skipped_email: $skipped_email, first_name: $first_name, last_name: $last_name, phone_number: $phone_number, dob: $dob, timezone: $timezone, metadata: $metadata, dont_send_welcome: true}
              ) {
                user {
                  ...PatientFound
                }
                messages {
                  field
                  message
                }
              }
            }

            fragment PatientFound on User {
              id
              email
              first_name
              last_name
              metadata
            }
            """)
        variables: dict[str, object] = {
            "dietitian_id": dietitian_id,
            "email": email,
            "skipped_email": skipped_email,
            "first_name": first_name,
            "last_name": last_name,
            "phone_number": phone_number,
            "dob": dob,
            "timezone": timezone,
            "metadata": metadata,
        }
        return await self.execute(
            CreatePatient,
            query=query,
            operation_name="CreatePatient",
            mutation=True,
            variables=variables,
        )

    async def validate_coupon(
        self, *, coupon_code: str, offering_id: str
    ) -> ValidateCoupon:
        query = gql("""
            query ValidateCoupon($coupon_code: String!, $offering_id: ID!) {
              validateCoupon(coupon_code: $coupon_code, offering_id: $offering_id) {
                fail_reason
                new_price
                new_first_price
                first_amount
                repeat_times
              }
            }
            """)
        variables: dict[str, object] = {
            "coupon_code": coupon_code,
            "offering_id": offering_id,
        }
        return await self.execute(
            ValidateCoupon,
            query=query,
            operation_name="ValidateCoupon",
            mutation=False,
            variables=variables,
        )

    async def coupons(
        self,
        *,
        keywords: str,
        offering_id: str,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> Coupons:
        query = gql("""
            query Coupons($keywords: String!, $offering_id: ID!, $after: String) {
              offeringCoupons(
                keywords: $keywords
                offering_id: $offering_id
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  code
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {
            "keywords": keywords,
            "offering_id": offering_id,
            "after": after,
        }
        return await self.execute(
            Coupons,
            query=query,
            operation_name="Coupons",
            mutation=False,
            variables=variables,
        )

    async def lasting_coupons(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> LastingCoupons:
        query = gql("""
            query LastingCoupons($after: String) {
              offeringCoupons(first: 50, after: $after) {
                nodes {
                  id
                  repeat_times
                  is_valid
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            LastingCoupons,
            query=query,
            operation_name="LastingCoupons",
            mutation=False,
            variables=variables,
        )

    async def packages_of_patient(
        self, *, user_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> PackagesOfPatient:
        query = gql("""
            query PackagesOfPatient($user_id: ID!, $after: String) {
              userPackageSelections(user_id: $user_id, first: 50, after: $after) {
                nodes {
                  ...BoughtPackage
                }
                page_info {
                  ...More
                }
              }
              currentUser {
                default_currency
              }
            }

            fragment BoughtPackage on UserPackageSelection {
              id
              created_at
              billing_item_id
              requested_payment_id
              initial_price_with_offering_coupon
              user {
                id
              }
              recurring_payment {
                id
              }
              offering {
                id
                name
                currency
                offering_includes {
                  appointment_type_id
                  appointment_type {
                    id
                    name
                  }
                  quantity
                  is_repeating
                  expires_in
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"user_id": user_id, "after": after}
        return await self.execute(
            PackagesOfPatient,
            query=query,
            operation_name="PackagesOfPatient",
            mutation=False,
            variables=variables,
        )

    async def credits_of_patient(self, *, user_id: str) -> CreditsOfPatient:
        query = gql("""
            query CreditsOfPatient($user_id: ID!) {
              user(id: $user_id) {
                id
                appointment_type_credits {
                  appointment_type_id
                  appointment_type {
                    id
                    name
                  }
                  quantity
                  user_id
                }
              }
            }
            """)
        variables: dict[str, object] = {"user_id": user_id}
        return await self.execute(
            CreditsOfPatient,
            query=query,
            operation_name="CreditsOfPatient",
            mutation=False,
            variables=variables,
        )

    async def credit_ledger(
        self,
        *,
        user_id: str,
        appointment_type_id: str,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> CreditLedger:
        query = gql("""
            query CreditLedger($user_id: ID!, $appointment_type_id: ID!, $after: String) {
              appointmentTypeCreditChanges(
                user_id: $user_id
                appointment_type_id: $appointment_type_id
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  created_at
                  credit_quantity
                  appointment {
                    id
                    user {
                      id
                    }
                  }
                  offering {
                    id
                  }
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {
            "user_id": user_id,
            "appointment_type_id": appointment_type_id,
            "after": after,
        }
        return await self.execute(
            CreditLedger,
            query=query,
            operation_name="CreditLedger",
            mutation=False,
            variables=variables,
        )

    async def memberships_of_patient(
        self, *, user_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> MembershipsOfPatient:
        query = gql("""
            query MembershipsOfPatient($user_id: ID!, $after: String) {
              recurringPayments(user_id: $user_id, first: 50, after: $after) {
                nodes {
                  ...Series
                }
                page_info {
                  ...More
                }
              }
              currentUser {
                default_currency
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Series on RecurringPayment {
              id
              sender_id
              created_at
              start_at
              offering_id
              offering_name
              billing_frequency
              amount_to_pay
              next_payment_date
              next_restart_payment_date
              payments_remaining
              is_canceled
              canceled_at
              is_paused
              paused_at
              last_billing_item {
                id
                currency
              }
            }
            """)
        variables: dict[str, object] = {"user_id": user_id, "after": after}
        return await self.execute(
            MembershipsOfPatient,
            query=query,
            operation_name="MembershipsOfPatient",
            mutation=False,
            variables=variables,
        )

    async def payments_of_client(
        self, *, patient_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> PaymentsOfClient:
        query = gql("""
            query PaymentsOfClient($patient_id: ID!, $after: String) {
              billingItems(
                client_id: $patient_id
                order_by: CREATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  ...Receipt
                }
                page_info {
                  ...More
                }
              }
              currentUser {
                default_currency
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Receipt on BillingItem {
              id
              state
              sender_id
              created_at
              deleted_at
              amount_paid
              net_payment
              currency
              refund_amount
              refund_items {
                id
                refund_amount
                refund_date
                status
                currency
              }
              is_outside_payment
              stripe_charge_id
              card_brand
              card_last4
              shown_description
              offering_id
              requested_payment_id
              receipt_last_sent_at
              recurring_payment {
                id
              }
            }
            """)
        variables: dict[str, object] = {"patient_id": patient_id, "after": after}
        return await self.execute(
            PaymentsOfClient,
            query=query,
            operation_name="PaymentsOfClient",
            mutation=False,
            variables=variables,
        )

    async def payments_of_user(
        self, *, patient_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> PaymentsOfUser:
        query = gql("""
            query PaymentsOfUser($patient_id: ID!, $after: String) {
              billingItems(
                user_id: $patient_id
                order_by: CREATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  ...Receipt
                }
                page_info {
                  ...More
                }
              }
              currentUser {
                default_currency
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Receipt on BillingItem {
              id
              state
              sender_id
              created_at
              deleted_at
              amount_paid
              net_payment
              currency
              refund_amount
              refund_items {
                id
                refund_amount
                refund_date
                status
                currency
              }
              is_outside_payment
              stripe_charge_id
              card_brand
              card_last4
              shown_description
              offering_id
              requested_payment_id
              receipt_last_sent_at
              recurring_payment {
                id
              }
            }
            """)
        variables: dict[str, object] = {"patient_id": patient_id, "after": after}
        return await self.execute(
            PaymentsOfUser,
            query=query,
            operation_name="PaymentsOfUser",
            mutation=False,
            variables=variables,
        )

    async def invoices_of_patient(
        self, *, patient_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> InvoicesOfPatient:
        query = gql("""
            query InvoicesOfPatient($patient_id: ID!, $after: String) {
              requestedPayments(sender_id: $patient_id, first: 50, after: $after) {
                nodes {
                  ...OwedInvoice
                }
                page_info {
                  ...More
                }
              }
              currentUser {
                default_currency
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment OwedInvoice on RequestedPayment {
              id
              invoice_id
              status
              price
              balance_due
              currency
              created_at
              paid_at
              service_date
              services_provided
              is_preview
              is_manually_paid
              recipient_id
              sender_id
              appointment_id
              offering_id
              offering {
                id
                name
                billing_frequency
              }
              billing_items(only_successful: true) {
                id
              }
            }
            """)
        variables: dict[str, object] = {"patient_id": patient_id, "after": after}
        return await self.execute(
            InvoicesOfPatient,
            query=query,
            operation_name="InvoicesOfPatient",
            mutation=False,
            variables=variables,
        )

    async def invoice_standing(self, *, id: str) -> InvoiceStanding:
        query = gql("""
            query InvoiceStanding($id: ID!) {
              requestedPayment(id: $id) {
                ...OwedInvoice
              }
              currentUser {
                default_currency
              }
            }

            fragment OwedInvoice on RequestedPayment {
              id
              invoice_id
              status
              price
              balance_due
              currency
              created_at
              paid_at
              service_date
              services_provided
              is_preview
              is_manually_paid
              recipient_id
              sender_id
              appointment_id
              offering_id
              offering {
                id
                name
                billing_frequency
              }
              billing_items(only_successful: true) {
                id
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            InvoiceStanding,
            query=query,
            operation_name="InvoiceStanding",
            mutation=False,
            variables=variables,
        )

    async def watched_visit(self, *, id: str) -> WatchedVisit:
        query = gql("""
            query WatchedVisit($id: ID!) {
              appointment(id: $id, include_deleted: true) {
                id
                date
                length
                pm_status
                pm_status_changed_at
                pm_status_last_changed_by_id
                last_updated_by_id
                metadata
                created_at
                updated_at
                deleted_at
                provider {
                  id
                }
                user {
                  id
                }
                appointment_type {
                  id
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            WatchedVisit,
            query=query,
            operation_name="WatchedVisit",
            mutation=False,
            variables=variables,
        )

    async def watched_payment(self, *, id: str) -> WatchedPayment:
        query = gql("""
            query WatchedPayment($id: ID!) {
              billingItem(id: $id) {
                id
                state
                note
                refund_amount
                sender_id
                created_at
                updated_at
                deleted_at
                charge_backs {
                  id
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            WatchedPayment,
            query=query,
            operation_name="WatchedPayment",
            mutation=False,
            variables=variables,
        )

    async def watched_dispute(self, *, id: str) -> WatchedDispute:
        query = gql("""
            query WatchedDispute($id: ID!) {
              chargeBack(id: $id) {
                id
                status
                created_at
                updated_at
                billing_item {
                  id
                  sender_id
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            WatchedDispute,
            query=query,
            operation_name="WatchedDispute",
            mutation=False,
            variables=variables,
        )

    async def watched_patient(self, *, id: str) -> WatchedPatient:
        query = gql("""
            query WatchedPatient($id: ID!) {
              user(id: $id) {
                id
                active
                first_name
                last_name
                email
                phone_number
                dob
                timezone
                dietitian_id
                created_at
                updated_at
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            WatchedPatient,
            query=query,
            operation_name="WatchedPatient",
            mutation=False,
            variables=variables,
        )

    async def watched_form(self, *, id: str) -> WatchedForm:
        query = gql("""
            query WatchedForm($id: ID!) {
              formAnswerGroup(id: $id) {
                id
                finished
                user_id
                created_at
                updated_at
                deleted_at
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            WatchedForm,
            query=query,
            operation_name="WatchedForm",
            mutation=False,
            variables=variables,
        )

    async def watched_cards(
        self, *, user_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> WatchedCards:
        query = gql("""
            query WatchedCards($user_id: ID!, $after: String) {
              stripeCustomerDetails(user_id: $user_id, first: 50, after: $after) {
                nodes {
                  id
                  user_id
                  created_at
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"user_id": user_id, "after": after}
        return await self.execute(
            WatchedCards,
            query=query,
            operation_name="WatchedCards",
            mutation=False,
            variables=variables,
        )

    async def latest_card_holders(self) -> LatestCardHolders:
        query = gql("""
            query LatestCardHolders {
              active: users(
                has_cc_on_file: true
                active_status: "active"
                order_by: UPDATED_AT_DESC
                first: 50
              ) {
                nodes {
                  ...CardHolder
                }
              }
              archived: users(
                has_cc_on_file: true
                active_status: "archived"
                order_by: UPDATED_AT_DESC
                first: 50
              ) {
                nodes {
                  ...CardHolder
                }
              }
            }

            fragment CardHolder on User {
              id
              stripe_customer_details {
                id
                created_at
              }
            }
            """)
        variables: dict[str, object] = {}
        return await self.execute(
            LatestCardHolders,
            query=query,
            operation_name="LatestCardHolders",
            mutation=False,
            variables=variables,
        )

    async def watched_availability(self, *, id: str) -> WatchedAvailability:
        query = gql("""
            query WatchedAvailability($id: ID!) {
              availability(id: $id) {
                id
                user_id
                range_start
                range_end
                is_repeating
                day_of_week
                end_on
                timezone
                contact_type_id
                appointment_type_id
                appointment_location_id
                created_at
                updated_at
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            WatchedAvailability,
            query=query,
            operation_name="WatchedAvailability",
            mutation=False,
            variables=variables,
        )

    async def visits_changed(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> VisitsChanged:
        query = gql("""
            query VisitsChanged($after: String) {
              appointments(
                filter: "all"
                with_all_statuses: true
                is_org: true
                order_by: UPDATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  updated_at
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            VisitsChanged,
            query=query,
            operation_name="VisitsChanged",
            mutation=False,
            variables=variables,
        )

    async def visits_standing(
        self,
        *,
        start_date: Moment,
        end_date: Moment,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> VisitsStanding:
        query = gql("""
            query VisitsStanding($start_date: ISO8601DateTime!, $end_date: ISO8601DateTime!, $after: String) {
              appointments(
                startDate: $start_date
                endDate: $end_date
                filter: "all"
                with_all_statuses: true
                is_org: true
                first: 100
                after: $after
              ) {
                nodes {
                  id
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {
            "start_date": write_moment(start_date),
            "end_date": write_moment(end_date),
            "after": after,
        }
        return await self.execute(
            VisitsStanding,
            query=query,
            operation_name="VisitsStanding",
            mutation=False,
            variables=variables,
        )

    async def patients_changed(
        self, *, active_status: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> PatientsChanged:
        query = gql("""
            query PatientsChanged($active_status: String!, $after: String) {
              users(
                active_status: $active_status
                order_by: UPDATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  ...CardHolder
                  updated_at
                }
                page_info {
                  ...More
                }
              }
            }

            fragment CardHolder on User {
              id
              stripe_customer_details {
                id
                created_at
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"active_status": active_status, "after": after}
        return await self.execute(
            PatientsChanged,
            query=query,
            operation_name="PatientsChanged",
            mutation=False,
            variables=variables,
        )

    async def payments_changed(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> PaymentsChanged:
        query = gql("""
            query PaymentsChanged($after: String) {
              billingItems(order_by: UPDATED_AT_DESC, first: 50, after: $after) {
                nodes {
                  id
                  updated_at
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            PaymentsChanged,
            query=query,
            operation_name="PaymentsChanged",
            mutation=False,
            variables=variables,
        )

    async def forms_changed(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> FormsChanged:
        query = gql("""
            query FormsChanged($after: String) {
              formAnswerGroups(
                include_group_notes: true
                order_by: UPDATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  updated_at
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            FormsChanged,
            query=query,
            operation_name="FormsChanged",
            mutation=False,
            variables=variables,
        )

    async def disputes_changed(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> DisputesChanged:
        query = gql("""
            query DisputesChanged($after: String) {
              chargeBacks(
                show_all_for_org: true
                order_by: UPDATED_AT_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  updated_at
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            DisputesChanged,
            query=query,
            operation_name="DisputesChanged",
            mutation=False,
            variables=variables,
        )

    async def hours_set(self, *, first: Moment, last: Moment) -> HoursSet:
        query = gql("""
            query HoursSet($first: ISO8601DateTime!, $last: ISO8601DateTime!) {
              once: availabilities(
                is_org: true
                show_availability: true
                one_time: true
                startDate: $first
              ) {
                id
                updated_at
              }
              weekly: availabilities(
                is_org: true
                show_availability: true
                is_repeating: true
                startDate: $first
                endDate: $last
              ) {
                id
                repeating_availability_id
                updated_at
              }
            }
            """)
        variables: dict[str, object] = {
            "first": write_moment(first),
            "last": write_moment(last),
        }
        return await self.execute(
            HoursSet,
            query=query,
            operation_name="HoursSet",
            mutation=False,
            variables=variables,
        )

    async def visit_by_id(self, *, id: str, include_deleted: bool) -> VisitById:
        query = gql("""
            query VisitById($id: ID!, $include_deleted: Boolean!) {
              appointment(id: $id, include_deleted: $include_deleted) {
                ...Visit
              }
            }

            fragment Visit on Appointment {
              id
              date
              length
              contact_type
              appointment_location_id
              pm_status
              deleted_at
              metadata
              provider {
                id
                full_name
              }
              user {
                id
              }
              appointment_type {
                id
                name
              }
              requested_payment {
                id
                status
                paid_at
                price
                currency
              }
            }
            """)
        variables: dict[str, object] = {"id": id, "include_deleted": include_deleted}
        return await self.execute(
            VisitById,
            query=query,
            operation_name="VisitById",
            mutation=False,
            variables=variables,
        )

    async def visit_as_it_stands(self, *, id: str) -> VisitAsItStands:
        query = gql("""
            query VisitAsItStands($id: ID!) {
              appointment(id: $id, include_deleted: true) {
                ...Visit
                updated_at
              }
            }

            fragment Visit on Appointment {
              id
              date
              length
              contact_type
              appointment_location_id
              pm_status
              deleted_at
              metadata
              provider {
                id
                full_name
              }
              user {
                id
              }
              appointment_type {
                id
                name
              }
              requested_payment {
                id
                status
                paid_at
                price
                currency
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            VisitAsItStands,
            query=query,
            operation_name="VisitAsItStands",
            mutation=False,
            variables=variables,
        )

    async def visits_of_patient(
        self, *, user_id: str, after: Union[Optional[str], UnsetType] = UNSET
    ) -> VisitsOfPatient:
        query = gql("""
            query VisitsOfPatient($user_id: ID!, $after: String) {
              appointments(
                user_id: $user_id
                filter: "all"
                with_all_statuses: true
                is_org: true
                order_by: DATE_DESC
                first: 50
                after: $after
              ) {
                nodes {
                  ...Visit
                  is_group
                  attended_clients {
                    cancelled
                    user {
                      id
                    }
                  }
                  attendees_on_waitlist {
                    id
                  }
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Visit on Appointment {
              id
              date
              length
              contact_type
              appointment_location_id
              pm_status
              deleted_at
              metadata
              provider {
                id
                full_name
              }
              user {
                id
              }
              appointment_type {
                id
                name
              }
              requested_payment {
                id
                status
                paid_at
                price
                currency
              }
            }
            """)
        variables: dict[str, object] = {"user_id": user_id, "after": after}
        return await self.execute(
            VisitsOfPatient,
            query=query,
            operation_name="VisitsOfPatient",
            mutation=False,
            variables=variables,
        )

    async def visits_between(
        self,
        *,
        user_id: str,
        start_date: Moment,
        end_date: Moment,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> VisitsBetween:
        query = gql("""
            query VisitsBetween($user_id: ID!, $start_date: ISO8601DateTime!, $end_date: ISO8601DateTime!, $after: String) {
              appointments(
                user_id: $user_id
                startDate: $start_date
                endDate: $end_date
                filter: "all"
                with_all_statuses: true
                is_org: true
                first: 50
                after: $after
              ) {
                nodes {
                  ...Visit
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Visit on Appointment {
              id
              date
              length
              contact_type
              appointment_location_id
              pm_status
              deleted_at
              metadata
              provider {
                id
                full_name
              }
              user {
                id
              }
              appointment_type {
                id
                name
              }
              requested_payment {
                id
                status
                paid_at
                price
                currency
              }
            }
            """)
        variables: dict[str, object] = {
            "user_id": user_id,
            "start_date": write_moment(start_date),
            "end_date": write_moment(end_date),
            "after": after,
        }
        return await self.execute(
            VisitsBetween,
            query=query,
            operation_name="VisitsBetween",
            mutation=False,
            variables=variables,
        )

    async def book(
        self,
        *,
        user_id: str,
        other_party_id: str,
        appointment_type_id: str,
        contact_type: str,
        datetime: str,
        timezone: str,
        metadata: Json,
        appointment_location_id: Union[Optional[str], UnsetType] = UNSET,
    ) -> Book:
        query = gql("""
            mutation Book($user_id: ID!, $other_party_id: ID!, $appointment_type_id: ID!, $contact_type: String!, $appointment_location_id: ID, $datetime: String!, $timezone: String!, $metadata: JSON!) {
              createAppointment(
                input: {user_id: $user_id, other_party_id: $other_party_id, appointment_type_id: $appointment_type_id, contact_type: $contact_type, appointment_location_id: $appointment_location_id, datetime: $datetime, timezone: $timezone, metadata: $metadata, enforce_availability: true}
              ) {
                appointment {
                  id
                }
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {
            "user_id": user_id,
            "other_party_id": other_party_id,
            "appointment_type_id": appointment_type_id,
            "contact_type": contact_type,
            "appointment_location_id": appointment_location_id,
            "datetime": datetime,
            "timezone": timezone,
            "metadata": metadata,
        }
        return await self.execute(
            Book, query=query, operation_name="Book", mutation=True, variables=variables
        )

    async def delete_visit(self, *, id: str) -> DeleteVisit:
        query = gql("""
            mutation DeleteVisit($id: ID!) {
              deleteAppointment(input: {id: $id}) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            DeleteVisit,
            query=query,
            operation_name="DeleteVisit",
            mutation=True,
            variables=variables,
        )

    async def booked_visit(self, *, id: str) -> BookedVisit:
        query = gql("""
            query BookedVisit($id: ID!) {
              appointment(id: $id, include_deleted: true) {
                ...Visit
                ...Changeable
              }
            }

            fragment ChangeRules on AppointmentSetting {
              allow_clients_to_cancel_appt
              allow_clients_to_reschedule_appt
              minimum_advance_cancel_time
              minimum_advance_reschedule_time
              cant_cancel_message
              cant_reschedule_message
              client_cancel_reason_required
              patient_reschedule_count_cap
              late_cancellation_fee
              enable_late_cancellation_status
              auto_schedule_charges_for_late_cancellation_no_show
              restore_credit_on_cancel
            }

            fragment Changeable on Appointment {
              pm_status_changed_at
              can_client_cancel
              can_client_reschedule
              can_be_rescheduled
              patient_reschedule_count
              credit_was_used
              late_cancellation_fee
              is_group
              recurring_appointment {
                id
              }
              type_policy: appointment_type {
                has_specific_appointment_settings
                appointment_setting {
                  ...ChangeRules
                }
              }
            }

            fragment Visit on Appointment {
              id
              date
              length
              contact_type
              appointment_location_id
              pm_status
              deleted_at
              metadata
              provider {
                id
                full_name
              }
              user {
                id
              }
              appointment_type {
                id
                name
              }
              requested_payment {
                id
                status
                paid_at
                price
                currency
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            BookedVisit,
            query=query,
            operation_name="BookedVisit",
            mutation=False,
            variables=variables,
        )

    async def visit_rules(self, *, provider_id: str) -> VisitRules:
        query = gql("""
            query VisitRules($provider_id: ID!) {
              appointmentSetting(provider_id: $provider_id) {
                ...ChangeRules
              }
              currentUser {
                default_currency
              }
            }

            fragment ChangeRules on AppointmentSetting {
              allow_clients_to_cancel_appt
              allow_clients_to_reschedule_appt
              minimum_advance_cancel_time
              minimum_advance_reschedule_time
              cant_cancel_message
              cant_reschedule_message
              client_cancel_reason_required
              patient_reschedule_count_cap
              late_cancellation_fee
              enable_late_cancellation_status
              auto_schedule_charges_for_late_cancellation_no_show
              restore_credit_on_cancel
            }
            """)
        variables: dict[str, object] = {"provider_id": provider_id}
        return await self.execute(
            VisitRules,
            query=query,
            operation_name="VisitRules",
            mutation=False,
            variables=variables,
        )

    async def cancellation_reasons(self) -> CancellationReasons:
        query = gql("""
            query CancellationReasons {
              organization {
                cancellation_reasons(reason_type: client) {
                  id
                  label
                }
              }
            }
            """)
        variables: dict[str, object] = {}
        return await self.execute(
            CancellationReasons,
            query=query,
            operation_name="CancellationReasons",
            mutation=False,
            variables=variables,
        )

    async def join_links(self, *, id: str) -> JoinLinks:
        query = gql("""
            query JoinLinks($id: ID!) {
              appointment(id: $id) {
                id
                contact_type
                external_videochat_url
                zoom_join_url
                zoom_dial_in_info
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            JoinLinks,
            query=query,
            operation_name="JoinLinks",
            mutation=False,
            variables=variables,
        )

    async def cancel_visit(
        self,
        *,
        id: str,
        pm_status: str,
        cancellation_reason_id: Union[Optional[str], UnsetType] = UNSET,
        cancellation_initiated_by: Union[Optional[str], UnsetType] = UNSET,
        other_cancellation_reason: Union[Optional[str], UnsetType] = UNSET,
    ) -> CancelVisit:
        query = gql("""
            mutation CancelVisit($id: ID!, $pm_status: String!, $cancellation_reason_id: ID, $cancellation_initiated_by: String, $other_cancellation_reason: String) {
              updateAppointment(
                input: {id: $id, pm_status: $pm_status, cancellation_reason_id: $cancellation_reason_id, cancellation_initiated_by: $cancellation_initiated_by, other_cancellation_reason: $other_cancellation_reason}
              ) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {
            "id": id,
            "pm_status": pm_status,
            "cancellation_reason_id": cancellation_reason_id,
            "cancellation_initiated_by": cancellation_initiated_by,
            "other_cancellation_reason": other_cancellation_reason,
        }
        return await self.execute(
            CancelVisit,
            query=query,
            operation_name="CancelVisit",
            mutation=True,
            variables=variables,
        )

    async def move_visit(
        self,
        *,
        id: str,
        datetime: str,
        timezone: str,
        contact_type: Union[Optional[str], UnsetType] = UNSET,
        appointment_location_id: Union[Optional[str], UnsetType] = UNSET,
    ) -> MoveVisit:
        query = gql("""
            mutation MoveVisit($id: ID!, $datetime: String!, $timezone: String!, $contact_type: String, $appointment_location_id: ID) {
              updateAppointment(
                input: {id: $id, datetime: $datetime, timezone: $timezone, contact_type: $contact_type, appointment_location_id: $appointment_location_id, client_updating: true, enforce_availability: true}
              ) {
                messages {
                  field
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {
            "id": id,
            "datetime": datetime,
            "timezone": timezone,
            "contact_type": contact_type,
            "appointment_location_id": appointment_location_id,
        }
        return await self.execute(
            MoveVisit,
            query=query,
            operation_name="MoveVisit",
            mutation=True,
            variables=variables,
        )

    async def credit_changes(
        self,
        *,
        user_id: str,
        appointment_type_id: str,
        after: Union[Optional[str], UnsetType] = UNSET,
    ) -> CreditChanges:
        query = gql("""
            query CreditChanges($user_id: ID!, $appointment_type_id: ID!, $after: String) {
              appointmentTypeCreditChanges(
                user_id: $user_id
                appointment_type_id: $appointment_type_id
                first: 50
                after: $after
              ) {
                nodes {
                  id
                  created_at
                  credit_quantity
                  appointment {
                    id
                  }
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {
            "user_id": user_id,
            "appointment_type_id": appointment_type_id,
            "after": after,
        }
        return await self.execute(
            CreditChanges,
            query=query,
            operation_name="CreditChanges",
            mutation=False,
            variables=variables,
        )

    async def credits_left(
        self, *, user_id: str, appointment_type_id: str, provider_id: str
    ) -> CreditsLeft:
        query = gql("""
            query CreditsLeft($user_id: ID!, $appointment_type_id: ID!, $provider_id: ID!) {
              user(id: $user_id) {
                id
                appointment_type_credits(appointment_type_id: $appointment_type_id) {
                  appointment_type_id
                  user_id
                  quantity
                }
              }
              appointmentSetting(provider_id: $provider_id) {
                use_client_credit_system
              }
            }
            """)
        variables: dict[str, object] = {
            "user_id": user_id,
            "appointment_type_id": appointment_type_id,
            "provider_id": provider_id,
        }
        return await self.execute(
            CreditsLeft,
            query=query,
            operation_name="CreditsLeft",
            mutation=False,
            variables=variables,
        )

    async def webhook_subscriptions(
        self, *, after: Union[Optional[str], UnsetType] = UNSET
    ) -> WebhookSubscriptions:
        query = gql("""
            query WebhookSubscriptions($after: String) {
              webhooks(first: 50, after: $after) {
                nodes {
                  ...Subscription
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }

            fragment Subscription on Webhook {
              id
              url
              is_enabled
              should_retry
              warned_at
              signature_secret
              event_type
              webhook_events {
                event_type
                first_failed_at
              }
            }
            """)
        variables: dict[str, object] = {"after": after}
        return await self.execute(
            WebhookSubscriptions,
            query=query,
            operation_name="WebhookSubscriptions",
            mutation=False,
            variables=variables,
        )

    async def webhook_attempts(
        self, *, sent_after: Moment, after: Union[Optional[str], UnsetType] = UNSET
    ) -> WebhookAttempts:
        query = gql("""
            query WebhookAttempts($sent_after: ISO8601DateTime!, $after: String) {
              sentWebhooks(
                sent_after: $sent_after
                order_by: CREATED_AT_ASC
                first: 100
                after: $after
              ) {
                nodes {
                  created_at
                  event_type
                  http_response_status
                  resource_id
                  resource_id_type
                  url
                  webhook_id
                }
                page_info {
                  ...More
                }
              }
            }

            fragment More on PageInfo {
              has_next_page
              end_cursor
            }
            """)
        variables: dict[str, object] = {
            "sent_after": write_moment(sent_after),
            "after": after,
        }
        return await self.execute(
            WebhookAttempts,
            query=query,
            operation_name="WebhookAttempts",
            mutation=False,
            variables=variables,
        )

    async def subscribe_webhook(
        self, *, url: str, webhook_events: list[WebhookEventInput]
    ) -> SubscribeWebhook:
        query = gql("""
            mutation SubscribeWebhook($url: String!, $webhook_events: [WebhookEventInput!]!) {
              createWebhook(
                input: {url: $url, webhook_events: $webhook_events, is_enabled: true, should_retry: true}
              ) {
                webhook {
                  ...Subscription
                }
                messages {
                  message
                }
              }
            }

            fragment Subscription on Webhook {
              id
              url
              is_enabled
              should_retry
              warned_at
              signature_secret
              event_type
              webhook_events {
                event_type
                first_failed_at
              }
            }
            """)
        variables: dict[str, object] = {"url": url, "webhook_events": webhook_events}
        return await self.execute(
            SubscribeWebhook,
            query=query,
            operation_name="SubscribeWebhook",
            mutation=True,
            variables=variables,
        )

    async def enable_webhook(self, *, id: str) -> EnableWebhook:
        query = gql("""
            mutation EnableWebhook($id: ID!) {
              updateWebhook(input: {id: $id, is_enabled: true}) {
                webhook {
                  id
                }
                messages {
                  message
                }
              }
            }
            """)
        variables: dict[str, object] = {"id": id}
        return await self.execute(
            EnableWebhook,
            query=query,
            operation_name="EnableWebhook",
            mutation=True,
            variables=variables,
        )
