"""Chooses variables for an operation: records that the emulator holds, by the names and types of the places where they go.

What is optional and means nothing here (a filter, a switch) is left out. Ids that a guide prints are its own examples; they are
replaced by ids of records that exist.
"""

import base64
import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    print_ast,
    visit,
)

from integrations.healthie_emulator.state import Table, World

# Records whose class in the emulator is called other than their type in the schema.
TYPES = {
    "Card": "StripeCustomerDetail",
    "Coupon": "OfferingCoupon",
    "Opening": "Availability",
    "PackageSelection": "UserPackageSelection",
}

# Names of arguments that do not say of what type the record is that they name.
NAMED = {
    "appt_type_id": "AppointmentType",
    "appt_loc_id": "AppointmentLocation",
    "closed_by_id": "Provider",
    "custom_module_form_id": "CustomModuleForm",
    "dietitian_id": "Provider",
    "filler_id": "User",
    "form": "CustomModuleForm",
    "id_list": "CustomModuleForm",
    "invoice_id": "",  # a number that people read, no id
    "item_id": "CustomModuleForm",
    "other_party_id": "Provider",
    "owner_id": "Provider",
    "provider_id": "Provider",
    "provider_ids": "Provider",
    "recurringFormId": "",
    "stripe_idempotency_key": "",
}
PATIENTS = frozenset(
    {
        "attendee_ids",
        "user_id",
        "client_id",
        "patient_id",
        "userId",
        "viewable_user_id",
        "taggable_user_id",
        "recipient_ids",
    }
)

# Who pays is the sender of a billing item, and the recipient of an invoice.
PAYERS = {"BillingItem": ("sender_id", "recipient_id"), "RequestedPayment": ("recipient_id", "sender_id")}

SAMPLE_FILE = b"A sample file"  # what stands in the place of an upload

# What an input is given if a request takes it whole.
SAID = frozenset(
    [
        "amount_paid",
        "appointment_type_id",
        "billing_frequency",
        "contact_type",
        "content",
        "conversation_id",
        "custom_module_form_id",
        "date",
        "datetime",
        "day_of_week",
        "email",
        "event_type",
        "file",
        "finished",
        "first_name",
        "id",
        "ids",
        "item_type",
        "last_name",
        "length",
        "name",
        "onboarding_flow_id",
        "price",
        "recipient_id",
        "recipient_ids",
        "sender_id",
        "taggable_user_id",
        "timezone",
        "token",
        "user_id",
    ]
)

OF_PROVIDERS = frozenset({"Availability"})  # whose `user_id` is no patient's

_TIMES = {
    re.compile(r"(^|_)datetime$"): " 09:00",
    re.compile(r"(^|_)(range_start|range_end|date|startDate|endDate|specificDay|scheduled_at|ends_on)$"): "",
}

TEXTS: dict[str, Any] = {
    "amount_paid": "25.00",
    "billing_frequency": "One-Time",
    "city": "Sampletown",
    "contact_type": "Healthie Video Call",
    "content": "A sample message",
    "conversation_type": "individual",
    "day_of_week": 1,
    "display_name": "Sample document",
    "email": "another.sample@example.com",
    "first_name": "Sample",
    "frequency": "Once",
    "invoice_type": "other",
    "is_skippable": False,
    "item_type": "form",
    "last_name": "Person",
    "legal_name": "Sample Person",
    "length": 30,
    "line1": "1 Sample Street",
    "minute": "00",
    "mod_type": "text",
    "name": "Sample",
    "npi": "1234567893",
    "password": "A-sample-password-1",
    "phone_number": "555-0100",
    "price": "25.00",
    "services_provided": "A sample visit",
    "time": "09:00",
    "end_time": "12:00",
    "role": "patient",
    "state": "NY",
    "timezone": "America/New_York",
    "token": "tok_visa",
    "zip": "10001",
}


@dataclasses.dataclass(frozen=True)
class Samples:
    """Records of an emulator by type, and a time at which its first clinician is free."""

    world: World

    def of(self, type_name: str) -> str | None:
        """The id of the first record of a type."""
        if type_name in {"User", "Patient", "Provider"}:
            wanted = "is_active_provider" if type_name == "Provider" else "is_patient"
            return next((each.id for each in self.world.users if getattr(each, wanted) and each.active), None)
        if type_name in self.world.items:
            return next((each.id for each in self.world.items[type_name]), None)
        for table in vars(self.world).values():
            for record in table if isinstance(table, Table) else ():
                if TYPES.get(type(record).__name__, type(record).__name__) == type_name:
                    return str(record.id)
        return None

    @property
    def day(self) -> str:
        """A working day to come."""
        day = self.world.clock.now().date() + timedelta(days=7)
        return (day - timedelta(days=max(day.weekday() - 4, 0))).isoformat()


Chosen = tuple[DocumentNode, dict[str, Any]]


def chosen(
    schema: GraphQLSchema, document: DocumentNode, samples: Samples, given: Mapping[str, Any]
) -> Chosen:
    """The document with ids that exist, and its variables. What stands in `given` goes first, None for what is left out."""
    choosing = _Choosing(schema, samples)
    replaced = visit(document, TypeInfoVisitor(choosing.info, choosing))
    values = {**choosing.values(), **given}
    return replaced, {name: value for name, value in values.items() if value is not None}


class _Choosing(Visitor):
    """Walks an operation and notes a value for each variable, from the first place in which it stands."""

    def __init__(self, schema: GraphQLSchema, samples: Samples) -> None:
        super().__init__()
        self.info = TypeInfo(schema)
        self._samples = samples
        self._declared: dict[str, VariableDefinitionNode] = {}
        self._values: dict[str, Any] = {}
        self._field = ""
        self._root: GraphQLObjectType | None = None

    def values(self) -> dict[str, Any]:
        """Values by variable; a text alone where a list was declared as text."""
        return {
            name: value[0]
            if isinstance(value, list) and value and "[" not in _text(self._declared[name])
            else value
            for name, value in self._values.items()
            if name in self._declared and value is not None
        }

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        root = self.info.get_parent_type()
        field = self.info.get_field_def()
        if field is not None and root is not None and root.name in {"Query", "Mutation"}:
            self._field, self._root = node.name.value, _record(field.type)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        self._declared[node.variable.name.value] = node

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, *_: Any) -> None:
        if not isinstance(parent, VariableDefinitionNode) and node.name.value not in self._values:
            place = parent.name.value if hasattr(parent, "name") else node.name.value
            value = self._value(place, self.info.get_input_type())
            required = _text(self._declared[node.name.value]).endswith("!") or isinstance(
                self.info.get_input_type(), GraphQLNonNull
            )
            self._values[node.name.value] = (
                _any(self.info.get_input_type()) if value is None and required else value
            )

    def leave_string_value(self, node: StringValueNode, _key: Any, parent: Any, *_: Any) -> Any:
        return self._existing(node, parent)

    def leave_int_value(self, node: IntValueNode, _key: Any, parent: Any, *_: Any) -> Any:
        return self._existing(node, parent)

    def _existing(self, node: StringValueNode | IntValueNode, parent: Any) -> Any:
        """Another id in the place of one that a guide prints."""
        name = parent.name.value if hasattr(parent, "name") else ""
        if name in {"after", "before"}:
            return StringValueNode(value=self._cursor())
        if not re.search(r"(^|_)ids?$", name) or not re.fullmatch(r"\d+|\w*id\w*", node.value, re.IGNORECASE):
            return None
        found = self._id(name)
        return StringValueNode(value=found) if found else None

    def _cursor(self) -> str:
        """A place in the list that is asked for: by number in a connection, by a record in a plain list."""
        field = self.info.get_field_def()
        if field is not None and "page_info" in getattr(get_named_type(field.type), "fields", {}):
            return base64.urlsafe_b64encode(b"page-1").decode()
        record = self._samples.of(self._root.name if self._root else "")
        return base64.b64encode(json.dumps({"k": [record]}).encode()).decode()

    def _value(self, name: str, type_: Any) -> Any:
        kind = get_named_type(type_)
        of_list = isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)
        if isinstance(kind, GraphQLInputObjectType):
            return [] if of_list else self._fields(kind)
        value = SAMPLE_FILE if kind.name == "Upload" else self._scalar(name)
        return [value] if of_list and value is not None else value

    def _scalar(self, name: str) -> Any:
        if name in TEXTS:
            return TEXTS[name]
        if name == "form_share_recipient":
            provider = self._samples.of("Provider")
            return self._samples.world.users[provider].email if provider else None
        if name == "date" and self._field == "completeCheckout":  # there it is a time
            return f"{self._samples.day} 10:00"
        for pattern, clock in _TIMES.items():
            if pattern.search(name):
                return f"{self._samples.day}{clock}"
        return self._id(name)

    def _id(self, name: str) -> str | None:
        """The id of a record that the name asks for, if the emulator holds one."""
        root = self._root.name if self._root else ""
        if name == "user_id" and root in OF_PROVIDERS:
            return self._samples.of("Provider")
        if name in PAYERS.get(root, ()):
            return self._samples.of("User" if name == PAYERS[root][0] else "Provider")
        if name in {"id", "ids"}:
            return self._samples.of(root)
        if name in PATIENTS:
            return self._samples.of("User")
        if name in NAMED:
            return self._samples.of(NAMED[name]) if NAMED[name] else None
        stem = re.fullmatch(r"(\w+)_ids?", name)
        return self._samples.of("".join(part.title() for part in stem[1].split("_"))) if stem else None

    def _fields(self, kind: GraphQLInputObjectType) -> dict[str, Any]:
        """An input of what says whom and what it is about."""
        given: dict[str, Any] = {}
        for name, field in kind.fields.items():
            required = isinstance(field.type, GraphQLNonNull)
            if required or name in SAID:
                value = self._value(name, field.type)
                given[name] = _any(field.type) if value is None and required else value
        return {name: value for name, value in given.items() if value is not None}


def _record(type_: Any) -> GraphQLObjectType | None:
    """The type of the record that a root field is about: its own, a connection's, a payload's."""
    kind = get_named_type(type_)
    if not isinstance(kind, GraphQLObjectType):
        return None
    if "nodes" in kind.fields:
        return _record(kind.fields["nodes"].type)
    if kind.name.endswith("Payload"):
        records = (get_named_type(field.type) for field in kind.fields.values())
        return next(
            (each for each in records if isinstance(each, GraphQLObjectType) and each.name != "FieldError"),
            None,
        )
    return kind


def _any(type_: Any) -> Any:
    """A value of a type of which nothing is known."""
    samples = {"Boolean": True, "Int": 1, "Float": 1.0, "JSON": {}}
    kind = get_named_type(type_)
    if hasattr(kind, "values"):
        return next(iter(kind.values))
    return samples.get(kind.name if kind else "", "1")


def _text(definition: VariableDefinitionNode) -> str:
    return print_ast(definition.type)
