"""What the database says no to beyond the domain's refusals.

DomainError
└── AlreadyCounted    a billing item or an appointment stands on another checkout's row
"""

from booking.refusals import DomainError


class AlreadyCounted(DomainError):
    """One billing item or appointment would be counted for two checkouts."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} belongs to another checkout")
        self.what = what
