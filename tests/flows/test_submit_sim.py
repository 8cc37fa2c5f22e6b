"""Hundreds of seeded days of a submitter that dies anywhere, over a venue that answers, loses, delays and forgets."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from connectors import faults
from operators import outbox
from tests.flows.scripted_venue import BLIND, GOOD, LOOKS, ScriptedVenue
from tests.flows.submitting import FIRST, FOURTH, SECOND, THIRD, Clock, Rig, cancel_row, id_of, order_row

SEEDS = 500
PLACES = (FIRST, SECOND, THIRD, FOURTH)
ANSWERS = ("ok", "ok", "ok", "taken", "lost", "dropped", "late", "busy", "no")
ROUNDS_MAX = 60


class Crash(BaseException):
    """The process is no more."""


def _die() -> None:
    raise Crash


def day(seed: int, folder: Path) -> tuple[Rig, list[object], Counter[str]]:
    """Run one day: orders, cancels and fills while the submitter dies at drawn places; then calm until it is quiet."""
    draw, clock = random.Random(seed), Clock()
    can = draw.choice((GOOD, GOOD, LOOKS, BLIND, replace(GOOD, window_ms=1_500)))
    rig = Rig(folder, clock, ScriptedVenue(clock, can))
    rows = [order_row(seed * 100 + n, clock(), draw.choice(PLACES), price_ticks=44, size_lots=100) for n in range(6)]
    rig.venue.script = [draw.choice(ANSWERS) for _ in range(12)]
    todo, seen = list(rows), Counter[str]()
    alive = None
    for _ in range(ROUNDS_MAX):
        try:
            name = draw.choice(list(faults.POINTS))
            plan = {name: (draw.randint(1, 3), _die)} if draw.random() < 0.4 and todo else {}
            with faults.armed(plan):
                alive = alive or rig.begin()
                if todo:
                    rig.give(todo.pop(0))
                if rig.inbox.rows and draw.random() < 0.15:
                    rig.give(cancel_row(draw.choice(rig.inbox.rows[:1]), 900 + draw.randint(0, 3)))
                resting = [key for key, each in rig.venue.orders.items() if each.state == "RESTING"]
                if resting and draw.random() < 0.3:
                    key = draw.choice(resting)
                    rig.venue.fill(key, min(50, rig.venue.orders[key].size_lots - rig.venue.orders[key].filled_lots))
                alive.turn()
        except Crash:
            seen["crashes"] += 1
            alive = None
        clock.sleep(draw.choice((0.0, 0.1, 1.0, 3.0)))
    for _ in range(12):
        alive = alive or rig.begin()
        alive.turn()
        clock.sleep(1.0)
    return rig, rows, seen


def broken(rig: Rig, rows: list[object]) -> list[str]:
    """Return what a day broke: nothing, one hopes."""
    wrong = []
    theirs = {each.client_order_id: each for each in rig.venue.orders.values()}
    blind = not rig.venue.can.finds_by_client_id
    for row in rows:
        key, copies = id_of(row), rig.venue.accepted[id_of(row)]
        ours, said = rig.outbox.row(key), rig.told.of(key)
        if ours is None:
            wrong.append(f"{key} lost before the outbox")
            continue
        if copies > 1:
            wrong.append(f"{key} stands {copies} times at the venue")
        if ours.state in (outbox.PENDING, outbox.SUBMITTED) or (ours.state == outbox.UNKNOWN and not blind):
            wrong.append(f"{key} is an orphan: {ours.state}")
        if ours.state == outbox.UNKNOWN and not any(key in each.incident_key for _, _, each in rig.outbox.incidents()):
            wrong.append(f"{key} is unknown and nobody was told")
        if copies and ours.state in (outbox.REJECTED,):
            wrong.append(f"{key} is at the venue and was called rejected")
        if copies and ours.state != outbox.UNKNOWN:
            state = {"RESTING": (outbox.LIVE, outbox.PARTIAL)}.get(theirs[key].state, (theirs[key].state,))
            if ours.state not in state or ours.filled_lots != theirs[key].filled_lots:
                wrong.append(f"{key}: ours {ours.state} {ours.filled_lots}; theirs {theirs[key]}")
        if not copies and ours.state not in (outbox.REJECTED, outbox.CANCELLED, outbox.UNKNOWN):
            wrong.append(f"{key} is lost: {ours.state}, and the venue has none")
        ends = sum(word in ("REJECT", "CANCELLED", "EXPIRED") for word in said)
        if ends > 1 or (ours.state in (outbox.REJECTED, outbox.CANCELLED) and ends != 1):
            wrong.append(f"{key} was told {said}")
        doubted = ours.state == outbox.UNKNOWN  # a blind venue's fills do not say whose they are
        if not doubted and said.count("MATCH") != sum(
            each.venue_order_id == _theirs(rig, key) for each in rig.venue.trades
        ):
            wrong.append(f"{key}: fills were told {said}")
    return wrong


def _theirs(rig: Rig, key: str) -> str:
    return next((each.venue_order_id for each in rig.venue.orders.values() if each.client_order_id == key), "none")


@pytest.mark.parametrize("part", range(4))
def test_no_day_loses_or_doubles_an_order(part: int, tmp_path: Path) -> None:
    """In 500 seeded days nothing is lost, nothing stands twice, and no row stays in doubt where one can ask."""
    crashes = alerts = 0
    for seed in range(part * SEEDS // 4, (part + 1) * SEEDS // 4):
        rig, rows, seen = day(seed, tmp_path / str(seed))
        assert (seed, []) == (seed, broken(rig, rows))
        crashes += seen["crashes"]
        alerts += len(rig.outbox.incidents())
        rig.outbox.close()
    assert crashes > SEEDS // 8
    assert alerts > 20
