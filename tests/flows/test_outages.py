"""A desk through outages of its venue: orders nobody knows of, exposure kept reserved, and always the same bytes."""

import pickle
from collections import Counter
from dataclasses import replace

import pytest

from contracts.control import DeskConfigured
from contracts.envelope import Block, rows_of
from contracts.order import LIVE_STATES, OrderUpdate
from flows.assemble import Assembly, assembled, recalled
from flows.desks import load_desk
from operators.sequencer import merge
from tests.laws.engine_stream import CONFIG, Drive, frames, heads, run

ASSETS = 3
STREAM = frames(2_500, ASSETS, seed=11, drop_every=211, trade_every=17)
BORN = STREAM[0].at_ns
LASTS = (STREAM[-1].at_ns - BORN) // 1_000_000_000
OUTAGES = ((LASTS // 5, 6), (LASTS // 2, 8))


def desk(model: str = "calibrated", outages: tuple[tuple[int, int], ...] = OUTAGES) -> Assembly:
    """Return the lab desk with a queue model and outages, born with the stream."""
    return assembled(replace(load_desk("lab", CONFIG), queue_model=model, outages=outages), at_ns=BORN)


@pytest.fixture(scope="module")
def reference() -> list[Block]:
    """The blocks of an undisturbed run."""
    return run(STREAM, ASSETS, assembly=desk())[0]


def updates(blocks: list[Block]) -> list[tuple[int, OrderUpdate]]:
    """Return (time, update) of every order, in order."""
    rows = [row for block in blocks if block.chain == "decisions" for row in block.rows]
    return [(row.at_ns, row.payload) for row in rows if isinstance(row.payload, OrderUpdate)]


def test_orders_are_unknown_for_a_while_and_then_resolved(reference: list[Block]) -> None:
    """In an outage orders become UNKNOWN with their whole size still open; after it each becomes something else."""
    windows = [(BORN + start * 10**9, BORN + (start + seconds) * 10**9) for start, seconds in OUTAGES]
    last: dict[str, OrderUpdate] = {}
    unknown: Counter[str] = Counter()
    for at_ns, update in updates(reference):
        inside = any(start + 250_000_000 <= at_ns < end for start, end in windows)
        if update.state == "UNKNOWN":
            unknown[update.client_order_id] += 1
            assert update.open_lots == update.size_lots - update.filled_lots > 0
        elif inside:  # only what we ourselves send is new in there
            assert update.state in ("PENDING_SUBMIT", "PENDING_CANCEL")
        last[update.client_order_id] = update
    assert len(unknown) >= 2
    assert [order for order in unknown if last[order].state == "UNKNOWN"] == []
    fates = {last[order].state for order in unknown}
    assert fates & {"REJECTED", "CANCELLED", "FILLED"}
    assert all(last[order].state not in LIVE_STATES or last[order].venue_order_id for order in unknown)


@pytest.mark.parametrize("batch", [1, 64, 1_000])
def test_batches_change_nothing(reference: list[Block], batch: int) -> None:
    """Any batch size gives the same heads, with outages and a model that learns."""
    assert heads(reference) == heads(run(STREAM, ASSETS, batch, assembly=desk())[0])


@pytest.mark.parametrize("at", [2, 5])
def test_a_restart_changes_nothing(reference: list[Block], at: int) -> None:
    """A desk that is pickled in between goes on to the same heads: the model remembers, the windows stand."""
    blocks = list(merge([STREAM], 256))
    drive = Drive(desk(), ASSETS)
    drive.feed(blocks[:at])
    drive.assembly = drive.assembly._replace(desk=pickle.loads(pickle.dumps(drive.assembly.desk)))
    drive.feed(blocks[at:])
    assert heads(reference) == heads(drive.close())


def test_the_journal_says_all_of_it(reference: list[Block]) -> None:
    """A desk made again from its first entry has the same venue, and comes to the same heads."""
    first = next(row for row in rows_of(reference[0].data) if isinstance(row.payload, DeskConfigured))
    assert (first.payload.queue_model, first.payload.outages) == ("calibrated", OUTAGES)
    made = desk()
    assert heads(reference) == heads(run(STREAM, ASSETS, assembly=recalled(first.payload, made.applied, BORN))[0])


def test_the_outages_are_seen_in_the_decisions(reference: list[Block]) -> None:
    """Without them the desk decides otherwise."""
    found = {heads(run(STREAM, ASSETS, assembly=desk(outages=()))[0])["decisions"], heads(reference)["decisions"]}
    assert len(found) == 2
