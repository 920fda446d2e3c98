"""Decodes responses into the generated types, and classifies the ones that do not match.

The types themselves accept unknown enum values, extra fields, both date formats and numbers in place of text.
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

# Reads whose lists skip a record that cannot be decoded, because its absence does no harm: a plan, visit type, clinician,
# location or slot is not offered, a card cannot be chosen, a promo code does not apply. In any other list a missing record
# would lead to a wrong action: a patient created twice, a charge sent again, a visit taken for cancelled.
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

Path = tuple[int | str, ...]


def decode(result: type[M], request: Request, reply: Reply) -> M | CallError:
    """The decoded response, or the error. Pydantic's own error is dropped here, because it contains the values."""
    if reply.error is not None:
        return reply.error
    if isinstance(reply.data, result):  # from its flat form
        return reply.data
    try:
        return result.model_validate(reply.data)
    except ValidationError as error:
        paths = _paths(error)
    code = f"undecodable_answer at {', '.join(sorted({_named(each) for each in paths})[:3])}"
    if request.mutation:
        return UnreadableAnswer(request.operation, code, record_id=record_id(reply.data))
    if request.operation in SKIPPING:
        try:
            decoded = result.model_validate(_without(reply.data, paths))
        except ValidationError:
            pass
        else:
            log.warning("healthie.records_skipped", operation=request.operation, why=code)
            return decoded
    return ContractBroken(request.operation, code)


def _paths(error: ValidationError) -> list[Path]:
    return [detail["loc"] for detail in error.errors(include_input=False, include_url=False)]


def _named(path: Path) -> str:
    """The dotted name of a field, without list indices."""
    return ".".join(part for part in path if isinstance(part, str))


def _without(data: Any, paths: Iterable[Path]) -> Any:
    """The response without the list records that contain these paths; anything outside a list stays."""
    records = {_record(path) for path in paths}
    for *parents, index in sorted((each for each in records if each), key=lambda each: -int(each[-1])):
        listed = data
        for part in parents:
            listed = listed[part]
        del listed[index]
    return data


def _record(path: Path) -> Path:
    """The path of the outermost list record that contains a path; empty when there is none."""
    return next((path[: depth + 1] for depth, part in enumerate(path) if isinstance(part, int)), ())
