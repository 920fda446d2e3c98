"""From an answer's data to its typed form, and what becomes of an answer that has another one.

Unknown enum values, extra fields, both date formats and numbers for texts are read by the types themselves.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError

from integrations.healthie.answers import record_id
from integrations.healthie.generated.base_model import BaseModel
from integrations.upstream.errors import CallError, ContractBroken, UnreadableAnswer
from integrations.upstream.transport import Reply, Request

log = structlog.get_logger(__name__)

M = TypeVar("M", bound=BaseModel)

# Reads in whose lists a record that cannot be read is left out, since nothing wrong follows from not seeing it: a plan,
# visit type, clinician, place or slot is not offered, a card cannot be chosen, a promo code is not taken. In every other
# list a missing record would be believed: a patient created twice, a charge sent again, a visit that seems cancelled.
SKIPPING = frozenset(
    {
        "PublicCatalog",
        "MoreOfferings",
        "MoreAppointmentTypes",
        "MoreMembers",
        "MoreLocations",
        "AvailableSlots",
        "Cards",
        "Coupons",
    }
)

Place = tuple[int | str, ...]


def decode(result: type[M], request: Request, reply: Reply) -> M | CallError:
    """The typed answer, or what kept it from being one. Pydantic's own error holds the values: it goes no further."""
    if reply.error is not None:
        return reply.error
    try:
        return result.model_validate(reply.data)
    except ValidationError as error:
        places = _places(error)
    code = f"undecodable_answer at {', '.join(sorted({_named(each) for each in places})[:3])}"
    if request.mutation:
        return UnreadableAnswer(request.operation, code, record_id=record_id(reply.data))
    if request.operation in SKIPPING:
        try:
            decoded = result.model_validate(_without(reply.data, places))
        except ValidationError:
            pass
        else:
            log.warning("healthie.records_skipped", operation=request.operation, why=code)
            return decoded
    return ContractBroken(request.operation, code)


def _places(error: ValidationError) -> list[Place]:
    return [detail["loc"] for detail in error.errors(include_input=False, include_url=False)]


def _named(place: Place) -> str:
    """Name the field, without indices."""
    return ".".join(part for part in place if isinstance(part, str))


def _without(data: Any, places: Iterable[Place]) -> Any:
    """The answer less the records in which these places are; what is in no list stays."""
    records = {_record(place) for place in places}
    for *path, index in sorted((each for each in records if each), key=lambda each: -int(each[-1])):
        listed = data
        for part in path:
            listed = listed[part]
        del listed[index]
    return data


def _record(place: Place) -> Place:
    """The outermost record of a list in which a place is; empty when it is in none."""
    return next((place[: depth + 1] for depth, part in enumerate(place) if isinstance(part, int)), ())
