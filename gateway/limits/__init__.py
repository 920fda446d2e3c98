"""Limits on GraphQL documents: size, depth, cost and the like, checked before execution, over every transport (docs/requests.md)."""

from gateway.limits.documents import Documents, Examined
from gateway.limits.operation import Operation

__all__ = ["Documents", "Examined", "Operation"]
