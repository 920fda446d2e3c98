import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from click.testing import CliRunner
from starlette.datastructures import Headers

from booking.principals import Caller, Principal, PrincipalKind, guest_of
from gateway.callers.authentication import Authenticator, Unauthenticated
from gateway.callers.tokens import (
    AUDIENCE,
    DEVELOPMENT_ISSUER,
    ROLES,
    DevelopmentTokens,
    DevelopmentTokensRefused,
    GatewayTokens,
    InvalidToken,
    NoSignIn,
    derive_key,
    issue_development_token,
)
from gateway.clock import SystemClock
from gateway.command_line import main
from gateway.settings import Settings
from gateway.settings.environment import Environment
from tests.doubles.booking_ports import FakeClock

SECRET = "only-for-tests-" * 4
PATIENT = Principal(kind=PrincipalKind.PATIENT, id="p1")


def settings(environment: Environment) -> Settings:
    return Settings(
        environment=environment,
        secret_key=SECRET,
        healthie_url="http://127.0.0.1:1/graphql",
        healthie_organization_key="only-for-tests",
    )


def forged(**changes: Any) -> str:
    """A token signed with the right key, its claims changed; None takes a claim out."""
    clock = FakeClock()
    claims = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": AUDIENCE,
        "sub": "p1",
        "role": "patient",
        "iat": clock.now(),
        "exp": clock.now() + timedelta(hours=1),
    } | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, derive_key(SECRET, "development-jwt"), algorithm="HS256")


class TestVisitorAndGuestTokens:
    def test_a_visitor_is_known_again_by_another_process(self) -> None:
        token = GatewayTokens(secret=SECRET).visitor()
        visitor = GatewayTokens(secret=SECRET).read_visitor(token)
        assert visitor is not None
        assert visitor.kind is PrincipalKind.VISITOR
        assert token.startswith("fdv_")

    def test_no_two_visitors_are_one(self) -> None:
        tokens = GatewayTokens(secret=SECRET)
        assert tokens.read_visitor(tokens.visitor()) != tokens.read_visitor(tokens.visitor())

    def test_a_guest_token_is_the_same_every_time_and_names_its_checkout(self) -> None:
        first, second = GatewayTokens(secret=SECRET), GatewayTokens(secret=SECRET)
        assert first.guest("chk_a-b_c") == second.guest("chk_a-b_c")
        assert first.read_guest(second.guest("chk_a-b_c")) == guest_of("chk_a-b_c")

    @pytest.mark.parametrize("secret", ["another-secret-" * 4, ""])
    def test_a_token_of_another_secret_is_nothing(self, secret: str) -> None:
        foreign = GatewayTokens(secret=secret)
        tokens = GatewayTokens(secret=SECRET)
        assert tokens.read_guest(foreign.guest("chk_1")) is None
        assert tokens.read_visitor(foreign.visitor()) is None

    def test_one_kind_never_passes_for_the_other(self) -> None:
        tokens = GatewayTokens(secret=SECRET)
        name, _, signature = tokens.guest("chk_1").removeprefix("fdg_").rpartition(".")
        assert tokens.read_visitor(f"fdv_{name}.{signature}") is None
        assert tokens.read_visitor(tokens.guest("chk_1")) is None
        assert tokens.read_guest(tokens.visitor()) is None

    @pytest.mark.parametrize("token", ["", ".", "fdg_", "fdg_.", "fdg_chk_1", "fdg_chk_1.", "fdg_chk_é.x"])
    def test_what_is_no_token_is_nothing(self, token: str) -> None:
        assert GatewayTokens(secret=SECRET).read_guest(token) is None

    def test_any_changed_character_breaks_a_token(self) -> None:
        tokens = GatewayTokens(secret=SECRET)
        token = tokens.guest("chk_1")
        for at in range(len(token)):
            other = "A" if token[at] != "A" else "B"
            assert tokens.read_guest(token[:at] + other + token[at + 1 :]) is None


class TestDevelopmentTokens:
    async def test_a_patient_signs_in(self) -> None:
        tokens = DevelopmentTokens(secret=SECRET, clock=FakeClock())
        assert await tokens.verify(tokens.issue("p1")) == PATIENT

    async def test_a_token_ends_with_its_lifetime(self) -> None:
        clock = FakeClock()
        tokens = DevelopmentTokens(secret=SECRET, clock=clock)
        token = tokens.issue("p1", lifetime=timedelta(minutes=10))
        clock.advance(minutes=9, seconds=59)
        assert await tokens.verify(token) == PATIENT
        clock.advance(seconds=1)
        with pytest.raises(InvalidToken):
            await tokens.verify(token)

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "somebody"},
            {"iss": None},
            {"aud": "another-program"},
            {"aud": None},
            {"sub": None},
            {"sub": ""},
            {"sub": "p1 p2"},
            {"sub": 7},
            {"role": "owner"},
            {"role": None},
            {"role": ["patient"]},
            {"exp": None},
            {"exp": "soon"},
            {"exp": float("inf")},
            {"iat": None},
        ],
        ids=str,
    )
    async def test_wrong_claims_prove_nothing(self, changes: dict[str, Any]) -> None:
        with pytest.raises(InvalidToken):
            await DevelopmentTokens(secret=SECRET, clock=FakeClock()).verify(forged(**changes))

    async def test_an_unsigned_token_proves_nothing(self) -> None:
        header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).decode()
        body = forged().split(".")[1]
        with pytest.raises(InvalidToken):
            await DevelopmentTokens(secret=SECRET, clock=FakeClock()).verify(f"{header.rstrip('=')}.{body}.")

    async def test_another_algorithm_with_the_right_key_proves_nothing(self) -> None:
        claims = jwt.decode(forged(), options={"verify_signature": False})
        token = jwt.encode(claims, derive_key(SECRET, "development-jwt") * 2, algorithm="HS512")
        with pytest.raises(InvalidToken):
            await DevelopmentTokens(secret=SECRET, clock=FakeClock()).verify(token)

    @pytest.mark.parametrize("kind", ROLES.values())
    def test_production_issues_none(self, kind: PrincipalKind) -> None:
        with pytest.raises(DevelopmentTokensRefused):
            issue_development_token(
                settings(Environment.PRODUCTION), "p1", kind=kind, lifetime=timedelta(minutes=5)
            )

    def test_none_are_issued_where_a_provider_is_named_whose_gateway_takes_no_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_OIDC_ISSUER", "https://sign-in.example")
        made = CliRunner().invoke(main, ["token", "--patient", "one"])
        assert made.exit_code == 1
        assert "FRONTDOOR_OIDC_ISSUER" in made.output

    def test_a_patient_without_a_name_gets_none(self) -> None:
        with pytest.raises(DevelopmentTokensRefused):
            issue_development_token(settings(Environment.DEVELOPMENT), "", lifetime=timedelta(minutes=5))

    @pytest.mark.parametrize("kind", [PrincipalKind.GUEST, PrincipalKind.VISITOR])
    def test_nobody_signs_in_as_a_guest(self, kind: PrincipalKind) -> None:
        with pytest.raises(DevelopmentTokensRefused):
            issue_development_token(
                settings(Environment.DEVELOPMENT), "one", kind=kind, lifetime=timedelta(minutes=5)
            )

    @pytest.mark.parametrize("role", ROLES)
    async def test_the_command_issues_a_token_of_each_role(
        self, role: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FRONTDOOR_SECRET_KEY", SECRET)
        made = CliRunner().invoke(main, ["token", f"--{role}", "one", "--minutes", "5"])
        assert made.exit_code == 0, made.output
        found = await DevelopmentTokens(secret=SECRET, clock=SystemClock()).verify(made.output.strip())
        assert found == Principal(kind=ROLES[role], id="one")
        monkeypatch.setenv("FRONTDOOR_ENVIRONMENT", "production")
        refused = CliRunner().invoke(main, ["token", f"--{role}", "one"])
        assert refused.exit_code == 1
        assert "development only" in refused.output

    @pytest.mark.parametrize("people", [[], ["--patient", "1", "--staff", "one"]])
    def test_the_command_takes_one_person(self, people: list[str]) -> None:
        refused = CliRunner().invoke(main, ["token", *people])
        assert refused.exit_code == 2
        assert "Name one person" in refused.output


class TestCaller:
    def authenticator(self) -> Authenticator:
        return Authenticator(
            tokens=GatewayTokens(secret=SECRET), verifier=DevelopmentTokens(secret=SECRET, clock=FakeClock())
        )

    async def test_no_headers_are_nobody(self) -> None:
        assert await self.authenticator().caller(Headers({})) is None

    async def test_a_patient_keeps_the_visitor_they_were(self) -> None:
        one = self.authenticator()
        token = one.tokens.visitor()
        headers = Headers({"authorization": f"bearer {forged()}", "frontdoor-visitor": token})
        assert await one.caller(headers) == Caller(principal=PATIENT, visitor=one.tokens.read_visitor(token))

    async def test_a_visitor_token_that_is_not_ours_counts_as_none(self) -> None:
        assert await self.authenticator().caller(Headers({"frontdoor-visitor": "fdv_old.signature"})) is None

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer nonsense", f"Bearer {'x' * 9000}"]
    )
    async def test_a_bad_bearer_is_refused(self, header: str) -> None:
        with pytest.raises(Unauthenticated):
            await self.authenticator().caller(Headers({"authorization": header}))

    async def test_where_nobody_signs_in_a_guest_token_still_opens_its_checkout(self) -> None:
        tokens = GatewayTokens(secret=SECRET)
        one = Authenticator(tokens=tokens, verifier=NoSignIn())
        caller = await one.caller(Headers({"authorization": f"Bearer {tokens.guest('chk_1')}"}))
        assert caller == Caller(principal=guest_of("chk_1"))
