"""Hold the readers of configuration to their promises: desks, freshness budgets, and what stands behind `--set`.

A person may write anything. Each reader answers with settings inside their bounds, or refuses and names the file or
option.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

from bots.kit import configure
from bots.registry import library
from cli.settings import instant
from contracts.base import Refused
from flows.desks import LAB, load_desk
from operators.freshness import Budgets, read_budgets
from tests.fuzz.mutate import NUMBERS, TEXTS, in_bytes

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"


def in_lines(data: bytes, draw: Random, others: list[bytes]) -> bytes:
    """Damage a text of settings: a value, a key, a line, or its bytes."""
    lines = data.split(b"\n")
    place = draw.randrange(len(lines))
    key, equals, value = lines[place].partition(b"=")
    how = draw.randrange(7)
    if how < 3 and equals:
        lines[place] = key + b"= " + _value(draw)
    elif how == 3 and equals:
        lines[place] = _value(draw) + b" =" + value
    elif how == 4:
        lines.insert(draw.randrange(len(lines) + 1), draw.choice(draw.choice(others).split(b"\n")))
    elif how == 5:
        del lines[place]
    else:
        return in_bytes(data, draw, others)
    return b"\n".join(lines)


def _value(draw: Random) -> bytes:
    how = draw.randrange(4)
    if how == 0:
        return str(draw.choice(NUMBERS)).encode()
    if how == 1:
        return msgspec.json.encode(draw.choice([text for text in TEXTS if text.isprintable()]))
    if how == 2:
        return draw.choice((b"true", b"[]", b"{}", b"[1, 2]", b"{ a = 1 }", b"1979-05-27T07:32:00Z", b"nan", b"-inf"))
    return b"[" * 300 + b"]" * draw.choice((0, 300))


class _Settings:
    """What the decoders of this module share: a folder of configuration of their own, and how they damage."""

    most = 1 << 13
    seeds: list[bytes]

    def __init__(self) -> None:
        """Make the folder, with a small desk in it."""
        self._folder = tempfile.TemporaryDirectory(prefix="fuzz-config-")
        self.config = Path(self._folder.name)
        (self.config / "desks").mkdir()
        self.file = self.config / "desks" / f"{LAB}.toml"
        whole = (CONFIG / "desks" / f"{LAB}.toml").read_bytes()
        self.desk = b"\n".join(line for line in whole.split(b"\n") if not line.startswith(b"#"))
        self.small = self.desk.partition(b"\n[")[0]
        self.file.write_bytes(self.small)

    def damage(self, data: bytes, draw: Random) -> bytes:
        """Return damaged settings."""
        for _ in range(draw.randint(1, 2)):
            data = in_lines(data, draw, self.seeds)
        return data[: self.most]


class DeskDecoder(_Settings):
    """The reader of a desk's file."""

    def __init__(self) -> None:
        """Take the desk of the laboratory, whole and without its tables."""
        super().__init__()
        self.seeds = [self.desk, self.small]

    def check(self, data: bytes) -> None:
        """Read a file; what it changes of a bot must still make that bot's configuration."""
        self.file.write_bytes(data)
        try:
            desk = load_desk(LAB, self.config)
        except Refused as err:
            assert LAB in str(err)
            return
        assert (LAB, "paper", "paper") == (desk.desk_id, desk.mode, desk.account)
        for bot, values in desk.overrides.items():
            config = configure(bot, library().bot(bot).config, values)
            assert config == msgspec.json.decode(msgspec.json.encode(config), type=type(config))


class BudgetDecoder(_Settings):
    """The reader of freshness budgets."""

    def __init__(self) -> None:
        """Take the file of the project."""
        super().__init__()
        self.seeds = [(CONFIG / "freshness.toml").read_bytes(), b"book_ms = 500\nsilence_ms = 2000\n"]

    def check(self, data: bytes) -> None:
        """Read a file's text."""
        try:
            budgets = read_budgets(data.decode(errors="replace"))
        except Refused as err:
            assert "freshness" in str(err)
            return
        assert budgets == msgspec.json.decode(msgspec.json.encode(budgets), type=Budgets)


class SetDecoder(_Settings):
    """The reader of `--set BOT.PARAM=VALUE`."""

    def __init__(self) -> None:
        """Take one parameter of every bot, as its default says it."""
        super().__init__()
        books = library()
        self.seeds = []
        for row in books.rows:
            config = books.bot(row.id).config if books.has_module(row.id) else None
            for name in (config.__struct_fields__ if config is not None else ())[:2]:
                self.seeds.append(f"{row.id}.{name}={getattr(config(), name)}".encode())  # type: ignore[misc]

    def check(self, data: bytes) -> None:
        """Load the desk of the laboratory with one thing set."""
        text = data.decode(errors="surrogateescape")
        try:
            desk = load_desk(LAB, self.config, [text])
        except Refused as err:
            assert "--set" in str(err)
            return
        for bot, values in desk.overrides.items():
            configure(bot, library().bot(bot).config, values)


class InstantDecoder(_Settings):
    """The reader of `--since`, `--until` and `--at`."""

    def __init__(self) -> None:
        """Take a time in each of its spellings."""
        super().__init__()
        self.seeds = [
            b"1795194000000000000", b"2026-05-13T12:59:00Z", b"2026-05-13 12:59:00.123456789+02:00", b"2026-05-13",
        ]  # fmt: skip

    def check(self, data: bytes) -> None:
        """Read a time."""
        try:
            found = instant("--since", data.decode(errors="surrogateescape"))
        except Refused as err:
            assert "--since" in str(err)
            return
        assert type(found) is int


CONFIGURED: dict[str, Callable[[], _Settings]] = {
    "config.desk": DeskDecoder,
    "config.freshness": BudgetDecoder,
    "config.instant": InstantDecoder,
    "config.set": SetDecoder,
}
