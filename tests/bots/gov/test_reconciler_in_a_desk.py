"""gov.reconciler in a whole desk: what it finds reaches the safety state, and what it does not find costs nothing."""

import pickle

from msgspec.structs import replace

from contracts.control import IncidentReport, SafetyState
from contracts.envelope import rows_of
from contracts.ids import CLOCK_SOURCE, fact_id
from contracts.market import NO_MARKET, ClockTick
from contracts.signal import SignalReport
from contracts.venue import ChainSnapshot
from flows.assemble import assembled
from flows.desks import load_desk
from operators.engine import Desk
from tests import world

SECOND, START = world.SECOND, int(world.NOW)
VIEW = replace(world.plainest(ChainSnapshot), chain_id=137, head=1_000, confirm_hash="0x1", market=NO_MARKET)


def desk() -> Desk:
    """The desk behind every guard, just born."""
    return assembled(load_desk("guarded", world.ROOT / "config"), at_ns=START).desk


def minutes(count: int, tokens: tuple[tuple[str, int], ...] | None) -> list[ClockTick | ChainSnapshot]:
    """Seconds of so many minutes; every ten of them two providers show tokens, unless there are none to show."""
    entries: list[ClockTick | ChainSnapshot] = []
    for second in range(1, 60 * count):
        at_ns = START + second * SECOND
        entries.append(ClockTick(fact_id(CLOCK_SOURCE, at_ns // SECOND), at_ns, NO_MARKET))
        for source, name in enumerate(("p0", "p1") if tokens is not None and second % 10 == 0 else (), start=1):
            fact, at = fact_id(source, second), at_ns + source
            entries.append(
                replace(VIEW, fact=fact, at_ns=at, provider=name, account="guarded", tokens=tokens, latency_ms=1)
            )
    return entries


def said(of: Desk, entries: list[ClockTick | ChainSnapshot]) -> list[object]:
    """Everything that a desk says of entries."""
    blocks = [*of.step(entries), *of.close()]
    return [row.payload for block in blocks for row in rows_of(block.data)]


def labels(everything: list[object]) -> list[str]:
    """What was stated of the reconciliation."""
    return [each.label for each in everything if isinstance(each, SignalReport) and each.signal == "reconciliation"]


def test_a_desk_whose_books_agree_says_so_once_a_minute() -> None:
    """Three minutes of a paper account: OK at the start and on each cycle, and the desk stays as it was."""
    everything = said(desk(), minutes(3, None))
    assert ["OK"] * 3 == labels(everything)
    assert [] == [each for each in everything if isinstance(each, IncidentReport)]
    assert ["NORMAL"] == [each.mode for each in everything if isinstance(each, SafetyState)]


def test_tokens_that_the_books_do_not_have_stop_the_desk() -> None:
    """TIMING for a minute, then a real break: one incident, and risk.kill_switch goes SAFE because of it."""
    everything = said(desk(), minutes(3, (("T9", 500),)))
    stated = labels(everything)
    assert (["OK", "TIMING"], {"BREAK"}) == (stated[:2], {stated[-1]})
    (incident,) = [each for each in everything if isinstance(each, IncidentReport)]
    assert ("gov.reconciler:chain:position:T9", "reconcile") == (incident.incident_key, incident.cause_family)
    states = [(each.mode, each.causes) for each in everything if isinstance(each, SafetyState)]
    assert [("NORMAL", ()), ("SAFE", ("incident:reconcile",))] == states


def test_open_cases_survive_a_restart() -> None:
    """A desk cut off in between and taken up from its snapshot tells the same, and no case twice."""
    entries = minutes(3, (("T9", 500),))
    first = desk()
    before = [row.payload for block in first.step(entries[:100]) for row in rows_of(block.data)]
    again = pickle.loads(pickle.dumps(first))
    after = said(again, entries[100:])
    assert said(desk(), entries) == [*before, *after]
