"""Tokens of the practice's sign-in provider: which are good, whose they are, and how often the provider is asked."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from booking.errors import UpstreamUnavailable
from booking.models import GuestDetails, Patient, PatientMatch
from booking.principals import Principal, PrincipalKind
from gateway.callers.sign_in import provider
from gateway.callers.sign_in.patients import LinkedPatients, NoPatientRecord
from gateway.callers.sign_in.provider import ProviderKeys, SignInUnavailable
from gateway.callers.sign_in.tokens import ProviderTokens, SignInRules
from gateway.callers.tokens import InvalidToken
from tests.doubles.booking_ports import FakeClock
from tests.doubles.sign_in_provider import AUDIENCE, EC_KEY, ED_KEY, ISSUER, RSA_KEY, Provider, Raw, public

PATIENT = Principal(kind=PrincipalKind.PATIENT, id="p1")
KNOWN = GuestDetails(email="known@example.com", first_name="Sample", last_name="Known")
THEIRS: dict[str, Any] = {
    "healthie_patient_id": None,
    "email": KNOWN.email,
    "email_verified": True,
    "given_name": KNOWN.first_name,
    "family_name": KNOWN.last_name,
}

DEEP = Raw(b"[" * 200_000)


class Records:
    """The practice's patients: one; counts who is looked for."""

    def __init__(self) -> None:
        self.looked_for: list[str] = []
        self.known = {KNOWN.email: "p7"}
        self.gone: set[str] = set()
        self.down = False

    async def find(self, guest: GuestDetails) -> PatientMatch | None:
        self.looked_for.append(guest.email)
        await asyncio.sleep(0)
        known = self.known.get(guest.email)
        return PatientMatch(id=known, archived=False) if known else None

    async def profile(self, patient_id: str) -> Patient | None:
        if self.down:
            raise UpstreamUnavailable("sample")
        if patient_id in self.gone:
            return None
        return Patient(id=patient_id, first_name="", last_name="", email=None, time_zone=None)


class Links(dict[tuple[str, str], str]):
    """The table of links, in memory."""

    async def get(self, issuer: str, subject: str) -> str | None:  # type: ignore[override]
        return super().get((issuer, subject))

    async def add(self, issuer: str, subject: str, patient_id: str, *, now: object) -> str:
        return self.setdefault((issuer, subject), patient_id)

    async def forget(self, patient_id: str) -> int:
        gone = [person for person, linked in self.items() if linked == patient_id]
        for person in gone:
            del self[person]
        return len(gone)


class World:
    def __init__(self, **rules: Any) -> None:
        self.clock = FakeClock()
        self.provider = Provider(clock=self.clock)
        self.records = Records()
        self.links = Links()
        self.rules = SignInRules(issuer=ISSUER, audience=AUDIENCE, longest_life=timedelta(hours=1), **rules)
        self.restart()

    def restart(self) -> None:
        self.tokens = ProviderTokens(
            rules=self.rules,
            keys=ProviderKeys(issuer=ISSUER, client=self.provider.client(), clock=self.clock),
            patients=LinkedPatients(patients=self.records, links=self.links, clock=self.clock),  # type: ignore[arg-type]
            clock=self.clock,
        )

    async def refuses(self, token: str) -> bool:
        try:
            await self.tokens.verify(token)
        except InvalidToken:
            return True
        return False


@pytest.fixture
def world() -> World:
    return World()


class TestGoodTokens:
    async def test_name_the_patient(self, world: World) -> None:
        assert await world.tokens.verify(world.provider.token()) == PATIENT

    @pytest.mark.parametrize(
        ("key", "algorithm"), [(RSA_KEY, "RS256"), (RSA_KEY, "PS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")]
    )
    async def test_may_be_signed_with_any_algorithm_of_key_pairs(
        self, world: World, key: Any, algorithm: str
    ) -> None:
        world.provider.keys = [public(key, algorithm, "k1")]
        assert await world.tokens.verify(world.provider.token(key, algorithm)) == PATIENT

    @pytest.mark.parametrize("role", ["patient", ["patient"], ["patient", "somebody-elses-role"], [], None])
    async def test_of_whoever_has_no_other_role_of_ours_are_a_patients(self, world: World, role: Any) -> None:
        assert await world.tokens.verify(world.provider.token(role=role)) == PATIENT

    @pytest.mark.parametrize(
        ("role", "kind"), [("staff", PrincipalKind.STAFF), ("operator", PrincipalKind.OPERATOR)]
    )
    async def test_of_staff_and_operators_name_them_by_their_subject(
        self, world: World, role: str, kind: PrincipalKind
    ) -> None:
        assert await world.tokens.verify(world.provider.token(role=role)) == Principal(
            kind=kind, id="auth0|sample"
        )

    async def test_of_staff_whose_subject_is_a_mail_address_name_them_by_its_digest(
        self, world: World
    ) -> None:
        found = await world.tokens.verify(world.provider.token(role="staff", sub="staff@example.com"))
        assert "staff" not in found.id
        assert found == await world.tokens.verify(world.provider.token(role="staff", sub="staff@example.com"))

    @pytest.mark.parametrize("aud", [AUDIENCE, ["other", AUDIENCE]])
    async def test_may_have_several_audiences(self, world: World, aud: Any) -> None:
        assert await world.tokens.verify(world.provider.token(aud=aud)) == PATIENT

    @pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", None])
    async def test_are_typed_as_access_tokens_or_not_at_all(self, world: World, typ: str | None) -> None:
        assert await world.tokens.verify(world.provider.token(header={"typ": typ})) == PATIENT

    @pytest.mark.parametrize(
        "changes", [{"alg": "PS256"}, {"alg": None}, {"use": None, "key_ops": ["verify"]}]
    )
    async def test_may_be_signed_as_the_key_says_or_as_its_kind_can_when_it_says_nothing(
        self, world: World, changes: dict[str, Any]
    ) -> None:
        told = public(RSA_KEY, "PS256", "k1") | changes
        world.provider.keys = [{name: value for name, value in told.items() if value is not None}]
        assert await world.tokens.verify(world.provider.token(algorithm="PS256")) == PATIENT

    async def test_of_another_practice_of_the_same_provider_are_refused(self) -> None:
        world = World(tenant_claim="practice", tenant="north")
        assert await world.tokens.verify(world.provider.token(practice="north")) == PATIENT
        for other in ("south", None, ["north"], ""):
            assert await world.refuses(world.provider.token(practice=other))


class TestBadTokens:
    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "https://sign-in.example.com/other/"},
            {"iss": ISSUER.rstrip("/")},
            {"iss": None},
            {"aud": "another-program"},
            {"aud": []},
            {"aud": None},
            {"sub": None},
            {"sub": ""},
            {"exp": None},
            {"iat": None},
            {"exp": "soon"},
            {"role": "administrator"},
            {"role": ["staff", "patient"]},
            {"role": {"staff": True}},
            {"role": [["staff"]]},
        ],
        ids=str,
    )
    async def test_with_wrong_claims_prove_nothing(self, world: World, changes: dict[str, Any]) -> None:
        assert await world.refuses(world.provider.token(**changes))

    @pytest.mark.parametrize(
        "typ",
        ["logout+jwt", "dpop+jwt", "secevent+jwt", "id+jwt", "application/jwt+at", "JOSE", 1, ["JWT"]],
        ids=str,
    )
    async def test_of_another_type_prove_nothing(self, world: World, typ: Any) -> None:
        assert await world.refuses(world.provider.token(header={"typ": typ}))

    @pytest.mark.parametrize(
        "claims",
        [
            {"at_hash": "sample"},
            {"c_hash": "sample"},
            {"s_hash": "sample"},
            {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        ],
        ids=str,
    )
    async def test_that_tell_an_app_something_prove_nothing_to_an_api(
        self, world: World, claims: dict[str, Any]
    ) -> None:
        assert await world.refuses(world.provider.token(**claims))

    async def test_signed_otherwise_than_their_key_is_for_prove_nothing(self, world: World) -> None:
        world.provider.keys = [public(RSA_KEY, "RS512", "k1")]
        for algorithm in ("RS256", "PS256", "PS512"):
            assert await world.refuses(world.provider.token(algorithm=algorithm))
        assert await world.tokens.verify(world.provider.token(algorithm="RS512")) == PATIENT

    @pytest.mark.parametrize(
        ("iat", "exp", "nbf"),
        [
            (-600, 0, None),  # expired
            (-600, -1, None),
            (60, 600, None),  # from the future
            (0, 600, 60),  # not yet valid
            (0, 3601, None),  # good for too long
            (-90_000, 600, None),
        ],
    )
    async def test_at_the_wrong_time_prove_nothing(
        self, world: World, iat: int, exp: int, nbf: int | None
    ) -> None:
        now = int(world.clock.now().timestamp())
        times: dict[str, Any] = {
            "iat": now + iat,
            "exp": now + exp,
            "nbf": None if nbf is None else now + nbf,
        }
        assert await world.refuses(world.provider.token(**times))

    async def test_of_clocks_that_differ_a_little_are_good(self, world: World) -> None:
        now = int(world.clock.now().timestamp())
        assert (
            await world.tokens.verify(world.provider.token(iat=now + 20, exp=now + 60, nbf=now + 20))
            == PATIENT
        )

    async def test_signed_with_another_key_under_a_known_name_prove_nothing(self, world: World) -> None:
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert await world.refuses(world.provider.token(other))

    async def test_unsigned_prove_nothing(self, world: World) -> None:
        body = world.provider.token().split(".")[1]
        for algorithm in ("none", "None", "NONE", ""):
            header = json.dumps({"alg": algorithm, "kid": "k1", "typ": "JWT"}).encode()
            head = base64.urlsafe_b64encode(header).decode().rstrip("=")
            assert await world.refuses(f"{head}.{body}.")

    async def test_that_use_the_public_key_as_a_shared_secret_prove_nothing(self, world: World) -> None:
        pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        claims = jwt.decode(world.provider.token(), options={"verify_signature": False})
        signer = jwt.api_jws.PyJWS()
        signer._algorithms["HS256"].prepare_key = lambda key: key  # type: ignore[method-assign]  # it would refuse
        forged = signer.encode(json.dumps(claims).encode(), pem, algorithm="HS256", headers={"kid": "k1"})
        assert await world.refuses(forged)

    @pytest.mark.parametrize(
        "header",
        [{"crit": ["exp"], "exp": 1}, {"kid": "unknown"}, {"jku": "https://evil.example.com"}, {"jwk": {}}],
    )
    async def test_cannot_choose_their_own_key(self, world: World, header: dict[str, Any]) -> None:
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert await world.refuses(world.provider.token(other, header=header))
        assert not any("evil" in url for url in world.provider.asked)

    @pytest.mark.parametrize(
        "token", ["", ".", "..", "a.b.c", "é" * 50, "x" * 8000, "eyJhbGciOiJSUzI1NiJ9.e30."]
    )
    async def test_that_are_none_prove_nothing_and_ask_nobody(self, world: World, token: str) -> None:
        assert await world.refuses(token)
        assert world.provider.asked == []


class TestTheProvidersKeys:
    async def test_are_fetched_once_for_many_requests(self, world: World) -> None:
        token = world.provider.token()
        await asyncio.gather(*(world.tokens.verify(token) for _ in range(50)))
        assert len(world.provider.asked) == 2  # where they are, and they

    async def test_that_are_new_are_found_at_their_first_token(self, world: World) -> None:
        await world.tokens.verify(world.provider.token())
        world.provider.keys.append(public(EC_KEY, "ES256", "k2"))
        world.clock.advance(seconds=11)
        assert await world.tokens.verify(world.provider.token(EC_KEY, "ES256", key_id="k2")) == PATIENT
        assert len(world.provider.asked) == 4

    async def test_are_waited_for_by_whoever_comes_while_they_are_fetched(self, world: World) -> None:
        world.provider.slow = asyncio.Event()
        first = asyncio.create_task(world.tokens.verify(world.provider.token()))
        await world.provider.reached.wait()
        second = asyncio.create_task(world.tokens.verify(world.provider.token()))
        await asyncio.sleep(0)
        world.provider.slow.set()
        assert list(await asyncio.gather(first, second)) == [PATIENT, PATIENT]
        assert len(world.provider.asked) == 2

    async def test_are_fetched_though_whoever_came_first_has_hung_up(self, world: World) -> None:
        world.provider.slow = asyncio.Event()
        first = asyncio.create_task(world.tokens.verify(world.provider.token()))
        await world.provider.reached.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        world.provider.slow.set()
        assert await world.tokens.verify(world.provider.token()) == PATIENT
        assert len(world.provider.asked) == 2

    async def test_that_are_made_up_do_not_storm_the_provider(self, world: World) -> None:
        for number in range(100):
            assert await world.refuses(world.provider.token(key_id=f"made-up-{number}"))
            world.clock.advance(seconds=1)
        assert len(world.provider.asked) == 2 * 10

    async def test_that_were_withdrawn_are_worth_nothing_after_an_hour(self, world: World) -> None:
        await world.tokens.verify(world.provider.token())
        world.provider.keys = [public(EC_KEY, "ES256", "k2")]
        world.clock.advance(minutes=61)
        await world.tokens.verify(world.provider.token())  # whoever comes first does not wait for the look
        await asyncio.sleep(0.01)
        assert await world.refuses(world.provider.token())

    async def test_outlast_an_outage_of_the_provider_but_not_for_ever(self, world: World) -> None:
        await world.tokens.verify(world.provider.token())
        world.provider.down = True
        world.clock.advance(hours=11)
        assert await world.tokens.verify(world.provider.token()) == PATIENT
        world.clock.advance(hours=2)
        with pytest.raises(SignInUnavailable):
            await world.tokens.verify(world.provider.token())

    async def test_that_never_came_are_no_reason_to_call_a_token_bad(self, world: World) -> None:
        world.provider.down = True
        with pytest.raises(SignInUnavailable):
            await world.tokens.verify(world.provider.token())
        world.provider.down = False
        world.clock.advance(seconds=11)
        assert await world.tokens.verify(world.provider.token()) == PATIENT

    async def test_that_come_too_slowly_are_not_waited_for(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each byte in time, and never all of them: everybody who signs in waits for the same answer."""
        monkeypatch.setattr(provider, "TIMEOUT_SECONDS", 0.2)
        world.provider.trickles = True
        async with asyncio.timeout(10):
            with pytest.raises(SignInUnavailable):
                await world.tokens.verify(world.provider.token())
        world.provider.trickles = False
        world.clock.advance(seconds=11)
        assert await world.tokens.verify(world.provider.token()) == PATIENT

    @pytest.mark.parametrize("told", [None, [], "keys", {"keys": 7}, {"keys": None}, DEEP], ids=repr)
    async def test_that_are_no_set_of_keys_are_none(self, world: World, told: Any) -> None:
        world.provider.told = told
        with pytest.raises(SignInUnavailable):
            await world.tokens.verify(world.provider.token())

    @pytest.mark.parametrize(
        "changes",
        [
            {"issuer": "https://evil.example.com/"},
            {"jwks_uri": "http://sign-in.example.com/keys"},
            {"jwks_uri": None},
        ],
    )
    async def test_from_a_document_that_is_not_the_issuers_are_not_taken(
        self, world: World, changes: dict[str, Any]
    ) -> None:
        world.provider.discovery |= changes
        with pytest.raises(SignInUnavailable):
            await world.tokens.verify(world.provider.token())

    @pytest.mark.parametrize(
        "changes",
        [
            {"use": "enc"},
            {"use": ["sig"]},
            {"key_ops": ["sign"]},
            {"key_ops": []},
            {"key_ops": "verify"},
            {"alg": 256},
        ],
        ids=str,
    )
    async def test_that_are_not_there_to_verify_with_are_left_out(
        self, world: World, changes: dict[str, Any]
    ) -> None:
        world.provider.keys = [public(RSA_KEY, "RS256", "k1", **changes), public(EC_KEY, "ES256", "k3")]
        assert await world.refuses(world.provider.token())
        assert await world.tokens.verify(world.provider.token(EC_KEY, "ES256", key_id="k3")) == PATIENT

    async def test_for_encryption_or_of_unknown_kinds_are_left_out(self, world: World) -> None:
        world.provider.keys = [
            public(RSA_KEY, "RS256", "k1", use="enc"),
            {"kid": "k2", "kty": "unheard-of"},
            "no key at all",
            public(EC_KEY, "ES256", "k3"),
        ]
        assert await world.refuses(world.provider.token())
        assert await world.tokens.verify(world.provider.token(EC_KEY, "ES256", key_id="k3")) == PATIENT


class TestPatientsByVerifiedEmail:
    async def test_are_looked_up_once_and_remembered(self, world: World) -> None:
        for _ in range(3):
            assert (await world.tokens.verify(world.provider.token(**THEIRS))).id == "p7"
        world.restart()
        assert (await world.tokens.verify(world.provider.token(**THEIRS))).id == "p7"
        assert world.records.looked_for == [KNOWN.email]

    async def test_are_looked_up_once_by_many_requests_at_a_time(self, world: World) -> None:
        token = world.provider.token(**THEIRS)
        found = await asyncio.gather(*(world.tokens.verify(token) for _ in range(20)))
        assert {one.id for one in found} == {"p7"}
        assert world.records.looked_for == [KNOWN.email]

    @pytest.mark.parametrize(
        "changes",
        [
            {"email_verified": False},
            {"email_verified": "true"},
            {"email": None},
            {"given_name": None},
            {"family_name": " "},
        ],
    )
    async def test_are_not_looked_for_by_what_is_not_proved(
        self, world: World, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(NoPatientRecord):
            await world.tokens.verify(world.provider.token(**THEIRS | changes))
        assert world.records.looked_for == []

    async def test_who_have_no_record_yet_are_looked_for_again_after_a_minute(self, world: World) -> None:
        theirs = THEIRS | {"email": "new@example.com", "sub": "new"}
        for _ in range(5):
            with pytest.raises(NoPatientRecord):
                await world.tokens.verify(world.provider.token(**theirs))
        world.records.known["new@example.com"] = "p8"
        world.clock.advance(seconds=61)
        assert (await world.tokens.verify(world.provider.token(**theirs))).id == "p8"
        assert len(world.records.looked_for) == 2

    async def test_whose_record_went_into_another_are_that_other_within_minutes_in_every_process(
        self, world: World
    ) -> None:
        elsewhere = world.tokens
        world.restart()
        for process in (elsewhere, world.tokens):
            assert (await process.verify(world.provider.token(**THEIRS))).id == "p7"
        world.records.gone, world.records.known = {"p7"}, {KNOWN.email: "p9"}
        world.clock.advance(minutes=10)
        for process in (elsewhere, world.tokens):
            assert (await process.verify(world.provider.token(**THEIRS))).id == "p9"
        assert list(world.links.values()) == ["p9"]

    async def test_whose_record_is_gone_without_another_are_nobody_until_it_is_back(
        self, world: World
    ) -> None:
        await world.tokens.verify(world.provider.token(**THEIRS))
        world.records.gone, world.records.known = {"p7"}, {}
        world.clock.advance(minutes=10)
        with pytest.raises(NoPatientRecord):
            await world.tokens.verify(world.provider.token(**THEIRS))
        world.records.gone = set()
        world.clock.advance(minutes=1)
        assert (await world.tokens.verify(world.provider.token(**THEIRS))).id == "p7"

    async def test_stay_who_they_are_while_the_practices_records_cannot_be_read(self, world: World) -> None:
        await world.tokens.verify(world.provider.token(**THEIRS))
        world.records.down = True
        world.clock.advance(minutes=10)
        assert (await world.tokens.verify(world.provider.token(**THEIRS))).id == "p7"
