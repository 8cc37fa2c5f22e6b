"""Find a bot by its id: the id is the address, `risk.stale_book` is bots/risk/stale_book.py.

What the code cannot say stands in library.toml, once. A row without a module is pending; a module without a row does
not exist for anybody.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import Any

from bots.kit import Bot
from contracts.base import Refused

LAYERS = ("intel", "disc", "strat", "risk", "exec", "sec", "gov")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the library: everything about a bot that its code does not say."""

    rank: int
    id: str
    title: str
    class_: str
    phase: str
    stages: tuple[str, ...]
    runs_in: str
    capital_impact: str
    aliases: tuple[str, ...]
    absorbs: tuple[str, ...]
    purpose: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rule: str
    state: str
    modes: tuple[str, ...]
    on_failure: str
    references: tuple[str, ...]
    freshness_ms: Mapping[str, int]
    reasons: tuple[Mapping[str, str], ...]
    params: tuple[Mapping[str, Any], ...]
    fixtures: Mapping[str, str]

    @property
    def layer(self) -> str:
        """intel, disc, strat, risk, exec, sec or gov."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """The id without its layer."""
        return self.id.partition(".")[2]


def _row(rank: int, raw: dict[str, Any]) -> Row:
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    values["class_"] = values.pop("class")
    return Row(rank=rank, aliases=values.pop("aliases", ()), absorbs=values.pop("absorbs", ()), **values)


@dataclass(frozen=True)
class Library:
    """The 109 rows with the gate orders and the authority of each class."""

    rows: tuple[Row, ...]
    intent_gates: tuple[str, ...]
    presign_gates: tuple[str, ...]
    reduce_only_skips: frozenset[str]
    may_emit: Mapping[str, tuple[str, ...]]
    references: Mapping[str, str]

    @cached_property
    def by_id(self) -> Mapping[str, Row]:
        """Rows by id."""
        return {row.id: row for row in self.rows}

    @cached_property
    def _names(self) -> Mapping[str, str]:
        named = {row.id: row.id for row in self.rows}
        for row in self.rows:
            for other in (*row.aliases, *row.absorbs):
                named[other] = row.id
        return named

    def resolve(self, name: str) -> str:
        """Return the id behind an id or alias; raises Refused for an unknown one."""
        if name not in self._names:
            raise Refused(f"bot {name!r} is unknown; allowed: the 109 ids and their aliases (pt bots)")
        return self._names[name]

    def has_module(self, bot_id: str) -> bool:
        """True when the bot is built; otherwise its row is pending."""
        row = self.by_id[bot_id]
        return files("bots").joinpath(row.layer, f"{row.name}.py").is_file()

    def bot(self, bot_id: str) -> Bot:
        """Load a bot; raises Refused when its row is pending."""
        if not self.has_module(bot_id):
            raise Refused(f"bot {bot_id!r} is pending: it has a row but no module yet")
        bot: Bot = import_module(f"bots.{bot_id}").BOT
        return replace(bot, id=bot_id)

    def built(self, runs_in: str) -> tuple[str, ...]:
        """Return the ids of the built bots that run in a lane, a desk or govern, in rank order."""
        return tuple(row.id for row in self.rows if row.runs_in == runs_in and self.has_module(row.id))

    def version(self, bot_id: str) -> str:
        """Hash of the bot's import closure below the edge: its module, kit, maths, contracts and the engine."""
        row = self.by_id[bot_id]
        own = files("bots").joinpath(row.layer, f"{row.name}.py").read_bytes()
        return sha256(shared_code() + own).hexdigest()[:16]


@cache
def shared_code() -> bytes:
    """Digest of the code that every bot shares."""
    digest = sha256()
    for package, folder in (("bots", "kit.py"), ("bots", "maths"), ("contracts", ""), ("operators", "")):
        place = files(package).joinpath(folder) if folder else files(package)
        sources = [place] if place.is_file() else [item for item in place.iterdir() if item.name.endswith(".py")]
        for source in sorted(sources, key=lambda item: item.name):
            digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.digest()


@cache
def library() -> Library:
    """Return the library, read once."""
    raw = tomllib.loads(files("bots").joinpath("library.toml").read_text("utf-8"))
    gates = raw["gates"]
    return Library(
        rows=tuple(_row(rank, row) for rank, row in enumerate(raw["bots"])),
        intent_gates=tuple(gates["intent"]),
        presign_gates=tuple(gates["presign"]),
        reduce_only_skips=frozenset(gates["reduce_only_skips"]),
        may_emit={name: tuple(row["may_emit"]) for name, row in raw["classes"].items()},
        references=raw["references"],
    )
