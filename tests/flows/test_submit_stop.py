"""A stop by file, environment or state is seen before the next order, alone and at once, whatever else is down."""

import random
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from connectors.errors import BrokerError
from connectors.stops import Level, Stops
from contracts.control import SafetyState
from flows.submit import Submitter
from operators import outbox
from tests.flows.submitting import FIRST, MARKETS, SECOND, Rig, id_of, order_row

TRIALS, ORDERS = 1_000, 8
WAYS = ("file", "environment", "state")
P99_S = 0.1


def state_of(level: str, *, cancel_all: bool = False) -> bytes:
    """Return the control plane's state at a level."""
    return msgspec.json.encode(SafetyState("NORMAL", level, (), 1, cancel_all, 1, "RISK_KILL_SWITCH_CLEAR"))


class Real:
    """Wall time."""

    def __call__(self) -> int:
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Watched(Stops):
    """Stops that remember when one was first seen."""

    seen_s = 0.0

    def level(self, names: Mapping[str, str] | None = None) -> Level:
        found = super().level(names)
        if found.place and not self.seen_s:
            self.seen_s = time.perf_counter()
        return found


class Stopping:
    """One submitter without broker, store and audit log, and a stop that is set at a drawn moment of its sending."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir()
        self.rig = Rig(folder, Real(), state=folder / "state.json")
        self.rig.state.write_bytes(state_of("ALLOW"))
        self.submitter: Submitter = self.rig.begin()
        self.stops = self.submitter.parts.stops = Watched(self.rig.veto, self.rig.state, self.rig.environ)
        self.submitter.parts.deliver = self._no_store
        self.draw, self.placed_s, self.number = random.Random(seed), [], seed * 1_000_000
        self.rig.venue.on_place = self._placed

    def _placed(self) -> None:
        self.placed_s.append(time.perf_counter())
        time.sleep(0.000_3)

    def _no_store(self, events: object) -> None:
        raise OSError(5, "the store is away")

    def trial(self, way: str) -> tuple[float, int, int]:
        """Set a stop while orders leave; returns seconds from set to block, orders sent, those after it was seen."""
        rows = []
        for _ in range(ORDERS):
            self.number += 1
            rows.append(order_row(self.number, time.time_ns(), random.Random(self.number).choice(list(MARKETS))))
        self.rig.give(*rows)
        self.submitter.take()
        self.stops.seen_s, self.placed_s, set_s = 0.0, [], [0.0]

        def stop() -> None:
            time.sleep(self.draw.uniform(0.0, 0.008))
            if way == "file":
                self.rig.veto.touch()
            elif way == "environment":
                self.rig.environ["BOT_DISABLE_TRADING"] = "1"
            else:
                part = self.rig.folder / "state.part"
                part.write_bytes(state_of("BLOCK"))
                part.replace(self.rig.state)
            set_s[0] = time.perf_counter()

        thread = threading.Thread(target=stop)
        inboxes, self.submitter.parts.inboxes = self.submitter.parts.inboxes, [_NoBroker()]
        thread.start()
        while not self.stops.seen_s:
            self.submitter.turn()
        self.submitter.turn()
        thread.join()
        self.submitter.parts.inboxes = inboxes
        after = sum(at > self.stops.seen_s for at in self.placed_s)
        block_s = max(0.0, max([self.stops.seen_s, *self.placed_s]) - set_s[0])
        self._release()
        return block_s, len(self.placed_s), after

    def _release(self) -> None:
        self.rig.veto.unlink(missing_ok=True)
        self.rig.environ.clear()
        self.rig.state.write_bytes(state_of("ALLOW"))
        self.submitter.turn()


class _NoBroker:
    desk_id = "lab"

    def take(self, most: int) -> object:
        raise BrokerError("no broker")

    def place(self) -> str:
        return "0"


def test_a_stop_is_seen_before_the_next_order(tmp_path: Path) -> None:
    """1,000 trials by file, environment, state, without broker, store and audit: no order after the check that sees it.

    From the moment it is set to the last moment at which an order could leave: p99 within 100 ms.
    """
    blocks, before, after = [], 0, 0
    for part in range(20):
        stopping = Stopping(tmp_path / str(part), part)
        for number in range(TRIALS // 20):
            took_s, sent, late = stopping.trial(WAYS[(part + number) % 3])
            blocks.append(took_s)
            before, after = before + sent, after + late
        stopping.rig.outbox.close()
    blocks.sort()
    print("set to block, ms at p50, p99, most:", [round(blocks[int(TRIALS * q) - 1] * 1e3, 2) for q in (0.5, 0.99, 1)])
    assert (TRIALS, 0) == (len(blocks), after)
    assert before > TRIALS  # it was sending
    assert blocks[int(TRIALS * 0.99) - 1] <= P99_S


@pytest.mark.parametrize("level", ["CLOSE_ONLY", "FLATTEN", "BLOCK", "rubbish", ""])
def test_a_state_lets_proven_exits_go_below_block(tmp_path: Path, level: str) -> None:
    """CLOSE_ONLY and FLATTEN stop entries and let a proven exit leave; BLOCK, rubbish and no file stop both."""
    rig = Rig(tmp_path, state=tmp_path / "state.json")
    if level:
        rig.state.write_bytes(state_of(level))
    rig.venue.positions = {FIRST: 1_000}
    entry = order_row(1, rig.clock(), SECOND)
    leaves = order_row(2, rig.clock(), side=-1, price_ticks=46, reduce_only=True)
    rig.give(entry, leaves)
    rig.turns(rig.begin(), 1)
    passes = level in ("CLOSE_ONLY", "FLATTEN")
    assert (outbox.REJECTED, outbox.LIVE if passes else outbox.REJECTED) == (rig.state_of(entry), rig.state_of(leaves))
    assert "RISK_KILL_SWITCH_GUARD" == rig.outbox.row(id_of(entry)).reason


@pytest.mark.parametrize("scope", ["desk:lab", f"market:{FIRST}", "venue:kalshi", "order:{}", "bot:{}"])
def test_a_stop_may_name_what_it_stops(tmp_path: Path, scope: str) -> None:
    """A line of the veto file stops what it names and takes back what rests of it; one that names another, nothing."""
    rig = Rig(tmp_path)
    rests = order_row(1, rig.clock())
    submitter = rig.begin()
    rig.give(rests)
    rig.turns(submitter, 1)
    strategy = rests.payload.strategy
    kind = scope.partition(":")[0]
    rig.veto.write_text(f"{kind}:another\n")
    rig.turns(submitter, 2)
    assert outbox.LIVE == rig.state_of(rests)
    rig.veto.write_text(scope.format(strategy if kind == "bot" else id_of(rests)) + "\n")
    same = order_row(2, rig.clock())
    rig.give(same)
    rig.turns(submitter, 3, 1.0)
    assert outbox.CANCELLED == rig.state_of(rests)
    assert (kind == "order") == (rig.state_of(same) == outbox.LIVE)


def test_a_stop_between_the_check_and_the_send_is_seen_too(tmp_path: Path) -> None:
    """Set while the signature is made: the order does not leave, and that is proven, so it is refused."""

    class Slow:
        def sign(self, order: object, terms: object) -> None:
            rig.veto.touch()

    rig = Rig(tmp_path, more={"signer": Slow()})
    row = order_row(1, rig.clock())
    rig.give(row)
    rig.turns(rig.begin(), 1)
    assert (outbox.REJECTED, {}) == (rig.state_of(row), dict(rig.venue.accepted))


@pytest.mark.parametrize("at_once", [True, False])
def test_a_stop_takes_everything_back_at_the_venues_rate(tmp_path: Path, at_once: bool) -> None:
    """A thousand resting orders: one request where the venue has it, else each, never above its rate, none left."""
    import dataclasses

    rig = Rig(tmp_path)
    rig.venue.can = dataclasses.replace(rig.venue.can, cancels_per_s=50.0)
    rig.venue.cancel_all_works = at_once
    submitter = rig.begin()
    rows = [order_row(n, rig.clock(), list(MARKETS)[n % 4], size_lots=1) for n in range(1_000)]
    rig.give(*rows)
    while rig.inbox.at < 1_000 or any(row.state == outbox.PENDING for row in rig.outbox.living.values()):
        with rig.outbox.together():
            submitter.take()
            submitter.send()
    rig.veto.touch()
    times, began = [], rig.clock()
    original = rig.venue.cancel

    def timed(key: str, terms: object) -> object:
        times.append(rig.clock())
        return original(key, terms)

    rig.venue.cancel = timed
    submitter.compare._page_ns = began + 10**15
    while any(each.state == "RESTING" for each in rig.venue.orders.values()):
        submitter.cancels.on_stop(submitter.parts.stops.level(), rig.clock())
        with rig.outbox.together():
            submitter.cancels.send()
        rig.clock.sleep(0.01)
    took_s = (rig.clock() - began) / 1e9
    gaps = [b - a for a, b in pairwise(times)]
    if at_once:
        assert (0, True) == (len(times), took_s < 0.1)
    else:
        assert min(gaps) >= 20_000_000
        assert (1_000, True) == (len(set(rig.venue.orders)), 19.9 <= took_s <= 23.0)
    assert "kill_switch" in {each.cause_family for _, _, each in rig.outbox.incidents()}
