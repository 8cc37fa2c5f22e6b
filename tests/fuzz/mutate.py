"""Damage a message as a hostile or broken sender would: in its tree where it is JSON, in its bytes where it is not.

Bytes alone rarely get past a decoder; a tree whose one number became a text, a NaN or a thousand levels of brackets
does. The same data and the same `Random` give the same damage, so that a campaign can be run again.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

DEEP, LONG = 1_200, 6_000  # levels of brackets, past every decoder's limit; characters of a long text
NAN, DEEP_KEY, TWICE = float("nan"), "\x00deep", "\x00twice"
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2, 3, 255, -(1 << 31), (1 << 31) - 1, 1 << 53, (1 << 62) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, -(1 << 63),
    1 << 64, 10**30, 0.5, -0.0, 1e-9, 1e308, 5e-324, NAN, float("inf"), float("-inf"), 99_999_999_999, 100_000_000_000,
    4_102_444_800_000, 4_102_444_800_001, 4_102_444_800_000_000_000,
)  # fmt: skip
TEXTS = (
    "", " ", "0", "-0", "1", "0.5", ".5", "5.", "1e-3", "+0.5", " 0.5", "0.5 ", "0,5", "0x1", "NaN", "Infinity", "null",
    "0.0000001", "0.50000000000000000000000000000000001", "-0.01", "1.0001", "00.50", "1" * 40, "9" * 400, "\u0663",
    "\u00b2", "\uff10.\uff15", "\x00", "\x7f", "\u2028", "\ud800", "\U0001f600", "a" * 120, "a" * 121, "a" * 128,
    "a" * 129, "a" * 4_096, "a" * 4_097, "\u00e9" * 129, "../../etc/passwd", "'; DROP TABLE rows; --", "{}", "[]", '"',
    "BUY", "yes", "no", "2026-05-13T13:00:00Z", "2026-02-30T25:61:61Z", "1777400000456", "-1777400000456",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [{}], {"a": 1}, [None, None], {"": ""}, [["0.5", "1"]])
BYTES = (
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800",
    b"\\", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b"\x1f\x8b", b"PAR1", b"NaN", b"-", b"e999", b"=",
    b"null", b"true", b"1e400", b"'", b'"""', b"#", b"[[", b"]]", b"\xe2\x80\xa8", b"9" * 40,
)  # fmt: skip


def mutated(data: bytes, draw: Random, most: int = 1 << 14, others: Sequence[bytes] = ()) -> bytes:
    """Return damaged data, at most `most` bytes of it; `others` may lend a part."""
    chance = draw.random()
    if chance < 0.8:
        data = in_tree(data, draw)
    if chance >= 0.7:
        for _ in range(draw.randint(1, 3)):
            data = in_bytes(data, draw, others)
    return data[:most]


# ---- trees ---------------------------------------------------------------------------------------------------------


def in_tree(data: bytes, draw: Random) -> bytes:
    """Damage one to three places of a JSON document, or of one of its lines; other data is damaged in its bytes."""
    lines = data.split(b"\n")
    place = draw.randrange(len(lines))
    for before, text, after in ((lines[:place], lines[place], lines[place + 1 :]), ([], data, [])):
        try:
            tree = json.loads(text)
            for _ in range(draw.choice((1, 1, 1, 2, 3))):
                tree = edited(tree, draw)
            return b"\n".join([*before, spelled(tree, draw), *after])
        except (ValueError, RecursionError):
            continue
    return in_bytes(data, draw)


def edited(tree: Any, draw: Random) -> Any:
    """Return a tree with one place changed: walk down at random, stop at random."""
    if isinstance(tree, str) and tree[:1] in ("{", "[") and draw.random() < 0.8:
        try:
            return spelled(edited(json.loads(tree), draw), draw).decode(errors="replace")
        except (ValueError, RecursionError):
            return leaf(tree, draw)
    if not isinstance(tree, dict | list) or not tree or draw.random() < 0.04:
        return leaf(tree, draw)
    here = draw.random() < 0.25
    if isinstance(tree, dict):
        return _in_dict(tree, draw, here)
    place = draw.randrange(len(tree))
    return _in_list(tree, draw, place) if here else [*tree[:place], edited(tree[place], draw), *tree[place + 1 :]]


def _in_dict(tree: dict[str, Any], draw: Random, here: bool) -> dict[str, Any]:
    key = draw.choice(list(tree))
    if not here:
        return {**tree, key: edited(tree[key], draw)}
    how = draw.randrange(5)
    if how == 0:
        return {name: value for name, value in tree.items() if name != key}
    if how == 1:  # the same key once more: the last one counts, or the first, or neither
        return {**tree, TWICE + key: leaf(tree[key], draw)}
    if how == 2:
        return {(draw.choice(TEXTS) if name == key else name): value for name, value in tree.items()}
    if how == 3:
        other = draw.choice(list(tree))
        return {**tree, key: tree[other], other: tree[key]}
    return {**tree, draw.choice(TEXTS) or "type": draw.choice(OTHERS)}


def _in_list(tree: list[Any], draw: Random, place: int) -> list[Any]:
    how = draw.randrange(5)
    if how == 0:
        return tree[:place] + tree[place + 1 :]
    if how == 1:
        return tree[:place] + [tree[place]] * draw.choice((2, 3, 40)) + tree[place + 1 :]
    if how == 2:
        return tree[::-1]
    if how == 3:
        return [*tree, leaf(tree[place], draw)]
    return tree[:place]


def leaf(value: Any, draw: Random) -> Any:
    """Return something else in place of a value: of another type, beyond a bound, or nearly right."""
    how = draw.randrange(8)
    if how < 2:
        return draw.choice(NUMBERS)
    if how < 4:
        return draw.choice(TEXTS)
    if how == 4:
        return draw.choice(OTHERS)
    if how == 5:
        return {DEEP_KEY: draw.choice((3, 40, 900, DEEP))} if draw.random() < 0.3 else [value]
    return _near(value, draw)


def _near(value: Any, draw: Random) -> Any:
    """Return a value that is nearly the one given."""
    if isinstance(value, bool) or value is None:
        return draw.choice((True, False, None, 0, "true"))
    if isinstance(value, int):
        near = (value + 1, value - 1, -value, value * 1_000, value // 1_000)
        return draw.choice((*near, str(value)[:LONG], value / 3 if abs(value) < 1 << 64 else 0.5))
    if isinstance(value, float):
        return draw.choice((-value, value + 1e-10, value + 1e-8, value * 10, str(value), round(value, 1)))
    if isinstance(value, str):
        place = draw.randrange(len(value) + 1)
        change = draw.choice((draw.choice(TEXTS), draw.choice("0123456789.-eE \x00é"), ""))
        whole = value[:place] + change + value[place + draw.randint(0, 1) :]
        return draw.choice((whole, value * 2, value.upper(), value[::-1], whole[:LONG], value + " "))
    return value


def spelled(tree: Any, draw: Random) -> bytes:
    """Spell a tree as text that may be no JSON: with NaN, doubled keys, deep brackets, and lone surrogates."""
    separators = draw.choice(((",", ":"), (", ", ": "), (",", ":"), (" ,\t", " :\r\n")))
    text = json.dumps(tree, ensure_ascii=draw.random() < 0.7, separators=separators)
    if "\\u0000" in text:
        mark = json.dumps(TWICE)[1:-1]
        text = text.replace(mark, "")
        for depth in (3, 40, 900, DEEP):
            marked = json.dumps({DEEP_KEY: depth}, separators=separators)
            text = text.replace(marked, "[" * depth + "]" * draw.choice((depth, depth, 0)))
    return text.encode(errors="surrogatepass")


# ---- bytes ---------------------------------------------------------------------------------------------------------


def in_bytes(data: bytes, draw: Random, others: Sequence[bytes] = ()) -> bytes:
    """Change, insert, cut or double a few bytes."""
    return draw.choice(_BYTES)(data, draw.randrange(len(data) + 1), draw, others)


def _flip(data: bytes, place: int, draw: Random, others: Sequence[bytes]) -> bytes:
    return data[:place] + bytes([draw.randrange(256)]) + data[place + 1 :]


def _insert(data: bytes, place: int, draw: Random, others: Sequence[bytes]) -> bytes:
    return data[:place] + draw.choice(BYTES) + data[place + draw.choice((0, 0, 1)) :]


def _cut(data: bytes, place: int, draw: Random, others: Sequence[bytes]) -> bytes:
    return data[:place] if draw.random() < 0.7 else data[place:]


def _without(data: bytes, place: int, draw: Random, others: Sequence[bytes]) -> bytes:
    return data[:place] + data[place + draw.choice((1, 2, 8, 64)) :]


def _again(data: bytes, place: int, draw: Random, others: Sequence[bytes]) -> bytes:
    part = data[place : place + draw.choice((1, 4, 32, 512))]
    return data[:place] + part * draw.choice((2, 3, 30)) + data[place:]


def _spliced(data: bytes, place: int, draw: Random, others: Sequence[bytes]) -> bytes:
    other = draw.choice(others) if others else data
    return data[:place] + other[draw.randrange(len(other) + 1) :]


_BYTES: tuple[Callable[[bytes, int, Random, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _insert, _insert, _cut, _without, _again, _spliced,
)  # fmt: skip
