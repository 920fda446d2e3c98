"""What patients' apps ask, in GraphQL; wide enough that a test sees all that it judges."""

SLOT = "id clinicianId clinician { id name } visitTypeId contactType locationId start end timeZone minutes"
QUOTE_FIELDS = """id planId visitTypeId listPrice { amount currency } discount { amount } dueToday { amount } promoCode
  recurrence { frequency amount { amount } payments }"""
PROBLEM = "... on Problem { code message retryable }"
APPOINTMENT = "id status start clinicianId clinician { id name } visitTypeId contactType locationId"
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
