"""Deliveries that come twice, late, out of order or never: what we remember is what Healthie has, and its events say so."""

from dataclasses import replace
from itertools import product

import pytest

from tests.simulation.campaign import collected, with_faults, with_webhooks
from tests.simulation.fate import Trouble
from tests.simulation.plans import Scripted
from tests.simulation.scenarios import CANONICAL
from tests.simulation.schedule import Schedule

SCHEDULES = 120
CHUNK = 20


@pytest.mark.parametrize("first", range(0, SCHEDULES, CHUNK))
def test_whatever_becomes_of_deliveries_we_come_to_know_what_healthie_has(first: int) -> None:
    wrong = {}
    for seed in collected(range(first, first + CHUNK)):
        if violations := with_webhooks(seed).violations:
            wrong[seed] = violations
    assert wrong == {}


def test_one_seed_with_webhooks_played_twice_leaves_the_same_trace() -> None:
    assert with_webhooks(10).trace == with_webhooks(10).trace


@pytest.mark.parametrize("call", ["Charge", "Book"])
def test_a_webhook_wakes_a_checkout_whose_answer_was_lost(call: str) -> None:
    """Without webhooks nobody looks for half a minute; a webhook that something landed is enough to look at once."""
    fault = ((f"call {call}", 1), Trouble.LOST_ANSWER)
    waited = with_faults(fault)
    woken = Schedule(replace(CANONICAL, webhooks=1), Scripted(dict([fault]))).play()

    assert waited.violations == woken.violations == []
    assert confirmed_at(woken.trace) < confirmed_at(waited.trace) - 20
    assert any(" wakes " in line for line in woken.trace)


def test_an_early_check_and_a_worker_that_takes_the_row_anyway_do_it_once() -> None:
    """Answers that are lost, late or never, workers that die and freeze meanwhile, and a webhook that comes at any time."""
    doubts = (Trouble.LOST_ANSWER, Trouble.SILENCE, Trouble.LATE, Trouble.TRUNCATED)
    wrong, wakes = {}, 0
    for number, (call, doubt) in enumerate(product(("Charge", "Book"), doubts)):
        for other in (
            (),
            (("answer WatchedPayment", 1), Trouble.KILL),
            (("call WatchedVisit", 1), Trouble.FREEZE),
        ):
            faults = dict([((f"call {call}", 1), doubt), *([other] if other else [])])
            result = Schedule(replace(CANONICAL, webhooks=number, workers=2), Scripted(faults)).play()
            wakes += sum(" wakes " in line for line in result.trace)
            if result.violations:
                wrong[call, doubt, other] = result.violations
    assert wrong == {}
    assert wakes


def confirmed_at(trace: list[str]) -> float:
    """When, in virtual seconds, the checkout was confirmed."""
    return next(
        float(line.split()[0]) for line in trace if line.startswith(" ") and line.endswith(" confirmed")
    )
