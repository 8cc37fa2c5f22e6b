"""A desk hears what was signed for it, once; whatever else stands in its journal moves nothing and is kept."""

import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bots.maths.reported import fault_of
from bots.maths.safety import trips
from bots.registry import library
from connectors.control_entries import control_reader, record_of_control, signed_entry
from connectors.envelopes import Names
from contracts.base import write
from contracts.control import ControlCommand, IncidentReport, PolicyBundle, SafetyState
from contracts.envelope import Block, CheckedRow, Row, rows_of
from contracts.ids import CONTROL_SOURCE, fact_parts
from contracts.market import Fact
from contracts.signed import CONTROL, ORDER, Signed, key_place
from flows.govern import report_of
from flows.replay import given as given_again
from operators import control_entries
from operators.control_entries import ENTRIES_FROM, INCIDENTS_FROM, REMEMBERED, ControlReader, Taken
from operators.plan import MECHANISMS, OPERATOR_RANK, STRANDS_RANK
from operators.sequencer import merge
from operators.state import fill, values_of
from tests.connectors.signed_keys import DESK, KEY, OTHER, SCOPE, seeded, verifier
from tests.laws import engine_stream

AT_NS = 1_760_000_000_000_000_000
SOURCE = "topic/0"


def command(wish: str = "SAFE", name: str = "c1", status: str = "requested", challenge: str = "") -> ControlCommand:
    """Return an operator's wish."""
    return ControlCommand(name, "ann", "lab", wish, "", status, challenge, "drill", "dev", "paper", "", "")


def entry(sequence: int, wish: str = "SAFE", scope: str = SCOPE) -> bytes:
    """Return the record of a signed command."""
    return record_of_control(signed_entry(KEY, scope, sequence, command(wish, f"c{sequence}")))[1]


def reader() -> ControlReader:
    """Return a reader that believes KEY."""
    return control_reader(verifier(), SCOPE, SOURCE)


def believing() -> ControlReader:
    """Return a reader that believes everybody, for what comes after the signature."""
    return ControlReader(lambda signed: "", SOURCE)


def bare(sequence: int, body: bytes = b"", key_id: str = "a" * 16) -> bytes:
    """Return a record whose signature nobody looks at."""
    said = (body or write(command(name=f"c{sequence}"))).decode()
    return write(Signed(key_id, CONTROL, SCOPE, sequence, said, "0" * 128))


def taken(judge: ControlReader, values: list[bytes]) -> list[Taken]:
    """Hand records to a reader, at positions from 1 on."""
    return [judge.take(position, value, AT_NS + position) for position, value in enumerate(values, 1)]


def reasons(found: list[Taken]) -> list[str]:
    """Return the reason of each record: of its letter, `entered`, or nothing for a repeat."""
    return [each.letter.reason if each.letter else "entered" if each.row else "" for each in found]


# ---- what is entered ----------------------------------------------------------------------------------------------


def test_a_signed_command_becomes_an_entry_of_the_control_source() -> None:
    """Its cause follows from key and number, above what a desk is born from; rank, market and time are as given."""
    judge, place = reader(), key_place(KEY.public.key_id)
    ((row, letter),) = taken(judge, [entry(5)])
    assert row is not None
    assert ((CONTROL_SOURCE, ENTRIES_FROM + 5, place, 0), None) == (fact_parts(row.cause), letter)
    assert (OPERATOR_RANK, 0, AT_NS + 1, -1) == (row.rank, row.index, row.at_ns, row.market)
    assert (command(name="c5"), MECHANISMS[OPERATOR_RANK]) == (row.payload, "operator")


def test_a_policy_is_an_entry_too() -> None:
    """What bots read as policy comes the same way as commands."""
    bundle = PolicyBundle("b1", "b" * 64, (), (), (), ("kalshi:X",), ("kalshi",), "key-1")
    ((row, letter),) = taken(reader(), [record_of_control(signed_entry(KEY, SCOPE, 1, bundle))[1]])
    assert row is not None
    assert (bundle, None) == (row.payload, letter)


def test_what_is_said_again_is_left_out() -> None:
    """A control plane that died says its last entries again: none is heard twice, and none is an incident."""
    judge, said = reader(), [entry(number) for number in (1, 2, 5)]
    found = taken(judge, [*said, *said[1:], entry(9), *said])
    assert ["entered"] * 3 + [""] * 2 + ["entered"] + [""] * 3 == reasons(found)
    assert (5, 0) == (judge.repeats, judge.refused)


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(0, 40))
def test_each_number_has_one_effect_and_they_grow(numbers: list[int], cut: int) -> None:
    """Whatever order numbers come in, and wherever the reader dies, what is entered grows and nothing comes twice."""
    judge, entered = believing(), []
    for position, number in enumerate(numbers, 1):
        if position == cut:
            again = believing()
            fill(again, pickle.loads(pickle.dumps(values_of(judge))), "desk")
            judge = again
        row, letter = judge.take(position, bare(number), AT_NS)
        if letter is None and row is not None:
            entered.append(fact_parts(row.cause)[1] - ENTRIES_FROM)
    best: list[int] = []
    for number in numbers:
        if not best or number > best[-1]:
            best.append(number)
    assert best == entered


def test_the_memory_is_bounded() -> None:
    """The last 256 numbers of a key are known by content; a repeat of an older one is refused like any old number."""
    judge, said = believing(), [bare(number) for number in range(REMEMBERED + 1)]
    assert ["entered"] * len(said) == reasons(taken(judge, said))
    assert REMEMBERED == len(judge.known["a" * 16])
    assert ["GOV_CONTROL_REPLAYED", "", ""] == reasons(taken(judge, [said[0], said[1], said[-1]]))


def test_two_keys_count_for_themselves() -> None:
    """A new key begins at its own number, and its entries have other ids than the old one's."""
    judge, keys = believing(), ("aaa0000000000000", "bbb0000000000000")
    found = taken(judge, [bare(7, key_id=keys[0]), bare(1, key_id=keys[1]), bare(7, key_id=keys[1])])
    assert ["entered"] * 3 == reasons(found)
    assert 3 == len({each.row.cause for each in found if each.row})


# ---- what is not --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason", "said"),
    [
        (b"", "GOV_CONTROL_UNSIGNED", "not JSON"),
        (b"\xff\x00", "GOV_CONTROL_UNSIGNED", "not JSON"),
        (b"[" * 100_000, "GOV_CONTROL_UNSIGNED", "got `array`"),
        (write(command()), "GOV_CONTROL_UNSIGNED", "Signed"),
        (write(OTHER.sign(CONTROL, SCOPE, 1, write(command()))), "GOV_CONTROL_UNSIGNED", "may not sign for control"),
        (write(DESK.sign(CONTROL, SCOPE, 1, write(command()))), "GOV_CONTROL_UNSIGNED", "may not sign for control"),
        (write(seeded(77).sign(CONTROL, SCOPE, 1, write(command()))), "GOV_CONTROL_UNSIGNED", "is unknown"),
        (write(KEY.sign(ORDER, SCOPE, 1, write(command()))), "GOV_CONTROL_UNSIGNED", "purpose 'order'"),
        (entry(1, scope="paper/other"), "GOV_CONTROL_UNSIGNED", "scope 'paper/other'; allowed: paper/lab"),
        (entry(1, scope="live/lab"), "GOV_CONTROL_UNSIGNED", "scope 'live/lab'; allowed: paper/lab"),
        (entry(1).replace(b"SAFE", b"ALLOW"), "GOV_CONTROL_UNSIGNED", "signature is not that of key"),
        (write(KEY.sign(CONTROL, SCOPE, 1, b"{}")), "GOV_CONTROL_UNREADABLE", "kind"),
        (write(KEY.sign(CONTROL, SCOPE, 1, b"start")), "GOV_CONTROL_UNREADABLE", "sequence 1"),
        (write(KEY.sign(CONTROL, SCOPE, 1, b"[" * 50_000)), "GOV_CONTROL_UNREADABLE", "sequence 1"),
        (entry(INCIDENTS_FROM - ENTRIES_FROM), "GOV_CONTROL_UNREADABLE", "allowed: up to 2146435071"),
    ],
)
def test_what_was_not_signed_for_this_desk_has_no_effect(value: bytes, reason: str, said: str) -> None:
    """The row is an incident and no command; the letter keeps the bytes, their place and what is allowed."""
    judge = reader()
    row, letter = judge.take(8, value, AT_NS)
    assert row is not None and letter is not None
    assert (SOURCE, 8, AT_NS, reason, value.hex()) == (
        letter.source_id, letter.position, letter.at_ns, letter.reason, letter.data,
    )  # fmt: skip
    assert said in letter.detail
    assert ((CONTROL_SOURCE, INCIDENTS_FROM, 0, 0), STRANDS_RANK) == (fact_parts(row.cause), row.rank)
    assert isinstance(row.payload, IncidentReport)
    assert ("desk", "unsigned_control", "P1", "operators.strands", reason) == (
        row.payload.scope, row.payload.cause_family, row.payload.severity, row.payload.opened_by, row.payload.reason,
    )  # fmt: skip
    assert (1, {}) == (judge.refused, judge.known)


def test_the_last_number_that_an_id_can_hold_is_entered() -> None:
    """One below the incidents' first place: no entry can have an incident's id."""
    ((row, _),) = taken(reader(), [entry(INCIDENTS_FROM - ENTRIES_FROM - 1)])
    assert row is not None
    assert INCIDENTS_FROM - 1 == fact_parts(row.cause)[1]


def test_an_old_number_is_refused_and_another_content_too() -> None:
    """What a key has passed is not heard any more, and under one number it says one thing."""
    judge = reader()
    found = taken(judge, [entry(5), entry(4), entry(5, "NORMAL"), entry(5), entry(6)])
    assert ["entered", "GOV_CONTROL_REPLAYED", "GOV_CONTROL_REPLAYED", "", "entered"] == reasons(found)
    letters = [each.letter.detail for each in found if each.letter]
    assert letters[0].endswith("sequence 4: its key has said 5; allowed: above it")
    assert letters[1].endswith("sequence 5: says something else than before; allowed: the same")


def test_a_key_that_begins_like_another_is_refused() -> None:
    """Their entries would share ids; whoever came first stays."""
    judge = believing()
    found = taken(judge, [bare(1, key_id="abc" + "0" * 13), bare(1, key_id="abc" + "1" * 13)])
    assert ["entered", "GOV_CONTROL_UNREADABLE"] == reasons(found)


def test_each_refused_record_has_an_incident_of_its_own() -> None:
    """Causes are counted, so no two share an id; equal bytes have the same key; at the end are letters."""
    judge = reader()
    found = taken(judge, [b"a", b"b", b"a"])
    rows = [each.row for each in found if each.row]
    assert [INCIDENTS_FROM, INCIDENTS_FROM + 1, INCIDENTS_FROM + 2] == [fact_parts(row.cause)[1] for row in rows]
    keys = [row.payload.incident_key for row in rows]
    assert (keys[0] == keys[2], keys[0] == keys[1]) == (True, False)
    judge.refused = control_entries.POSITIONS_MAX - INCIDENTS_FROM
    row, letter = judge.take(9, b"a", AT_NS)
    assert (None, "GOV_CONTROL_UNSIGNED") == (row, letter and letter.reason)


@given(st.binary(max_size=300) | st.text(max_size=80).map(str.encode))
def test_no_bytes_make_it_raise(value: bytes) -> None:
    """Whatever stands in the topic, there is a letter and no command."""
    row, letter = reader().take(1, value, AT_NS)
    assert isinstance(row, Row) and isinstance(row.payload, IncidentReport)
    assert letter is not None and letter.data == value.hex()


def test_the_state_holds_no_configuration() -> None:
    """What is kept between processes is memory alone: whom to believe is asked again at each start."""
    judge = reader()
    taken(judge, [entry(1), b"x", entry(1)])
    assert {"known", "repeats", "refused"} == values_of(judge).keys()
    again = reader()
    fill(again, pickle.loads(pickle.dumps(values_of(judge))), "desk")
    assert (1, 1, ["", "entered"]) == (again.repeats, again.refused, reasons(taken(again, [entry(1), entry(2)])))


# ---- a real desk --------------------------------------------------------------------------------------------------


def heard() -> list[Fact | Row]:
    """Return what a lane tells a desk in a few minutes of three markets."""
    drive = engine_stream.Drive(engine_stream.desk(), 3)
    out: list[Fact | Row] = []
    for block in merge([engine_stream.frames(2_000, 3, 7, trade_every=9)], 256):
        facts = drive.normaliser.step(block).facts
        said = drive.assembly.lane.step(drive.freshness.step(drive.books.step(facts)))
        out += [entry for _, some in drive.address.step(said) for entry in some]
    return out


def cause_of(entry: Fact | Row) -> int:
    """Return the fact that an entry is, or comes from."""
    return entry.cause if isinstance(entry, Row) else entry.fact


def mixed(entries: list[Fact | Row], rows: list[Row], every: int = 10) -> list[Fact | Row]:
    """Put rows among entries, each at the time of the entry before it: between two records of a lane, so of causes."""
    out: list[Fact | Row] = []
    left, since = iter(rows), 0
    for this, after in zip(entries, [*entries[1:], None], strict=True):
        out.append(this)
        since += 1
        ends = after is None or cause_of(after) != cause_of(this)
        if ends and since >= every and (row := next(left, None)) is not None:
            out.append(Row(row.cause, row.rank, row.index, this.at_ns, row.market, row.payload))
            since = 0
    return out


def traded(entries: list[Fact | Row]) -> list[Block]:
    """Return what a newly born desk makes of entries."""
    desk = engine_stream.desk().desk
    return [*desk.step(entries), *desk.close()]


def states(blocks: list[Block]) -> list[tuple[str, str]]:
    """Return the safety states that a desk went through."""
    rows = [row.payload for block in blocks if block.chain == "decisions" for row in block.rows]
    return [(said.mode, said.kill_level) for said in rows if isinstance(said, SafetyState)]


def rubbish() -> Iterator[bytes]:
    """Yield what somebody may write who may write to the topic and has no key."""
    stop = entry(1, "EMERGENCY_STOP")
    for number in range(120):
        yield from (
            f"stop {number}".encode(),
            write(seeded(77).sign(CONTROL, SCOPE, number, write(command("EMERGENCY_STOP", f"x{number}")))),
            entry(number, "EMERGENCY_STOP", "paper/other"),
            stop.replace(b'"sequence":1,', b'"sequence":%d,' % (number + 2)),
        )


def test_rubbish_neither_stops_nor_starts_a_desk() -> None:
    """Hundreds of forged stops among a desk's entries: its decisions are the same to the byte; all are on record."""
    entries, judge = heard(), reader()
    rows = [each.row for each in taken(judge, list(rubbish())) if each.row]
    assert (480, 480) == (len(rows), judge.refused)
    clean, dirty = traded(entries), traded(mixed(entries, rows, every=4))
    assert [("NORMAL", "ALLOW")] == states(clean) == states(dirty)
    assert any(row.rank == 201 for block in clean for row in block.rows if type(row) is Row)  # it trades
    assert engine_stream.heads(clean)["decisions"] == engine_stream.heads(dirty)["decisions"]
    kept = [row for block in dirty if block.chain == "journal" for row in rows_of(block.data)]
    assert len(rows) == sum(isinstance(row.payload, IncidentReport) for row in kept)


def test_an_incident_that_tripped_would_be_seen() -> None:
    """The same incident as P0 puts the desk into SAFE: so its rank is what keeps rubbish from stopping a desk."""
    (found,) = taken(reader(), [b"rubbish"])
    assert found.row is not None
    assert not trips(found.row.payload)
    graver = replace(found.row, payload=replace(found.row.payload, severity="P0"))
    assert [("NORMAL", "ALLOW"), ("SAFE", "BLOCK")] == states(traded(mixed(heard(), [graver])))


def test_a_signed_stop_stops_and_rubbish_does_not_loosen() -> None:
    """The operator's word holds; forged confirmations, and his own of another desk, move nothing."""
    loosen = command("NORMAL", "c2", "confirmed", "ch")
    forged = [
        write(seeded(77).sign(CONTROL, SCOPE, 2, write(command("NORMAL", "c2", "challenged", "ch")))),
        write(seeded(77).sign(CONTROL, SCOPE, 3, write(loosen))),
        record_of_control(signed_entry(KEY, "paper/other", 4, loosen))[1],
        entry(0, "NORMAL"),
    ]
    found = taken(reader(), [entry(1, "EMERGENCY_STOP"), *forged])
    assert ["entered", *["GOV_CONTROL_UNSIGNED"] * 3, "GOV_CONTROL_REPLAYED"] == reasons(found)
    blocks = traded(mixed(heard(), [each.row for each in found if each.row], every=400))
    assert [("NORMAL", "ALLOW"), ("EMERGENCY_STOP", "BLOCK")] == states(blocks)


def test_entries_and_incidents_are_given_back_to_a_replay() -> None:
    """The stored journal gives them again, in their places; a desk that hears them decides the same."""
    found = taken(reader(), [entry(1, "DEGRADED"), b"x", entry(2, "SAFE")])
    mix = mixed(heard(), [each.row for each in found if each.row], every=300)
    blocks = traded(mix)
    journal = [block for block in blocks if block.chain == "journal"]
    again = [each for some in given_again(journal) for each in some]
    wanted = [each for each in mix if not isinstance(each, Row) or each.rank in (OPERATOR_RANK, STRANDS_RANK)]
    assert wanted == again
    stored = [
        Row(row.cause, row.rank, row.index, row.at_ns, row.market, row.payload) if row.rank >= 0 else row.payload
        for block in journal
        for row in rows_of(block.data)
        if row.rank != 204
    ]
    assert engine_stream.heads(blocks) == engine_stream.heads(traded(stored))


def test_both_are_envelopes_that_the_validator_passes() -> None:
    """A command is the operator's, an incident the strands'; each carries a registered code and its own authority."""
    found = taken(reader(), [entry(1), b"x"])
    names = Names("lab", {row.rank: row.id for row in library().rows} | MECHANISMS)
    said = []
    for each in found:
        assert each.row is not None
        row = CheckedRow(*(getattr(each.row, name) for name in each.row.__struct_fields__))
        envelope = report_of(names.envelope(row, 1, 0))
        said.append((envelope.bot_id, envelope.reasons, envelope.severity, fault_of(envelope, None, AT_NS, 10)))
    assert [
        ("operator", ("GOV_COMMAND_ENTERED",), "INFO", ""),
        ("operators.strands", ("GOV_CONTROL_UNSIGNED",), "CRITICAL", ""),
    ] == said
