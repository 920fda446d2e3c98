"""How patient and clinician meet, in Healthie's words and in ours."""

from collections.abc import Iterable

from booking.catalog.model import ContactType

# The exact strings are part of Healthie's interface; what is asked for is always the first of its kind.
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
    """What to send."""
    return NAMES[kind][0]


def contact_type(name: str | None) -> ContactType | None:
    """What Healthie's string means; None for one that we do not know."""
    return _KINDS.get((name or "").strip().casefold())


def contact_types(names: Iterable[str | None]) -> tuple[ContactType, ...]:
    """The known ones, each once, in Healthie's order."""
    return tuple(dict.fromkeys(kind for name in names if (kind := contact_type(name)) is not None))
