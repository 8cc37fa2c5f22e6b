"""An entry's record is found by its key, and its reader believes the keys of its own desk and mode."""

from connectors.control_entries import control_reader, record_of_control, signed_entry
from connectors.kafka_strands import CONTROL_KEY
from contracts.base import read, write
from contracts.signed import CONTROL, Signed, scope_of
from tests.connectors.signed_keys import KEY, SCOPE, verifier
from tests.operators.test_control_entries import command


def test_a_record_of_an_entry() -> None:
    """Under the key of control records stands the signed entry whole: its body is the command as canonical JSON."""
    signed = signed_entry(KEY, SCOPE, 3, command())
    key, value = record_of_control(signed)
    assert (CONTROL_KEY, b"control", signed) == (key, key, read(Signed, value))
    assert (CONTROL, SCOPE, 3, write(command()).decode()) == (
        signed.purpose, signed.scope, signed.sequence, signed.body,
    )  # fmt: skip


def test_a_reader_is_of_one_desk_and_mode() -> None:
    """The same record is an entry for its own desk and an incident for every other."""
    _, value = record_of_control(signed_entry(KEY, scope_of("paper", "lab"), 3, command()))
    taken = {
        (mode, desk): control_reader(verifier(), scope_of(mode, desk), "t/0").take(1, value, 5).letter is None
        for mode in ("paper", "live")
        for desk in ("lab", "bot2")
    }
    assert [("paper", "lab")] == [place for place, entered in taken.items() if entered]
