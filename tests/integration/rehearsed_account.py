"""A practice to rehearse on, behind an emulator: what it holds is compared before and after."""

import dataclasses
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.healthie.connect import Notebook, Rehearsal, Scene, listening, rehearsal
from integrations.healthie.rehearsal.profile import Profile
from integrations.healthie.rehearsal.questions import Question
from integrations.healthie.rehearsal.rehearse import QUESTIONS
from integrations.upstream.audit import LoggedCalls
from tests.plugins.emulator import CLINICIAN_1, OWNER, STILL, EmulatorClient

RECORDS = """query Records($clinician: ID) { customModuleForms { nodes { name } } appointmentTypes { nodes { name } }
  offerings { nodes { name } } apiKeys { nodes { name } } webhooks { nodes { url } }
  users(keywords: "Rehearsal", active_status: "active") { nodes { last_name } } requestedPayments(status_filter: "unpaid") { nodes { id } }
  availabilities(provider_id: $clinician, show_availability: true, one_time: true) { id } }"""
RESTORING = """mutation R($id: ID!) { updateAppointmentSetting(input: {id: $id, restore_credit_on_cancel: true,
  enable_late_cancellation_status: true}) { messages { message } } }"""


@dataclasses.dataclass(kw_only=True)
class Account:
    """A practice to rehearse on, whose emulator has these switches."""

    emulator: EmulatorClient
    clinician: str
    path: Path

    def connected(self) -> Any:
        return rehearsal(
            url=f"{self.emulator.url}/graphql",
            organization_key=OWNER,
            clinician_id=self.clinician,
            clinician_key=CLINICIAN_1,
            audit=LoggedCalls(),
            now=lambda: datetime.fromisoformat(STILL),
        )

    def notebook(self) -> Notebook:
        return Notebook.opened(self.path, upstream=self.emulator.url, now=datetime.fromisoformat(STILL))

    async def play(self, questions: Sequence[Question] = QUESTIONS) -> Profile:
        """A rehearsal from its beginning to its end."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        ear = listening(f"http://127.0.0.1:{port}/hear?here", host="127.0.0.1", port=port)
        async with self.connected() as rehearsed, ear as heard:
            scene = await rehearsed.scene(self.notebook(), heard)
            async for _ in rehearsed.ask_all(scene, questions):
                pass
            assert await rehearsed.tidy(scene) == []
            return profile_of(rehearsed, scene)

    async def standing(self) -> tuple[list[str], int, dict[str, Any]]:
        """What a practice sees: visits that stand, money (cents) that was not given back, and its other records."""
        books = await self.emulator.control.books()
        visits = [
            each["id"]
            for each in books["appointments"]
            if not each["deleted_at"] and each["pm_status"] is None
        ]
        charged = sum(each["amount"] for each in books["charges"])
        records = await self.emulator.ask(RECORDS, key=OWNER, clinician=self.clinician)
        return visits, charged - sum(each["amount"] for each in books["refunds"]), records


def profile_of(rehearsed: Rehearsal, scene: Scene) -> Profile:
    return rehearsed.profile(scene)


@pytest.fixture
async def account(emulator_server: EmulatorClient, tmp_path: Path) -> Account:
    practice = await emulator_server.control.reset(clock=STILL)
    me = await emulator_server.ask("{ currentUser { appointment_setting { id } } }")
    answer = await emulator_server.ask(RESTORING, id=me["currentUser"]["appointment_setting"]["id"])
    assert not answer["updateAppointmentSetting"]["messages"]
    return Account(
        emulator=emulator_server, clinician=practice["clinicians"][0]["id"], path=tmp_path / "notebook.json"
    )
