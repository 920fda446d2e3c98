"""Contact types: Healthie's strings mapped to the domain's ContactType."""

from collections.abc import Iterable

from booking.catalog.model import ContactType

# The exact strings are part of Healthie's API. The first one of each kind is sent; all are recognised.
NAMES = {
    ContactType.VIDEO: (
        "Healthie Video Call",
        "Secure Videochat",
        "Healthie Telehealth",
        "Video Call",
        "Zoom Call",
    ),
    ContactType.PHONE: ("Phone Call",),
    ContactType.IN_PERSON: ("In Person", "In-Person"),
}
_KINDS = {name.casefold(): kind for kind, names in NAMES.items() for name in names}


def healthie_name(kind: ContactType) -> str:
    """The string to send to Healthie."""
    return NAMES[kind][0]


def contact_type(name: str | None) -> ContactType | None:
    """The contact type of Healthie's string; None for an unknown one."""
    return _KINDS.get((name or "").strip().casefold())


def contact_types(names: Iterable[str | None]) -> tuple[ContactType, ...]:
    """The known contact types, each once, in Healthie's order."""
    return tuple(dict.fromkeys(kind for name in names if (kind := contact_type(name)) is not None))
