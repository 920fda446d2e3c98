"""Requests to fill a form in (`RequestedFormCompletion`), which staff send to patients and groups."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.errors import not_allowed, refused
from integrations.healthie_emulator.forms.filled import visible
from integrations.healthie_emulator.forms.templates import template
from integrations.healthie_emulator.records import FormAnswerGroup
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request, World
from integrations.healthie_emulator.tags_and_groups.groups import members

BACKGROUND_SECONDS = 1.0  # the answer comes before the requests do, which a job sends
OWN_FORM = "cmf"  # `item_type` of a request for a form of the practice
GENERIC_FORMS = frozenset({"billing_info", "insurance", "photo_id"})
FREQUENCIES = frozenset({"Daily", "Weekly", "Monthly"})

Given = dict[str, Any]


def is_open(world: World, asked: Item) -> bool:
    """Return whether a request is still to be answered."""
    return status(world, asked) != "Complete"


def status(world: World, asked: Item) -> str:
    """Word the state of a request: Open, Incomplete (begun), Complete."""
    if asked.form_answer_group_id is not None:
        return "Complete"
    return "Incomplete" if _draft(world, asked) else "Open"


def _draft(world: World, asked: Item) -> FormAnswerGroup | None:
    begun = (
        form
        for form in world.forms
        if form.requested_form_completion_id == asked.id and not form.finished and form.deleted_at is None
    )
    return next(begun, None)


def _create(request: Request, given: Given) -> Given:
    """Send requests in the background, one to each patient: no id comes back.

    `form` is the id of a template or the name of one of Healthie's own forms; recipients are ids of patients and `group-<id>`.
    """
    me, world = request.me, request.world
    if me.is_patient:
        raise not_allowed()
    form = str(given.get("form") or given.get("custom_module_form_id") or "")
    own = template(world, form)
    if own is None and form not in GENERIC_FORMS:
        return refused("Form must exist", field="form")
    named = [i for i in (*(given.get("recipient_ids") or ()), given.get("recipient_id")) if i]
    recipients = dict.fromkeys(each for name in named for each in _patients(world, str(name)))
    if not recipients:
        return refused("Recipients can't be blank", field="recipient_ids")
    if given.get("is_recurring") and given.get("frequency") not in FREQUENCIES:
        return refused("Frequency can't be blank", field="frequency")
    about = {
        "item_type": OWN_FORM if own else form,
        "custom_module_form_id": own.id if own else None,
        "sender_id": me.user.id,
        "metadata": given.get("metadata"),
    }

    def send() -> None:
        series = _series(world, given, own, list(recipients), me.user.id)
        for recipient_id in recipients:
            asked = items.add(
                world,
                "RequestedFormCompletion",
                recipient_id=recipient_id,
                recurring_form_id=series.id if series else None,
                **about,
            )
            world.emit("requested_form_completion.created", "RequestedFormCompletion", asked.id)

    world.later(BACKGROUND_SECONDS, send)
    return {"requestedFormCompletion": None, "requestedFormCompletionStatus": {"status": "processing"}}


def _patients(world: World, name: str) -> list[str]:
    if name.startswith("group-"):
        return [user.id for user in members(world, name.removeprefix("group-"))]
    user = world.users.get(name)
    return [user.id] if user and user.is_patient else []


def _series(
    world: World, given: Given, form: Item | None, user_ids: list[str], sender_id: str
) -> Item | None:
    if not given.get("is_recurring"):
        return None
    return items.add(
        world,
        "RecurringForm",
        form_id=form.id if form else None,
        form_type=OWN_FORM if form else str(given.get("form")),
        interval_type=given["frequency"],
        interval=given.get("weekday") or given.get("monthday"),
        is_active=True,
        user_id=sender_id,
        user_ids=user_ids,
    )


def _delete(request: Request, given: Given) -> Given:
    """Withdraw a request, and the series that it belongs to if that is named."""
    world = request.world
    if request.me.is_patient:
        raise not_allowed()
    asked = world.items["RequestedFormCompletion"].remove(str(given.get("id")))
    if asked is None:
        return refused("Requested form completion not found", field="id")
    world.items["RecurringForm"].remove(str(given.get("recurringFormId")))
    world.emit("requested_form_completion.deleted", "RequestedFormCompletion", asked.id)
    return {"requestedFormCompletion": asked}


def requests_to(world: World, user_id: str) -> list[Item]:
    """Return the requests to a patient."""
    return items.every(world, "RequestedFormCompletion", recipient_id=user_id)


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    """List requests. Whether a patient's key may is not documented, so it is a switch; it sees its own."""
    me, world = request.me, request.world
    if me.is_patient and not world.switches.patients_read_form_requests:
        raise not_allowed()
    words, wanted = (args.get("keywords") or "").casefold(), args.get("status")
    found = [
        asked
        for asked in world.items["RequestedFormCompletion"]
        if me.sees_patient(asked.recipient_id)
        and args.get("user_id") in (None, asked.recipient_id)
        and wanted in (None, status(world, asked))
        and words in form_name(world, asked).casefold()
    ]
    return page(found, args)


def _one(request: Request, args: dict[str, Any]) -> Item | None:
    asked = request.world.items["RequestedFormCompletion"].get(args.get("id"))
    if request.me.is_patient and not request.world.switches.patients_read_form_requests:
        raise not_allowed()
    return asked if asked and request.me.sees_patient(asked.recipient_id) else None


def form_name(world: World, asked: Item) -> str:
    """Return the name of the form that is asked for."""
    form = world.items["CustomModuleForm"].get(asked.custom_module_form_id)
    return str(form.name if form else asked.item_type)


def _date_to_show(asked: Item, request: Request, *_: Any) -> Any:
    shown = request.world.forms.get(asked.form_answer_group_id) or _draft(request.world, asked) or asked
    return shown.created_at


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.requestedFormCompletion": _one,
    "Query.requestedFormCompletions": _listed,
    "Mutation.createRequestedFormCompletion": _create,
    "Mutation.deleteRequestedFormCompletion": _delete,
    "RequestedFormCompletion.custom_module_form": lambda asked, request, _: request.world.items[
        "CustomModuleForm"
    ].get(asked.custom_module_form_id),
    "RequestedFormCompletion.date_to_show": _date_to_show,
    "RequestedFormCompletion.form_answer_group": lambda asked, request, _: visible(
        request, asked.form_answer_group_id
    ),
    "RequestedFormCompletion.metadata": lambda asked, request, _: (
        None if request.me.is_patient else asked.metadata
    ),
    "RequestedFormCompletion.recipient": lambda asked, request, _: request.world.users.get(
        asked.recipient_id
    ),
    "RequestedFormCompletion.recurring_form": lambda asked, request, _: request.world.items[
        "RecurringForm"
    ].get(asked.recurring_form_id),
    "RequestedFormCompletion.sender": lambda asked, request, _: request.world.users.get(asked.sender_id),
    "RequestedFormCompletion.status": lambda asked, request, _: status(request.world, asked),
    "RecurringForm.custom_module_form": lambda series, request, _: request.world.items[
        "CustomModuleForm"
    ].get(series.form_id),
    "RecurringForm.users": lambda series, request, _: [
        request.world.users[i] for i in series.user_ids or () if request.me.sees_patient(i)
    ],
}
