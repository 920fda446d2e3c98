"""Whom each operation is about: said for every one, and in one place only."""

import pytest
from graphql import OperationDefinitionNode

from integrations.healthie.subjects import OF_PATIENTS, PUBLIC, is_public, patient_in
from tests.doubles.healthie_documents import OPERATIONS

NAMES = {each.name.value for each in OPERATIONS if each.name}

# What speaks of one patient, by the fields it asks for or changes. None of these may be taken for public.
PERSONAL = frozenset(
    {
        "appointment",
        "appointments",
        "billingItem",
        "billingItems",
        "cancelRecurringPayment",
        "chargeBack",
        "chargeBacks",
        "createAppointment",
        "createBillingItem",
        "createClient",
        "createStripeCustomerDetail",
        "deleteAppointment",
        "formAnswerGroup",
        "formAnswerGroups",
        "stripeCustomerDetails",
        "updateBillingItem",
        "user",
        "users",
    }
)


def test_every_operation_is_about_nobody_or_about_a_patient() -> None:
    assert PUBLIC | OF_PATIENTS.keys() == NAMES | {"ApiVersion", "IntrospectionQuery"}, (
        "say it of a new operation in integrations/healthie/subjects.py"
    )
    assert not PUBLIC & OF_PATIENTS.keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name.value)
def test_no_operation_that_speaks_of_a_patient_is_public(operation: OperationDefinitionNode) -> None:
    assert operation.name
    fields = {each.to_dict()["name"]["value"] for each in operation.selection_set.selections}

    assert fields
    assert not (is_public(operation.name.value) and fields & PERSONAL)
    assert not (is_public(operation.name.value) and operation.operation.value == "mutation")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name.value)
def test_the_variable_that_names_the_patient_is_one_of_the_operation(
    operation: OperationDefinitionNode,
) -> None:
    assert operation.name
    named = OF_PATIENTS.get(operation.name.value)

    assert named is None or named in {
        each.variable.name.value for each in operation.variable_definitions or ()
    }


def test_an_operation_that_nobody_spoke_of_is_about_a_patient() -> None:
    assert not is_public("SampleOperation")
    assert patient_in("SampleOperation", {"id": "501"}) is None


def test_the_patient_is_read_from_the_variables() -> None:
    assert patient_in("Charge", {"sender_id": "501", "recipient_id": "11"}) == "501"
    assert patient_in("PublicCatalog", {}) is None
