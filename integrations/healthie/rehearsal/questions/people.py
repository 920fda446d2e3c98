"""Questions about patients and keys: how one is found, and what staff may do."""

from integrations.healthie.rehearsal.asking import Account, Reply, Unknown
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.scene import Scene


async def _by_email(scene: Scene) -> bool:
    """Two people are on the first page if the argument filters nothing, in a practice with two people."""
    await scene.patient()
    people = (await scene.organization.ask("PeopleByEmail", email=scene.email)).nodes()
    return all(each["email"] == scene.email for each in people)


async def _by_keywords(scene: Scene) -> bool:
    patient = await scene.patient()
    people = (await scene.organization.ask("PeopleByKeywords", keywords=scene.email)).nodes()
    return any(each["id"] == patient for each in people)


async def namesake(scene: Scene, number: int) -> str:
    """One of the two patients without an email, who share a name."""
    first_name, last_name = scene.people_names[1]

    async def find() -> str | None:
        people = (await scene.organization.ask("PeopleByKeywords", keywords=last_name)).nodes()
        return people[number]["id"] if len(people) > number else None

    return await scene.once(
        f"patient without an email {number}",
        find=find,
        make=lambda: scene.organization.ask(
            "MakePatient",
            dietitian_id=scene.clinician.id,
            first_name=first_name,
            last_name=last_name,
            skipped_email=True,
        ),
    )


async def _names(scene: Scene) -> bool:
    await namesake(scene, 0)
    try:
        await namesake(scene, 1)
    except Unknown:
        if "createClient" in scene.notebook.pages.silent:
            raise
        return True
    return False


async def make_key(scene: Scene) -> Reply:
    """Try to make a key of the patient's; noted before, so that one whose answer is lost is given back too."""
    patient = await scene.patient()
    if "key" not in scene.notebook.pages.intended:
        scene.notebook.intend("key")
    return await scene.organization.ask("MakeKey", user_id=patient, name=scene.name)


async def _may_make_keys(scene: Scene) -> bool:
    reply = await make_key(scene)
    if not reply.require_certain("unauthorized"):
        return False
    value = reply.require() or {}
    if not value.get("api_key_object"):
        raise scene.nothing_done(reply)
    scene.notebook.note_made("key", value["api_key_object"]["id"])
    return True


async def patient_account(scene: Scene) -> Account:
    """The patient with a key of their own. Raises Unknown where none may be made."""
    patient = await scene.patient()
    value = (await make_key(scene)).require() or {}
    if not value.get("api_key"):
        raise Unknown("no key of the patient's could be made")
    scene.notebook.note_made("key", value["api_key_object"]["id"])
    return Account(id=patient, client=scene.client(value["api_key"]))


async def _patient_cancels(scene: Scene) -> bool:
    patient = await patient_account(scene)
    made = scene.created(await scene.book(scene.next_time()))
    removed = await patient.ask("RemoveVisit", id=made)
    removed.require()
    after = await scene.visit(made)
    if after is not None and after["pm_status"] != "Cancelled" and not after["deleted_at"]:
        raise scene.nothing_done(removed)
    return after is not None and after["pm_status"] == "Cancelled"


async def _patient_reads(scene: Scene) -> bool:
    reply = await (await patient_account(scene)).ask("OpenForms", user_id=await scene.patient())
    return reply.require_certain("unauthorized") and reply.value is not None


async def _missing(scene: Scene) -> list[str]:
    return [each.what for each in await scene.permissions.findings()]


QUESTIONS = (
    Question(
        name="missing_permissions",
        asks="Which permissions do the keys lack that the gateway needs?",
        ask=_missing,
    ),
    Question(name="email_argument_filters", asks="Does `users(email:)` filter?", ask=_by_email),
    Question(name="keywords_find_email", asks="Does `users(keywords:)` find an email?", ask=_by_keywords),
    Question(
        name="names_without_email_unique",
        asks="Is a second patient of the same name, without an email, refused?",
        ask=_names,
    ),
    Question(
        name="patients_key_cancels",
        asks="Does deleting a visit with the patient's own key leave it to be read as Cancelled?",
        ask=_patient_cancels,
    ),
    Question(
        name="patients_read_form_requests",
        asks="May a patient's own key read which forms are asked for?",
        ask=_patient_reads,
    ),
    Question(
        name="may_create_api_keys",
        asks="May the organization's key make keys for others?",
        ask=_may_make_keys,
    ),
)
