"""The GraphQL documents of the demo."""

BROWSE = """
query BrowsePlans($state: String) {
  plans(state: $state, first: 20) {
    nodes { id name frequency soldOut dueToday { amount currency } visits { visitTypeId visitType { name minutes } } }
  }
}"""

CLINICIANS = """
query Clinicians($state: String, $visitTypeId: ID) {
  clinicians(state: $state, visitTypeId: $visitTypeId) { id name qualifications timeZone licensedIn }
}"""

SLOTS = """
query FindSlots($filter: SlotFilter!, $from: Date!, $until: Date!) {
  slots(filter: $filter, from: $from, until: $until) { date slots { id start minutes clinicianId } }
}"""

QUOTE = """
query Quote($planId: ID, $visitTypeId: ID, $promoCode: String) {
  quote(planId: $planId, visitTypeId: $visitTypeId, promoCode: $promoCode) {
    __typename
    ... on QuoteSuccess {
      quote { listPrice { amount } discount { amount } dueToday { amount currency } recurrence { frequency } }
    }
    ... on Problem { code message }
  }
}"""

HOLD = """
mutation HoldSlot($input: HoldSlotInput!) {
  holdSlot(input: $input) {
    __typename
    ... on HoldSlotSuccess { hold { id expiresAt } }
    ... on Problem { code message }
  }
}"""

START = """
mutation StartCheckout($input: StartCheckoutInput!) {
  startCheckout(input: $input) {
    __typename
    ... on StartCheckoutSuccess { guestToken checkout { id quote { id dueToday { amount currency } } } }
    ... on Problem { code message }
  }
}"""

CONFIRM = """
mutation ConfirmCheckout($input: ConfirmCheckoutInput!) {
  confirmCheckout(input: $input) {
    __typename
    ... on ConfirmCheckoutSuccess {
      checkout { status appointment { id start clinician { id name } } }
    }
    ... on CheckoutProcessing { checkout { status } }
    ... on CardDeclined { reason }
    ... on Problem { code message }
  }
}"""

VISIT_TYPES = """
query VisitTypes { visitTypes { id name minutes requiresPlan price { amount currency } } }"""

MOVE_QUOTE = """
query MoveQuote($id: ID!) {
  rescheduleQuote(appointmentId: $id) {
    __typename
    ... on RescheduleQuoteSuccess { quote { id until } }
    ... on Problem { code message }
  }
}"""

MOVE_VISIT = """
mutation MoveVisit($input: RescheduleAppointmentInput!) {
  rescheduleAppointment(input: $input) {
    __typename
    ... on RescheduleAppointmentSuccess { change { appointment { id status start } } }
    ... on AppointmentChangeProcessing { change { status } }
    ... on Problem { code message }
  }
}"""

CANCELLATION_QUOTE = """
query CancellationQuote($id: ID!) {
  cancellationQuote(appointmentId: $id) {
    __typename
    ... on CancellationQuoteSuccess {
      quote {
        id
        refund { amount currency }
        kept { amount currency }
        fee { amount { amount currency } }
      }
    }
    ... on Problem { code message }
  }
}"""

CANCEL_VISIT = """
mutation CancelVisit($input: CancelAppointmentInput!) {
  cancelAppointment(input: $input) {
    __typename
    ... on CancelAppointmentSuccess {
      change { refunded { amount currency } fee { amount currency } appointment { id status start } }
    }
    ... on AppointmentChangeProcessing { change { status } }
    ... on Problem { code message }
  }
}"""
