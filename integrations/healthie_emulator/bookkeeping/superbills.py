"""Superbills: queries and fields. They are made elsewhere; here only the seed has some."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.amounts import from_minor
from integrations.healthie_emulator.connections import page
from integrations.healthie_emulator.money_records import SuperBill
from integrations.healthie_emulator.people import full_name
from integrations.healthie_emulator.resources.ordering import arranged
from integrations.healthie_emulator.state import Request, World

SORT_WORDS = {
    "name_asc": "NAME_ASC",
    "name_desc": "NAME_DESC",
    "billed_date_asc": "SERVICE_DATE_ASC",
    "billed_date_desc": "SERVICE_DATE_DESC",
    "created_date_asc": "CREATED_AT_ASC",
    "oldest": "CREATED_AT_ASC",
    "created_date_desc": "CREATED_AT_DESC",
    "newest": "CREATED_AT_DESC",
    "amount_billed_asc": "AMOUNT_BILLED_ASC",
    "amount_billed_desc": "AMOUNT_BILLED_DESC",
    "amount_paid_asc": "AMOUNT_PAID_ASC",
    "amount_paid_desc": "AMOUNT_PAID_DESC",
    "status": "STATUS_ASC",
}


def _visible(request: Request, bill: SuperBill | None) -> bool:
    return bill is not None and bill.deleted_at is None and request.me.sees_patient(bill.patient_id)


def _one(request: Request, args: dict[str, Any]) -> SuperBill | None:
    found = request.world.super_bills.get(args.get("id"))
    return found if _visible(request, found) else None


def _listed(request: Request, args: dict[str, Any]) -> dict[str, Any]:
    world, words = request.world, (args.get("keywords") or "").casefold()
    found = [
        bill
        for bill in world.super_bills
        if _visible(request, bill)
        and args.get("client_id") in (None, bill.patient_id)
        and args.get("provider_id") in (None, bill.dietitian_id)
        and (args.get("status") or bill.status).casefold() == bill.status.casefold()
        and words in _searched(world, bill)
    ]
    asked = args | ({"order_by": "STATUS_ASC"} if args.get("order_by") == "STATUS" else {})
    return page(arranged(found, asked, _orders(world), "CREATED_AT_ASC", old_words=SORT_WORDS), args)


def _searched(world: World, bill: SuperBill) -> str:
    return f"{bill.status} {_name(world, bill.patient_id)} {_name(world, bill.dietitian_id)}".casefold()


def _name(world: World, user_id: str) -> str:
    user = world.users.get(user_id)
    return full_name(user) if user else ""


def _orders(world: World) -> dict[str, Callable[[SuperBill], Any]]:
    return {
        "NAME": lambda bill: _name(world, bill.patient_id),
        "SERVICE_DATE": lambda bill: bill.service_date,
        "AMOUNT_PAID": lambda bill: bill.paid,
        "AMOUNT_BILLED": lambda bill: bill.total,
        "STATUS": lambda bill: bill.status,
        "CREATED_AT": lambda bill: (bill.created_at, int(bill.id)),
    }


def _of_patient(name: str) -> Callable[..., Any]:
    def read(bill: SuperBill, request: Request, _: object) -> Any:
        user = request.world.users.get(bill.patient_id)
        return getattr(user, name, None)

    return read


def _of_provider(name: str) -> Callable[..., Any]:
    def read(bill: SuperBill, request: Request, _: object) -> Any:
        user = request.world.users.get(bill.dietitian_id)
        return getattr(user, name, None)

    return read


def _born(bill: SuperBill, request: Request, _: object) -> str | None:
    user = request.world.users.get(bill.patient_id)
    return user.dob.isoformat() if user and user.dob else None


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Query.superBill": _one,
    "Query.superBills": _listed,
    "SuperBill.amount_paid": lambda bill, *_: from_minor(bill.paid, bill.currency),
    "SuperBill.total_fee": lambda bill, *_: from_minor(bill.total, bill.currency),
    "SuperBill.balance_due": lambda bill, *_: from_minor(max(0, bill.total - bill.paid), bill.currency),
    "SuperBill.patient": lambda bill, request, _: request.world.users.get(bill.patient_id),
    "SuperBill.provider": lambda bill, request, _: request.world.users.get(bill.dietitian_id),
    "SuperBill.patient_name": lambda bill, request, _: _name(request.world, bill.patient_id),
    "SuperBill.provider_name": lambda bill, request, _: _name(request.world, bill.dietitian_id),
    "SuperBill.patient_dob": _born,
    "SuperBill.patient_phone": _of_patient("phone_number"),
    "SuperBill.npi": _of_provider("npi"),
    "SuperBill.prov_email": _of_provider("email"),
    "SuperBill.prov_phone": _of_provider("phone_number"),
}
