"""What patients' apps ask, in GraphQL; wide enough that a test sees all that it judges."""

from pathlib import Path

from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_leaf_type,
)

SCHEMA = build_schema(Path("schema/schema.graphql").read_text())

SLOT = "id clinicianId clinician { id name } visitTypeId contactType locationId start end timeZone minutes"
QUOTE_FIELDS = """id planId visitTypeId listPrice { amount currency } discount { amount } dueToday { amount } promoCode
  recurrence { frequency amount { amount } payments discount { amount { amount } payments certain } }"""
PROBLEM = "... on Problem { code message retryable }"
APPOINTMENT = 'id status start(timeZone: "America/New_York") clinicianId clinician { id name } visitTypeId contactType locationId'
CHECKOUT_FIELDS = f"""id status declined endReason holdExpiresAt refunded {{ amount }} slot {{ {SLOT} }}
  quote {{ {QUOTE_FIELDS} }} appointment {{ {APPOINTMENT} }}"""

PLANS = """query Plans($state: String, $keyword: String, $first: Int! = 20, $after: String) {
  plans(state: $state, keyword: $keyword, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { id name frequency soldOut dueToday { amount } visits { visitTypeId quantity visitType { name } } }
  }
}"""
CLINICIANS = """query Clinicians($state: String, $visitTypeId: ID) {
  clinicians(state: $state, visitTypeId: $visitTypeId) { id name timeZone licensedIn }
}"""
OFFER = """query Offer {
  visitTypes { id name minutes contactTypes requiresPlan price { amount } }
  locations { id name }
  bookingPolicy { scheduleNoticeMinutes cancelNoticeMinutes lateCancellationFee { amount } noShowFee { amount } }
}"""
SLOTS = f"""query Slots($filter: SlotFilter!, $from: Date!, $until: Date!) {{
  slots(filter: $filter, from: $from, until: $until) {{ date slots {{ {SLOT} }} }}
}}"""
DAYS = """query Days($filter: SlotFilter!, $month: Date!) { availableDays(filter: $filter, month: $month) }"""
QUOTE = f"""query Quote($planId: ID, $visitTypeId: ID, $promoCode: String) {{
  quote(planId: $planId, visitTypeId: $visitTypeId, promoCode: $promoCode) {{
    __typename
    ... on QuoteSuccess {{ quote {{ {QUOTE_FIELDS} }} }}
    ... on PromoInvalid {{ reason }}
    {PROBLEM}
  }}
}}"""
HOLD_OF = f"query HoldOf($id: ID!) {{ hold(id: $id) {{ id expiresAt extensions slot {{ {SLOT} }} }} }}"
CHECKOUT_OF = f"query CheckoutOf($id: ID!) {{ checkout(id: $id) {{ {CHECKOUT_FIELDS} }} }}"
ME = f"""query Me {{
  me {{ id firstName lastName email cards {{ id brand last4 }} appointments {{ nodes {{ {APPOINTMENT} }} }} }}
}}"""

LISTED = "query Listed { operations { checkouts(attention: true) { nodes { id attention } } } }"

HOLD = f"""mutation Hold($input: HoldSlotInput!) {{
  holdSlot(input: $input) {{
    __typename
    ... on HoldSlotSuccess {{ hold {{ id expiresAt extensions slot {{ {SLOT} }} }} }}
    {PROBLEM}
  }}
}}"""
EXTEND = f"""mutation Extend($input: ExtendHoldInput!) {{
  extendHold(input: $input) {{
    __typename
    ... on ExtendHoldSuccess {{ hold {{ id expiresAt extensions }} }}
    {PROBLEM}
  }}
}}"""
RELEASE = f"""mutation Release($input: ReleaseHoldInput!) {{
  releaseHold(input: $input) {{ __typename ... on ReleaseHoldSuccess {{ holdId }} {PROBLEM} }}
}}"""
START = f"""mutation Start($input: StartCheckoutInput!) {{
  startCheckout(input: $input) {{
    __typename
    ... on StartCheckoutSuccess {{ guestToken checkout {{ {CHECKOUT_FIELDS} }} }}
    ... on PromoInvalid {{ reason }}
    {PROBLEM}
  }}
}}"""
CONFIRM = f"""mutation Confirm($input: ConfirmCheckoutInput!) {{
  confirmCheckout(input: $input) {{
    __typename
    ... on ConfirmCheckoutSuccess {{ checkout {{ {CHECKOUT_FIELDS} }} }}
    ... on CheckoutProcessing {{ checkout {{ {CHECKOUT_FIELDS} }} }}
    ... on CardDeclined {{ reason }}
    ... on QuoteChanged {{ quote {{ {QUOTE_FIELDS} }} }}
    ... on CheckoutClosed {{ status }}
    {PROBLEM}
  }}
}}"""
CANCEL = f"""mutation Cancel($input: CancelCheckoutInput!) {{
  cancelCheckout(input: $input) {{
    __typename
    ... on CancelCheckoutSuccess {{ checkout {{ {CHECKOUT_FIELDS} }} }}
    ... on CheckoutClosed {{ status }}
    {PROBLEM}
  }}
}}"""

CHANGE_FIELDS = f"""id kind status endReason appointmentId refunded {{ amount }} fee {{ amount }} creditGivenBack recurringStopped
  slot {{ start }} newSlot {{ start }} appointment {{ {APPOINTMENT} }}"""
CANCELLATION_TERMS = """id appointmentId start late freeUntil refund { amount } kept { amount } fee { amount { amount } method } credit
  stopsRecurring reasonRequired"""
MOVE_TERMS = "id appointmentId start until movesLeft clinicianId otherClinicians visitTypeId"
CANCELLATION_QUOTE = f"""query CancellationQuote($id: ID!) {{
  cancellationQuote(appointmentId: $id) {{
    __typename
    ... on CancellationQuoteSuccess {{ quote {{ {CANCELLATION_TERMS} }} }}
    ... on CancellationNotAllowed {{ reason until }}
    {PROBLEM}
  }}
}}"""
MOVE_QUOTE = f"""query MoveQuote($id: ID!) {{
  rescheduleQuote(appointmentId: $id) {{
    __typename
    ... on RescheduleQuoteSuccess {{ quote {{ {MOVE_TERMS} }} }}
    ... on RescheduleNotAllowed {{ reason until }}
    {PROBLEM}
  }}
}}"""
REASONS = "query Reasons { cancellationReasons { id text } }"
CHANGE_OF = f"query ChangeOf($id: ID!) {{ appointmentChange(id: $id) {{ {CHANGE_FIELDS} }} }}"
CANCEL_VISIT = f"""mutation CancelVisit($input: CancelAppointmentInput!) {{
  cancelAppointment(input: $input) {{
    __typename
    ... on CancelAppointmentSuccess {{ change {{ {CHANGE_FIELDS} }} }}
    ... on AppointmentChangeProcessing {{ change {{ {CHANGE_FIELDS} }} }}
    ... on CancellationQuoteChanged {{ quote {{ {CANCELLATION_TERMS} }} }}
    ... on CancellationNotAllowed {{ reason until }}
    {PROBLEM}
  }}
}}"""
MOVE_VISIT = f"""mutation MoveVisit($input: RescheduleAppointmentInput!) {{
  rescheduleAppointment(input: $input) {{
    __typename
    ... on RescheduleAppointmentSuccess {{ change {{ {CHANGE_FIELDS} }} }}
    ... on AppointmentChangeProcessing {{ change {{ {CHANGE_FIELDS} }} }}
    ... on RescheduleQuoteChanged {{ quote {{ {MOVE_TERMS} }} }}
    ... on RescheduleNotAllowed {{ reason until }}
    {PROBLEM}
  }}
}}"""

MEMBERSHIP_TERMS = "id membershipId planName amount { amount } nextPaymentAt paymentsLeft creditsKept"
PAUSE_TERMS = f"{MEMBERSHIP_TERMS} pausesLeft"
RESUME_TERMS = "id membershipId planName amount { amount } nextPaymentOn paymentsLeft creditsKept"
MEMBERSHIP_CHANGE_FIELDS = "id kind membershipId status requestedAt"
MEMBERSHIP_QUOTE = f"""query MembershipQuote($id: ID!) {{
  membershipEndQuote(membershipId: $id) {{
    __typename
    ... on MembershipEndQuoteSuccess {{ quote {{ {MEMBERSHIP_TERMS} }} }}
    {PROBLEM}
  }}
}}"""
MEMBERSHIP_CHANGE_OF = (
    f"query MembershipChangeOf($id: ID!) {{ membershipChange(id: $id) {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}"
)
END_MEMBERSHIP = f"""mutation EndMembership($input: CancelMembershipInput!) {{
  cancelMembership(input: $input) {{
    __typename
    ... on CancelMembershipSuccess {{ change {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}
    ... on MembershipChangeProcessing {{ change {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}
    ... on MembershipQuoteChanged {{ quote {{ {MEMBERSHIP_TERMS} }} }}
    {PROBLEM}
  }}
}}"""


PAUSE_QUOTE = f"""query PauseQuote($id: ID!) {{
  membershipPauseQuote(membershipId: $id) {{
    __typename
    ... on MembershipPauseQuoteSuccess {{ quote {{ {PAUSE_TERMS} }} }}
    ... on MembershipChangeNotAllowed {{ reason }}
    {PROBLEM}
  }}
}}"""
RESUME_QUOTE = f"""query ResumeQuote($id: ID!) {{
  membershipResumeQuote(membershipId: $id) {{
    __typename
    ... on MembershipResumeQuoteSuccess {{ quote {{ {RESUME_TERMS} }} }}
    ... on MembershipChangeNotAllowed {{ reason }}
    {PROBLEM}
  }}
}}"""
PAUSE_MEMBERSHIP = f"""mutation PauseMembership($input: PauseMembershipInput!) {{
  pauseMembership(input: $input) {{
    __typename
    ... on PauseMembershipSuccess {{ change {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}
    ... on MembershipChangeProcessing {{ change {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}
    ... on MembershipPauseQuoteChanged {{ quote {{ {PAUSE_TERMS} }} }}
    ... on MembershipChangeNotAllowed {{ reason }}
    {PROBLEM}
  }}
}}"""
RESUME_MEMBERSHIP = f"""mutation ResumeMembership($input: ResumeMembershipInput!) {{
  resumeMembership(input: $input) {{
    __typename
    ... on ResumeMembershipSuccess {{ change {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}
    ... on MembershipChangeProcessing {{ change {{ {MEMBERSHIP_CHANGE_FIELDS} }} }}
    ... on MembershipResumeQuoteChanged {{ quote {{ {RESUME_TERMS} }} }}
    ... on MembershipChangeNotAllowed {{ reason }}
    {PROBLEM}
  }}
}}"""
MY_MEMBERSHIPS = "query MyMemberships { me { memberships { id status nextPaymentAt pausedAt resumesAt cancelledAt canCancel canPause canResume } } }"


def everything(kind: GraphQLOutputType) -> str:
    """Select all that can be selected; of a union with problems what its successes have, of a long list one."""
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType):
        refused = any(each.name == "Problem" for one in named.types for each in one.interfaces)
        told = [one for one in named.types if not refused or one.name.endswith("Success")]
        members = " ".join(f"... on {one.name} {everything(one)}" for one in told)
        return f"{{ __typename {members} {PROBLEM if refused else ''} }}"
    assert isinstance(named, GraphQLObjectType)
    parts = (
        f"{name}{'(first: 1)' if 'first' in field.args else ''} {everything(field.type)}"
        for name, field in named.fields.items()
    )
    return f"{{ {' '.join(parts)} }}"


WAITLIST_PLACE = f"id status until offer {{ id holdId expiresAt hold {{ id slot {{ {SLOT} }} }} }}"
MY_WAITLIST = f"query MyWaitlist {{ me {{ waitlist {{ {WAITLIST_PLACE} }} }} }}"
JOIN_WAITLIST = f"""mutation JoinWaitlist($input: JoinWaitlistInput!) {{
  joinWaitlist(input: $input) {{
    __typename
    ... on JoinWaitlistSuccess {{ entry {{ {WAITLIST_PLACE} }} }}
    {PROBLEM}
  }}
}}"""
LEAVE_WAITLIST = f"""mutation LeaveWaitlist($input: LeaveWaitlistInput!) {{
  leaveWaitlist(input: $input) {{
    __typename
    ... on LeaveWaitlistSuccess {{ entry {{ {WAITLIST_PLACE} }} }}
    {PROBLEM}
  }}
}}"""
