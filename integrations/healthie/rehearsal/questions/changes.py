"""Questions about visits after they were booked: whom the notice binds, groups, what a list of a range holds."""

from datetime import timedelta

from integrations.healthie.rehearsal.asking import Unknown
from integrations.healthie.rehearsal.ground import CONTACT, MINUTES, ZONE, wall_clock
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.questions.people import namesake, patient_account
from integrations.healthie.rehearsal.scene import Scene

# Longer than the visits are away, so that the patient is always too late.
NOTICE = 400 * 24 * 60  # minutes


async def _notice(scene: Scene) -> bool:
    name = f"{scene.name} strict"
    visit_type = await scene.once(
        "strict visit type",
        find=lambda: scene.named("VisitTypes", name),
        make=lambda: scene.organization.ask(
            "MakeStrictVisitType",
            name=name,
            length=MINUTES,
            contact_type_overrides=[CONTACT],
            notice=NOTICE,
        ),
    )
    patient = await patient_account(scene)
    made = scene.created(await scene.book(scene.next_time(), visit_type=visit_type))
    removed = await patient.ask("RemoveVisit", id=made)
    return not removed.require_certain()


async def _attendees(scene: Scene) -> bool:
    name = f"{scene.name} group"
    visit_type = await scene.once(
        "group visit type",
        find=lambda: scene.named("VisitTypes", name),
        make=lambda: scene.organization.ask(
            "MakeGroupVisitType", name=name, length=MINUTES, contact_type_overrides=[CONTACT]
        ),
    )
    first, second = await scene.patient(), await namesake(scene, 0)
    made = scene.created(
        await scene.clinician.ask(
            "MakeGroupVisit",
            attendee_ids=[first],
            appointment_type_id=visit_type,
            contact_type=CONTACT,
            datetime=wall_clock(scene.next_time()),
            timezone=ZONE,
        )
    )
    scene.notebook.note_made("group visit", made)
    seated = await scene.clinician.ask("SeatInGroupVisit", id=made, attendee_ids=[second])
    seated.require()
    there = await _seats(scene, made)
    if second not in there:
        raise scene.nothing_done(seated)
    return first not in there


async def _seats(scene: Scene, visit_id: str) -> set[str]:
    visit = (await scene.organization.ask("Seats", id=visit_id)).require() or {}
    return {each["id"] for each in visit.get("attendees") or ()}


async def _past(scene: Scene) -> bool:
    patient, day = await scene.patient(), scene.day - timedelta(days=2 * scene.days_ahead)
    made = scene.created(await scene.book(day + timedelta(hours=14)))
    listed = await scene.organization.ask(
        "VisitsInRange",
        user_id=patient,
        start=day.date().isoformat(),
        end=(day + timedelta(days=1)).date().isoformat(),
    )
    return made not in {each["id"] for each in listed.nodes()}


async def _unarchives(scene: Scene) -> bool:
    patient = await namesake(scene, 0)
    (await scene.organization.ask("ArchivePatient", id=patient)).require()
    booked = await scene.clinician.ask(
        "MakeVisit",
        user_id=patient,
        appointment_type_id=await scene.visit_type(),
        contact_type=CONTACT,
        datetime=wall_clock(scene.next_time()),
        timezone=ZONE,
        enforce_availability=False,
    )
    scene.notebook.note_made("visit of the namesake", scene.created(booked))
    person = (await scene.organization.ask("Person", id=patient)).require()
    if person is None:
        raise Unknown("an archived patient cannot be read")
    return bool(person["active"])


async def _archived_listed(scene: Scene) -> bool:
    patient = await namesake(scene, 0)
    (await scene.organization.ask("ArchivePatient", id=patient)).require()
    run = scene.notebook.pages.run
    people = (await scene.organization.ask("PeopleByKeywords", keywords=f"Namesake {run}")).nodes()
    return any(each["id"] == patient for each in people)


QUESTIONS = (
    Question(
        name="notice_binds_patients",
        asks="Is a patient's own key refused within the notice period?",
        ask=_notice,
    ),
    Question(
        name="attendee_ids_replace",
        asks="Do `attendee_ids` of an update take the others' seats?",
        ask=_attendees,
    ),
    Question(
        name="ranges_list_future_only",
        asks="Does a list of a past range leave out what is past?",
        ask=_past,
    ),
    Question(
        name="staff_booking_unarchives",
        asks="Does a booking by staff make an archived patient active again?",
        ask=_unarchives,
    ),
    Question(
        name="archived_users_unasked",
        asks="Does a list of patients hold archived ones unasked?",
        ask=_archived_listed,
    ),
)
