"""Say what must hold of a whole run, and of the disturbed one beside the undisturbed one; each rule by its name."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace

from contracts.base import Refused
from contracts.control import ControlCommand, IncidentReport, PolicyBundle
from contracts.envelope import DECISIONS, JOURNAL, Block, DeadLetter, Row, rows_of
from contracts.ids import CONTROL_SOURCE, SOURCE_SHIFT
from contracts.market import ClockTick
from contracts.order import LIVE_STATES, PositionState
from flows.desks import load_desk
from flows.replay import given
from operators.birth import birth_entries
from operators.compare import Comparison
from tests.sim.build import Functions, built
from tests.sim.harness import Run
from tests.sim.intruder import Intrusion
from tests.sim.rules import RULES
from tests.sim.scene import SECOND_NS, Scene
from tests.sim.wire import JOURNAL_ID, order_of
from tests.sim.world import CONFIG, World

CHAINS = (JOURNAL, DECISIONS)
MS = 1_000_000
NEVER = 1 << 62
LIVE_EVERY = 20  # files are read, so not every seed
UNLAWFUL = (
    # what, name of the desk, what of lab.toml gives way to what
    ("mode live in the laboratory", "lab", 'mode = "paper"', 'mode = "live"'),
    ("a real account in the laboratory", "lab", 'account = "paper"', 'account = "kalshi-1"'),
    ("mode live beside the laboratory", "bot1", 'mode = "paper"', 'mode = "live"'),
    ("an unknown mode", "bot1", 'mode = "paper"', 'mode = "mainnet"'),
    ("a required guard that only watches", "lab", "[intel.", '[modes]\n"risk.exposure" = "shadow"\n\n[intel.'),
)


class Seed(NamedTuple):
    """One seed, run: its world, both runs, and how its engine was compiled."""

    day: World
    calm: Run
    rough: Run
    functions: Functions


def every_statement_keeps_the_rules(seed: Seed) -> str:
    """Each statement, in the order in which it was made, keeps every rule of `rules.py`."""
    scene = Scene(_doubts(seed))
    said = _by_offset(seed.calm.blocks(DECISIONS))
    offset = 0
    for block in seed.calm.blocks(JOURNAL):
        for entry in block.rows:
            offset += 1
            scene.safety.may_loosen = False
            rows = said.pop(offset, ())
            early = [row for row in rows if _is_early(row)]
            broken = _looked_at(scene, early) or _silence(scene, entry)
            scene.hear(entry)
            broken = broken or _looked_at(scene, [row for row in rows if not _is_early(row)]) or _left(scene)
            if broken:
                return f"at entry {offset}: {broken}"
    return f"statements at {sorted(said)[:3]}, where nothing was heard" if said else ""


def _doubts(seed: Seed) -> dict[str, list[tuple[int, int]]]:
    """Return the world's doubts by places in the raw log: what was written again has places of its own."""
    places: dict[int, int] = {}
    for place, item in enumerate(seed.calm.shared.raw[0].items, 1):
        if item.number < len(seed.day.frames):
            places.setdefault(seed.day.frames[item.number].position, place)
    return {
        market: [(places[begin], places.get(end, NEVER)) for begin, end in spans]
        for market, spans in seed.day.doubts.items()
    }


def _is_early(row: Row) -> bool:
    """True for what follows from the venue's word, which falls due before its entry; keys have places too."""
    return bool(row.cause & 0xFFF) and row.cause >> SOURCE_SHIFT != CONTROL_SOURCE


def _by_offset(blocks: Sequence[Block]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for block in blocks:
        for offset, row in zip(block.offsets, block.rows, strict=True):
            found.setdefault(offset, []).append(row)
    return found


def _looked_at(scene: Scene, rows: Sequence[Row]) -> str:
    for row in rows:
        for rule in RULES.get(type(row.payload), ()):
            why = rule(scene, row)
            if why:
                return f"{rule.__name__}: {why}"
        scene.take(row)
    return ""


def _left(scene: Scene) -> str:
    """cancels_go_out: what a withdrawal means to take back is on its way out when its cause has been dealt with."""
    for intent, resting in scene.leaving.items():
        for name in resting:
            order = scene.orders[name]
            if order.state in LIVE_STATES and order.state != "PENDING_CANCEL":
                return f"cancels_go_out: {intent} withdrew, and {name} is {order.state}"
    scene.leaving.clear()
    return ""


def _silence(scene: Scene, entry: object) -> str:
    """silence_is_said: when a whole source is silent beyond its budget, its live open books are withheld a tick later.

    One book may be silent and believed, where numbers that go on prove that nothing of it was lost.
    """
    if type(entry) is not ClockTick:
        return ""
    for market in scene.silent:
        book = scene.books[market]
        if book.quality is not None and book.quality.usable:
            ago_ms = (scene.now - scene.heard_ns[book.source]) // MS
            return f"silence_is_said: market {market} is believed, its source was last heard {ago_ms} ms ago"
    limit = entry.at_ns - scene.config("operators.freshness", "silence_ms") * MS
    scene.silent = {
        market
        for market, book in scene.books.items()
        if book.quality is not None and book.quality.usable and book.status == 0
        and 0 < scene.heard_ns.get(book.source, 0) < limit and not 0 < book.expiry_ns <= entry.at_ns + SECOND_NS
    }  # fmt: skip
    return ""


def names_are_unique(seed: Seed) -> str:
    """Cause, rank and index name one envelope of a chain."""
    for chain in CHAINS:
        names: set[tuple[int, int, int]] = set()
        for block in seed.calm.blocks(chain):
            for row in block.rows:
                name = (row.cause, row.rank, row.index) if type(row) is Row else (row.fact, -1, 0)
                if name in names:
                    return f"{chain}: {name} names two envelopes"
                names.add(name)
    return ""


def chains_are_unbroken(seed: Seed) -> str:
    """Number, link and hash of every stored block hold, and no number has two contents."""
    desk_id = seed.day.desk.desk_id
    return next((why for chain in CHAINS if (why := seed.rough.shared.table.broken(desk_id, chain))), "")


def everything_is_stored_once(seed: Seed) -> str:
    """What the disturbed run stored is, block by block and byte by byte, what the undisturbed run said, each once."""
    for chain in CHAINS:
        stored = list(seed.rough.shared.table.read_blocks(seed.day.desk.desk_id, chain))
        made = seed.calm.blocks(chain)
        for before, after in zip(made, stored, strict=False):
            if (before.number, before.offsets, before.data, before.head) != (
                after.number, after.offsets, after.data, after.head
            ):  # fmt: skip
                return f"{chain} block {before.number}: {_difference(before, after)}"
        if len(stored) != len(made):
            return f"{chain}: {len(stored)} blocks are stored, {len(made)} were made undisturbed"
    return ""


def _difference(before: Block, after: Block) -> str:
    if before.data == after.data:
        return f"offsets {before.offsets[:3]} and {after.offsets[:3]}, heads {before.head[:4]!r} and {after.head[:4]!r}"
    at = next((n for n, (a, b) in enumerate(zip(before.data, after.data, strict=False)) if a != b), 0)
    return f"undisturbed {before.data[max(0, at - 60) : at + 60]!r}, stored {after.data[max(0, at - 60) : at + 60]!r}"


def every_frame_is_accounted_for(seed: Seed) -> str:
    """Every frame gave facts, was control, or is a dead letter; and both runs have the same dead letters, once each."""
    for run in (seed.calm, seed.rough):
        counts, dead = run.lane.lane.normalise.counts, len(_letters(run, of_journal=False))
        if counts.frames != counts.facts_frames + counts.control + dead:
            return f"{counts}, {dead} dead letters"
    if _letters(seed.calm, of_journal=False) != _letters(seed.rough, of_journal=False):
        return "the runs have different dead letters"
    return ""


def every_frame_passes_once(seed: Seed) -> str:
    """What a lane takes in is what the world gives, in the world's order, each once, however it was delivered."""
    wanted = order_of(seed.day.frames)
    for run in (seed.calm, seed.rough):
        passed = run.lane.order.count, run.lane.order.checksum
        if passed != wanted:
            return f"{passed[0]} frames passed, checksum {passed[1]}; the world gave {wanted[0]}, {wanted[1]}"
    return ""


def what_is_entered_counts_once(seed: Seed) -> str:
    """A desk hears what was signed for it, in order, each once; each intrusion is an incident and a letter, once."""
    pressed = [press.payload for press in seed.day.presses]
    wanted = [each for each in pressed if not isinstance(each, Intrusion)]
    intrusions = len(pressed) - len(wanted)
    rows = [row for block in seed.calm.blocks(JOURNAL) for row in block.rows if type(row) is Row]
    heard = [row.payload for row in rows if isinstance(row.payload, ControlCommand | PolicyBundle)]
    told = sum(isinstance(row.payload, IncidentReport) for row in rows)
    if heard != wanted:
        return f"{len(heard)} entries were heard, {len(wanted)} were signed"
    if told != intrusions:
        return f"{told} incidents, {intrusions} intrusions"
    calm, rough = (_letters(run, of_journal=True) for run in (seed.calm, seed.rough))
    if len(calm) != intrusions:
        return f"{len(calm)} letters of the journal, {intrusions} intrusions"
    if {_placeless(letter) for letter in rough} != {_placeless(letter) for letter in calm}:
        return "the runs have different letters of the journal"
    return ""


def _placeless(letter: DeadLetter) -> DeadLetter:
    """Return a letter without its place: in a journal that says some lines again, what follows stands farther on."""
    return replace(letter, position=0)


def _letters(run: Run, *, of_journal: bool) -> list[DeadLetter]:
    found = run.shared.table.dead_letters()
    return [letter for letter in found if (letter.source_id == JOURNAL_ID) == of_journal]


def nobody_faults(seed: Seed) -> str:
    """No bot raises, whatever arrives; but for the guard that the seed broke."""
    steps = (seed.calm.lane.lane.signals, seed.calm.desk.desk)
    faults = [fault for step in steps for fault in step.faults if fault[0] != seed.functions.gate]
    return f"{faults[0][0]}: {faults[0][1]}" if faults else ""


def replay_is_the_same(seed: Seed) -> str:
    """What is derived again from the stored facts and commands is what was stored, all of it."""
    table, desk_id = seed.rough.shared.table, seed.day.desk.desk_id
    lane, assembly = built(seed.day, seed.functions)
    comparison = Comparison(*(table.read_blocks(desk_id, chain) for chain in CHAINS))
    first = next(iter(table.read_blocks(desk_id, JOURNAL)), None)
    if first is not None:
        assembly.desk.birth(birth_entries(assembly.configured, assembly.applied, rows_of(first.data)[0].at_ns))
    for entries in given(table.read_blocks(desk_id, JOURNAL)):
        said = lane.signals.step(lane.freshness.step(lane.order_book.step(entries)))
        for _, heard in lane.address.step(said):
            comparison.take([assembly.desk.step(heard)])
    comparison.take([assembly.desk.close()])
    comparison.finish()
    if comparison.differs or comparison.missing:
        return f"{comparison.differs} differ, {comparison.missing} missing; first: {str(comparison.first)[:600]}"
    return ""


def the_account_is_the_sum_of_its_positions(seed: Seed) -> str:
    """Equity is the start and what every position made; nothing is lost between them."""
    account, made = seed.calm.desk.desk.account, {}
    for block in seed.calm.blocks(DECISIONS):
        made |= {row.payload.market_id: row.payload for row in block.rows if type(row.payload) is PositionState}
    total = sum(position.total_micros for position in made.values())
    if account.equity_micros != account.start_micros + total:
        return f"equity {account.equity_micros}, start {account.start_micros}, positions {total}"
    return ""


def nothing_live_starts(seed: Seed) -> str:
    """A desk that would be live, in the laboratory or beside it, is refused before it runs; so is an unguarded one."""
    if seed.day.seed % LIVE_EVERY:
        return ""
    text = (CONFIG / "desks" / "lab.toml").read_text("utf-8")
    with TemporaryDirectory() as folder:
        desks = Path(folder) / "desks"
        desks.mkdir()
        for what, name, old, new in UNLAWFUL:
            (desks / f"{name}.toml").write_text(text.replace('"lab"', f'"{name}"', 1).replace(old, new, 1), "utf-8")
            try:
                load_desk(name, Path(folder))
            except Refused:
                continue
            return f"a desk with {what} starts"
    return ""


ENDS: tuple[Callable[[Seed], str], ...] = (
    every_statement_keeps_the_rules,
    names_are_unique,
    chains_are_unbroken,
    everything_is_stored_once,
    every_frame_is_accounted_for,
    every_frame_passes_once,
    what_is_entered_counts_once,
    nobody_faults,
    the_account_is_the_sum_of_its_positions,
    nothing_live_starts,
    replay_is_the_same,
)


def violations(seed: Seed) -> Iterator[tuple[str, str]]:
    """Yield (rule, what is wrong) of every rule that does not hold."""
    for rule in ENDS:
        why = rule(seed)
        if why:
            name, colon, rest = why.partition(": ")
            yield rule.__name__, why if not colon else f"{name}: {rest}"


def counted(run: Run) -> Counter[str]:
    """Return what a run was about, for those who want to know whether a seed was busy."""
    made: Counter[str] = Counter()
    for block in run.blocks(DECISIONS):
        for row in block.rows:
            made[type(row.payload).__name__] += 1
    return made
