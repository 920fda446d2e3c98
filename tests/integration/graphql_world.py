"""The API over HTTP, in process, on the domain's doubles: what the GraphQL tests stand on."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx2
from sqlalchemy.ext.asyncio import AsyncEngine

from booking.catalog.model import ContactType
from booking.groups.service import GroupVisitService
from booking.models import Appointment, AppointmentStatus, Card, Patient
from booking.operations.service import OperationsService
from booking.packages.service import PurchaseService
from booking.payments.cards import CardService
from booking.payments.receipts import ReceiptService
from booking.principals import PrincipalKind
from booking.records import RecordsService
from booking.services import Services
from gateway.callers.authentication import Authenticator
from gateway.callers.client_networks import NetworkPseudonyms, UnreadableAddresses
from gateway.callers.tokens import DevelopmentTokens, GatewayTokens
from gateway.http import GraphQLEndpoint
from gateway.idempotency.guard import MutationGuard
from gateway.rates import OperationRates
from gateway.sockets import SocketRules
from gateway.trusted_documents import TrustedDocuments
from integrations.database.idempotency import IdempotencyKeys
from tests.doubles.booking_ports import NOW
from tests.doubles.booking_upstream import FakeCards, FakePatients
from tests.doubles.booking_world import World
from tests.doubles.change_world import ChangeWorld
from tests.doubles.group_visits import ListedGroupVisits
from tests.doubles.purchases import FakeReceipts, NoPurchases
from tests.doubles.rates import generous_rates
from tests.doubles.visits import FakeVisits

SECRET = "only-for-tests-" * 4
IN_FLIGHT = timedelta(seconds=30)
GUEST = {"email": "sample.patient@example.com", "firstName": "Sample", "lastName": "Patient"}

HOLD = """mutation Hold($input: HoldSlotInput!) {
  holdSlot(input: $input) {
    __typename
    ... on HoldSlotSuccess { hold { id expiresAt extensions slot { id start timeZone clinician { name } } } }
    ... on Problem { code message retryable }
    ... on HoldLimitReached { limit }
  }
}"""
EXTEND = """mutation Extend($input: ExtendHoldInput!) {
  extendHold(input: $input) {
    __typename
    ... on ExtendHoldSuccess { hold { id expiresAt extensions } }
    ... on HoldExtensionsUsedUp { code expiresAt }
  }
}"""
RELEASE = """mutation Release($input: ReleaseHoldInput!) {
  releaseHold(input: $input) { __typename ... on ReleaseHoldSuccess { holdId } }
}"""
START = """mutation Start($input: StartCheckoutInput!) {
  startCheckout(input: $input) {
    __typename
    ... on StartCheckoutSuccess {
      guestToken
      checkout { id status holdExpiresAt quote { id dueToday { amount currency } recurrence { frequency payments } } }
    }
    ... on Problem { code }
    ... on PromoInvalid { reason }
  }
}"""
CONFIRM = """mutation Confirm($input: ConfirmCheckoutInput!) {
  confirmCheckout(input: $input) {
    __typename
    ... on ConfirmCheckoutSuccess {
      checkout { id status holdExpiresAt appointment { id status start clinician { id } contactType } }
    }
    ... on CheckoutProcessing { checkout { id status } }
    ... on Problem { code retryable }
    ... on CardDeclined { reason }
    ... on QuoteChanged { quote { id dueToday { amount } recurrence { frequency } } }
  }
}"""
CANCEL = """mutation Cancel($input: CancelCheckoutInput!) {
  cancelCheckout(input: $input) {
    __typename
    ... on CancelCheckoutSuccess { checkout { status endReason } }
    ... on CheckoutClosed { status }
  }
}"""


class KnownPatients(FakePatients):
    """One patient is on record, with one visit."""

    async def profile(self, patient_id: str) -> Patient | None:
        return Patient(
            id=patient_id,
            first_name="Sample",
            last_name="Patient",
            email="sample.patient@example.com",
            time_zone="America/New_York",
        )

    async def appointments(self, patient_id: str) -> Sequence[Appointment]:
        return [
            Appointment(
                id="a-old",
                clinician_id="c-gone",
                clinician_name="Sample Gone",
                patient_id=patient_id,
                visit_type_id="v-gone",
                visit_type_name="An old visit",
                start=NOW - timedelta(days=90),
                minutes=20,
                contact_type=ContactType.VIDEO,
                location_id=None,
                status=AppointmentStatus.COMPLETED,
                checkout_id=None,
                open_invoice=None,
            )
        ]


class NothingToTell(UnreadableAddresses):
    """Most tests come from no address, and on purpose."""

    def met(self, *, header: str, missing: bool) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    http: httpx2.Response
    body: dict[str, Any]

    @property
    def data(self) -> Any:
        """The answer's only field. There must be no errors."""
        assert "errors" not in self.body, self.body
        (value,) = self.body["data"].values()
        return value

    @property
    def code(self) -> str:
        """The code of the only error."""
        (error,) = self.body["errors"]
        return str(error["extensions"]["code"])


@dataclass(kw_only=True)
class Api:
    """Somebody's app."""

    world: World
    services: Services
    tokens: GatewayTokens
    sign_in: DevelopmentTokens
    http: httpx2.AsyncClient
    endpoint: GraphQLEndpoint
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **body: Any,
    ) -> Answer:
        """Send one operation."""
        response = await self.http.post(
            "/graphql",
            json={"query": document, "variables": variables or {}, **body},
            headers={**self.headers, **(headers or {})},
        )
        return Answer(http=response, body=response.json())

    async def do(self, document: str, *, key: str | None = None, **given: Any) -> Answer:
        """Send one mutation with a key, a fresh one if none is given."""
        return await self.ask(document, {"input": given}, {"Idempotency-Key": key or uuid.uuid4().hex})

    async def hold(self, slot_id: str, *, key: str | None = None) -> Answer:
        """Hold a slot."""
        return await self.do(HOLD, key=key, slotId=slot_id, timeZone="America/New_York")

    def accepting(self, checkout_id: str) -> dict[str, str]:
        """What a confirm says that the patient accepts: the checkout as it is."""
        row = self.world.database.rows.get(checkout_id)
        return {"checkoutId": checkout_id, "quoteId": row.quote.id if row else "quo_none"}

    def visitor(self) -> "Api":
        """Another visitor's app."""
        return replace(self, headers={"Frontdoor-Visitor": self.tokens.visitor()})

    def patient(self, patient_id: str = "p-sample") -> "Api":
        """A signed-in patient's app."""
        return replace(self, headers={"Authorization": f"Bearer {self.sign_in.issue(patient_id)}"})

    def staff(self, kind: PrincipalKind = PrincipalKind.STAFF) -> "Api":
        """The app of a member of staff, or of an operator."""
        token = self.sign_in.issue("s1", kind=kind)
        return replace(self, headers={"Authorization": f"Bearer {token}"})

    def bearer(self, token: str) -> "Api":
        """The same app, with a bearer token."""
        return replace(self, headers={**self.headers, "Authorization": f"Bearer {token}"})


@asynccontextmanager
async def api_on(
    engine: AsyncEngine,
    *,
    patience: timedelta = timedelta(0),
    in_flight: timedelta = IN_FLIGHT,
    open_to_developers: bool = False,
    open_to_operators: bool = False,
    trusted: TrustedDocuments | None = None,
    sockets: SocketRules = SocketRules(),  # noqa: B008  # frozen
    rates: OperationRates | None = None,
    changes: Any = None,  # a ScriptedChanges; None: the service on its doubles
) -> AsyncIterator[Api]:
    """The API of a fresh practice, to nobody in particular."""
    world = World()
    world.books.cards["p-sample"].append(Card(id="card-1", brand="Visa", last4="4242", expires=None))
    cards = FakeCards(world.books)
    records = RecordsService(patients=KnownPatients(world.books), cards=cards)
    changing = ChangeWorld(world=world)
    services = Services(
        catalog=world.catalog,
        search=world.search,
        holds=world.hold_service,
        quotes=world.quotes,
        credit_quotes=world.credit_quotes,
        starts=world.starts,
        checkouts=world.checkouts,
        changes=changes or changing.service,
        memberships=changing.a_membership_service(changing.driver),
        cards=CardService(cards=cards, purchases=NoPurchases(), units=world.database),
        receipts=ReceiptService(receipts=FakeReceipts(world.clock), clock=world.clock),
        invoice_payments=changing.an_invoice_service(changing.driver),
        group_visits=GroupVisitService(visits=ListedGroupVisits(), clock=world.clock),
        email_verification=world.email_verification,
        records=records,
        visits=world.visit_service(FakeVisits(world.books.appointments)),
        purchases=PurchaseService(purchases=NoPurchases()),
        waitlist=world.waitlist_service(),
        operations=OperationsService(units=world.database),
        live_queries=world.live_queries(records),
        phone_region="US",
    )
    tokens = GatewayTokens(secret=SECRET)
    sign_in = DevelopmentTokens(secret=SECRET, clock=world.clock)
    endpoint = GraphQLEndpoint(
        services=services,
        authenticator=Authenticator(
            tokens=tokens,
            verifier=sign_in,
            networks=NetworkPseudonyms(
                header="X-Forwarded-For", key=b"only for tests", unreadable=NothingToTell()
            ),
        ),
        guard=MutationGuard(
            keys=IdempotencyKeys(engine=engine),
            clock=world.clock,
            fingerprint_key=b"only for tests",
            tenant="practice",
            in_flight=in_flight,
            patience=patience,
        ),
        open_to_developers=open_to_developers,
        open_to_operators=open_to_operators,
        trusted=trusted,
        sockets=sockets,
        rates=rates or generous_rates(),
    )
    transport = httpx2.ASGITransport(app=endpoint)
    async with httpx2.AsyncClient(transport=transport, base_url="http://frontdoor.test") as http:
        yield Api(
            world=world, services=services, tokens=tokens, sign_in=sign_in, http=http, endpoint=endpoint
        )
