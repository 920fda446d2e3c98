"""Limits on GraphQL documents: size, depth, cost and the like, checked before execution, over every transport (docs/requests.md)."""

from gateway.limits.documents import Documents
from gateway.limits.extension import RequestLimits

__all__ = ["Documents", "RequestLimits"]
