"""Chooses the TokenVerifier by the settings."""

import contextlib
from datetime import timedelta

import httpx2

from booking.ports import Clock, Patients
from gateway.callers.cached_tokens import CachedTokens
from gateway.callers.sign_in.patients import LinkedPatients, PatientLinks
from gateway.callers.sign_in.provider import ProviderKeys
from gateway.callers.sign_in.tokens import ProviderTokens, SignInRules
from gateway.callers.tokens import DevelopmentTokens, NoSignIn, TokenVerifier
from gateway.settings import Settings


async def connect_sign_in(
    settings: Settings,
    *,
    patients: Patients,
    links: PatientLinks,
    clock: Clock,
    exits: contextlib.AsyncExitStack,
) -> TokenVerifier:
    """Verifies tokens of the configured provider; without one, development tokens in development and none in production."""
    if settings.oidc_issuer is None:
        if not settings.in_development:
            return NoSignIn()
        tokens = DevelopmentTokens(secret=settings.secret_key.get_secret_value(), clock=clock)
        return CachedTokens(tokens, clock=clock)
    client = await exits.enter_async_context(httpx2.AsyncClient())
    provider = ProviderTokens(
        rules=SignInRules(
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience or "",
            longest_life=timedelta(minutes=settings.oidc_longest_minutes),
            role_claim=settings.oidc_role_claim,
            patient_claim=settings.oidc_patient_claim,
            tenant_claim=settings.oidc_tenant_claim,
            tenant=settings.tenant,
        ),
        keys=ProviderKeys(issuer=settings.oidc_issuer, client=client, clock=clock),
        patients=LinkedPatients(patients=patients, links=links, clock=clock),
        clock=clock,
    )
    return CachedTokens(provider, clock=clock)
