"""The seed's forms, intake flow, group, tags, conversations, documents and insurance: a little of each."""

from typing import Any

from integrations.healthie_emulator.chat.conversations import begin_with_clinician
from integrations.healthie_emulator.records import User
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import World

PDF = b"%PDF-1.4\n% Synthetic: nobody's document.\n%%EOF\n"

Question = tuple[str, str, bool]  # mod_type, label, required

FORMS: tuple[tuple[str, dict[str, bool], tuple[Question, ...]], ...] = (
    (
        "New Patient Intake",
        {"prefill": True},
        (
            ("read_only", "Please answer as well as you can.", False),
            ("text", "What brings you here?", True),
            ("radio", "Do you take medicines at present?", True),
            ("textarea", "Which ones?", False),
            ("signature", "Signature", True),
        ),
    ),
    (
        "Telehealth Consent",
        {},
        (
            ("read_only", "Visits by video have limits, which were explained to me.", False),
            ("agree_to_above", "I agree to the above", True),
            ("signature", "Signature", True),
        ),
    ),
    ("Visit Note", {"use_for_charting": True}, (("textarea", "Notes of the visit", False),)),
    (
        "Free Text",
        {"use_for_charting": True, "uploaded_by_healthie_team": True},
        (("textarea", "Free Text", False),),
    ),
    (
        "ADIME",
        {"use_for_charting": True, "uploaded_by_healthie_team": True},
        (("textarea", "Assessment", False), ("textarea", "Diagnosis", False)),
    ),
)


def add_records(world: World, clinicians: list[User], patients: list[User]) -> None:
    """Add what patients and staff have besides visits and payments."""
    owner = world.organization.owner_id
    forms = {name: _add_form(world, owner, name, flags, asked) for name, flags, asked in FORMS}
    flow = _add_flow(world, owner, forms)
    group = items.add(world, "UserGroup", name="New Patients", user_id=owner, onboarding_flow_id=flow.id)
    world.users.change(patients[2].id, user_group_id=group.id)
    items.add(world, "Tag", name="Interpreter needed", user_id=owner)
    plan = next(each for each in world.offerings if each.name == "First Visit")
    items.add(world, "Tag", name="Sells the First Visit", user_id=owner, offering_id=plan.id)
    for patient in patients:
        begin_with_clinician(world, patient)
    talk = items.every(world, "Conversation")[0]
    items.add(
        world,
        "Note",
        conversation_id=talk.id,
        user_id=clinicians[0].id,
        content="<p>Welcome to the practice.</p>",
    )
    _add_documents(world, clinicians[0], patients[0])
    _add_insurance(world, clinicians[0], patients[0])
    world.outbox.clear()  # nothing of it happened while somebody listened


def _add_form(
    world: World, owner_id: str, name: str, flags: dict[str, bool], asked: tuple[Question, ...]
) -> Item:
    form = items.add(world, "CustomModuleForm", name=name, user_id=owner_id, **flags)
    made: dict[str, Item] = {}
    for position, (kind, label, required) in enumerate(asked):
        depends = made.get("radio") if label == "Which ones?" else None
        made[kind] = items.add(
            world,
            "CustomModule",
            custom_module_form_id=form.id,
            mod_type=kind,
            label=label,
            required=required,
            position=float(position),
            options="Yes\nNo" if kind == "radio" else None,
            condition=depends
            and {
                "conditional_custom_module_id": depends.id,
                "filter_type": "equals",
                "value_to_filter": "Yes",
            },
        )
    return form


def _add_flow(world: World, owner_id: str, forms: dict[str, Item]) -> Item:
    flow = items.add(
        world,
        "OnboardingFlow",
        name="Intake of new patients",
        user_id=owner_id,
        uuid="5a3e0000-0000-4000-8000-000000000001",
    )
    steps: tuple[tuple[str, str | None, bool], ...] = (
        ("Module Form", forms["New Patient Intake"].id, False),
        ("Module Form", forms["Telehealth Consent"].id, False),
        ("Insurance Form", None, True),
    )
    for order, (kind, item_id, is_skippable) in enumerate(steps):
        items.add(
            world,
            "OnboardingItem",
            onboarding_flow_id=flow.id,
            item_type=kind,
            item_id=item_id,
            is_skippable=is_skippable,
            row_order=order,
        )
    return flow


def _add_documents(world: World, clinician: User, patient: User) -> None:
    for name, is_shared in (("Care plan.pdf", True), ("Notes for staff.pdf", False)):
        items.add(
            world,
            "Document",
            display_name=name,
            owner_id=clinician.id,
            rel_user_id=patient.id,
            share_with_rel=is_shared,
            extension=".pdf",
            content_type="application/pdf",
            content_bytes=PDF,
        )


def _add_insurance(world: World, clinician: User, patient: User) -> None:
    plans = [
        items.add(world, "InsurancePlan", payer_name=name, payer_id=payer_id, is_custom=False)
        for name, payer_id in (("Sample Health Mutual", "SAMPL1"), ("Another Sample Payer", "SAMPL2"))
    ]
    accepted = items.add(world, "AcceptedInsurancePlan", insurance_plan_id=plans[0].id)
    items.add(world, "ProviderAcceptedInsurancePlan", provider_id=clinician.id, accepted_id=accepted.id)
    items.add(
        world,
        "Policy",
        user_id=patient.id,
        insurance_plan_id=plans[0].id,
        name=plans[0].payer_name,
        num="SAMPLE-0001",
        priority_type="primary",
        holder_first=patient.first_name,
        holder_last=patient.last_name,
        holder_relationship="self",
        insurance_billing_method="no_billing_method",
    )
    items.add(
        world,
        "InsuranceAuthorization",
        user_id=patient.id,
        authorization_number="SAMPLE-AUTH-1",
        visits_authorized="10",
        visits_used="1",
        visits_left="9",
    )


def described(world: World) -> dict[str, Any]:
    """Return the ids of what a program may want to name."""
    return {
        "forms": {form.name: form.id for form in world.items["CustomModuleForm"]},
        "groups": {group.name: group.id for group in world.items["UserGroup"]},
        "tags": {tag.name: tag.id for tag in world.items["Tag"]},
        "insurance_plans": {plan.payer_name: plan.id for plan in world.items["InsurancePlan"]},
    }
