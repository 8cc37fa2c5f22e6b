"""What is signed has one spelling, and no two contents share it."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.base import Refused, read, write
from contracts.signed import CONTROL, MARK, ORDER, Signed, key_place, message_of, scope_of

SIGNED = Signed("0123456789abcdef", CONTROL, "paper/lab", 7, '{"kind":"x"}', "0" * 128)
TEXT = st.text(max_size=8)


def test_the_message_is_what_the_module_says() -> None:
    """Mark, then each part behind its length, the body as its SHA-256: spelled out by hand."""
    body = sha256(b'{"kind":"x"}').digest()
    parts = (b"control", b"paper/lab", b"0123456789abcdef", b"7", body)
    lengths = (b"\0\0\0\x07", b"\0\0\0\x09", b"\0\0\0\x10", b"\0\0\0\x01", b"\0\0\0\x20")
    expected = b"polytraders/signed/1\n" + b"".join(a + b for a, b in zip(lengths, parts, strict=True))
    assert (b"polytraders/signed/1\n", expected) == (MARK, message_of(SIGNED))


@given(*[st.tuples(TEXT, TEXT, TEXT, st.integers(0, 99), TEXT)] * 2)
def test_two_contents_have_two_messages(
    one: tuple[str, str, str, int, str], other: tuple[str, str, str, int, str]
) -> None:
    """However the texts are cut between the fields, the messages are equal only where every field is."""
    messages = [message_of(Signed(*content, "0" * 128)) for content in (one, other)]
    assert (one == other) == (messages[0] == messages[1])


def test_the_signature_is_not_signed() -> None:
    """Two signatures over one content have one message."""
    assert message_of(SIGNED) == message_of(replace(SIGNED, signature="1" * 128))


@pytest.mark.parametrize(("mode", "desk"), [("", "lab"), ("paper", ""), ("paper/lab", "x"), ("paper", "lab/x")])
def test_a_scope_is_two_names(mode: str, desk: str) -> None:
    """A part that is empty or could be read as two is refused by name."""
    assert "paper/lab" == scope_of("paper", "lab")
    with pytest.raises(Refused, match=r"mode .* desk .* allowed: two names without a slash"):
        scope_of(mode, desk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("key_id", "0123456789ABCDEF"),
        ("key_id", "0123456789abcdef\n"),
        ("signature", "A" * 128),
        ("signature", "0" * 126),
        ("signature", "0" * 127 + " "),
        ("body", "x" * 100_001),
        ("sequence", -1),
        ("scope", ""),
    ],
)
def test_the_form_is_kept_at_the_door(field: str, value: object) -> None:
    """Ids and signatures have one spelling, and the rest its bounds; a refusal names the field."""
    with pytest.raises(Refused, match=field):
        read(Signed, write(replace(SIGNED, **{field: value})))


def test_purposes_and_places() -> None:
    """The two purposes differ, and a key's place is its first three digits."""
    assert CONTROL != ORDER
    assert (0x012, 0xFFF) == (key_place("0123456789abcdef"), key_place("fff0000000000000"))
