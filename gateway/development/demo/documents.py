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
