"""What a document may ask for: bounds that hold before anything is executed, whatever transport brought it."""

from gateway.limits.documents import Documents
from gateway.limits.extension import RequestLimits

__all__ = ["Documents", "RequestLimits"]
