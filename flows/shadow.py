"""Say what a guard would have done to the intents of a stored run, had it been there or been set otherwise.

The stored journal is thought through again, and beside the desk's own guards its twin votes: the same guard, with the
configuration that is asked about, in shadow. It sees what the others saw and has no effect, so the desk decides as it
did. An intent counts

    would_refuse   where it was approved, and the twin refuses
    would_add      where the guard itself refused it, and the twin does not; guards after it were never asked
    would_reshape  where it was approved, and the twin allows less than was approved

by the reason of the vote that differs.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from msgspec import structs
from msgspec.json import decode

from bots.kit import BotConfig, configure
from bots.registry import library
from connectors.clickhouse import EnvelopeTable
from contracts.base import Refused
from contracts.control import ConfigApplied
from contracts.envelope import DECISIONS, Block, CheckedRow, rows_of
from contracts.intent import QUARANTINE, REJECT, RESHAPE, OrderIntent, RiskDecision, RiskVote
from flows.assemble import recalled
from flows.desks import overridden
from flows.embedded import Progress
from flows.replay import birth, given, one_desk
from operators.plan import TWIN_RANK, Choice

DAY_NS = 86_400 * 1_000_000_000
REFUSALS = (REJECT, QUARANTINE)
HOW = ("would_refuse", "would_add", "would_reshape")


class Changed(NamedTuple):
    """An intent that a twin would have treated otherwise: when, how, and by which reason."""

    at_ns: int
    how: str
    reason: str


class Shadow:
    """What a twin of a guard said, beside what was decided.

    heard    journal time of every intent that was voted on
    changed  those that the twin would have treated otherwise
    """

    def __init__(self, bot_id: str) -> None:
        """Take the guard's id."""
        self.heard, self.changed = array("q"), list[Changed]()
        self._bot_id, self._vote = bot_id, cast("RiskVote | None", None)

    def take(self, row: CheckedRow) -> None:
        """Take what the desk said, in order: an intent, the twin's vote, then the decision."""
        said = row.payload
        if isinstance(said, OrderIntent):
            self._vote = None
        elif row.rank == TWIN_RANK and isinstance(said, RiskVote):
            self._vote = said
        elif isinstance(said, RiskDecision) and self._vote is not None:
            self.heard.append(row.at_ns)
            how, reason = self._compared(said, self._vote)
            if how:
                self.changed.append(Changed(row.at_ns, how, reason))
            self._vote = None

    def _compared(self, decision: RiskDecision, twin: RiskVote) -> tuple[str, str]:
        own = next((vote for vote in decision.votes if vote.gate == self._bot_id), None)
        approved, refuses = decision.verdict not in REFUSALS, twin.verdict in REFUSALS
        if approved and refuses:
            return "would_refuse", twin.reason
        if own is not None and own.verdict in REFUSALS and not refuses:
            return "would_add", own.reason
        smaller = twin.verdict == RESHAPE and twin.size_lots_max < decision.size_lots
        return ("would_reshape", twin.reason) if approved and smaller else ("", "")

    def counts(self, days: int) -> dict[str, object]:
        """Return the counts over the last `days`, from the last intent back."""
        since_ns = max(self.heard, default=0) - days * DAY_NS
        recent = [each for each in self.changed if each.at_ns > since_ns]
        reasons = {how: Counter(each.reason for each in recent if each.how == how) for how in HOW}
        return {
            "intents": sum(at_ns > since_ns for at_ns in self.heard),
            **{how: sum(counted.values()) for how, counted in reasons.items()},
            "reasons": {how: dict(sorted(counted.items())) for how, counted in reasons.items()},
        }


def shadow(
    store: Path, bot: str, days: int, sets: Sequence[str], progress: Progress | None = None, desk: str | None = None
) -> dict[str, object]:
    """Think a stored run through with a twin of `bot`; returns the keys of `pt shadow`, over its last `days`.

    Raises Refused for a bot that is no guard, a parameter that it does not have, or a store without a run.
    """
    bot_id = guard(bot)
    with EnvelopeTable.embedded(store) as table:
        desk_id = one_desk(table, store, desk)
        configured, applied, born_ns = birth(table, desk_id, store)
        config = _config(bot_id, sets, applied)
        twin = Choice(bot_id, library().bot(bot_id), config, "shadow")
        memory, found = recalled(configured, applied, born_ns, twin).desk, Shadow(bot_id)
        for entries in given(table.read_blocks(desk_id, "journal"), progress, signals=True):
            _tell(found, memory.step(entries))
        _tell(found, memory.close())
    return {"desk": desk_id, "bot": bot_id, "days": days, "sets": list(sets), **found.counts(days)}


def guard(name: str) -> str:
    """Return the id of an intent guard; raises Refused for another bot."""
    books = library()
    bot_id = books.resolve(name)
    if bot_id not in books.intent_gates:
        raise Refused(f"{name}: votes on no intent; allowed: {', '.join(books.intent_gates)}")
    return bot_id


def _config(bot_id: str, sets: Sequence[str], applied: Sequence[ConfigApplied]) -> BotConfig:
    """Return the run's own configuration of a guard, or the catalogue's where it had none, with what is set on top."""
    kind = library().bot(bot_id).config
    base = next((decode(said.values, type=kind) for said in applied if said.bot_id == bot_id), kind())
    values = overridden(sets)
    others = sorted(set(values) - {bot_id})
    if others:
        raise Refused(f"--set {others[0]}: is not the bot that is asked about; allowed: {bot_id}.PARAM=VALUE")
    chosen = configure(bot_id, kind, values.get(bot_id, {}))
    return structs.replace(base, **{name: getattr(chosen, name) for name in values.get(bot_id, {})})


def _tell(found: Shadow, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if block.chain == DECISIONS:
            for row in rows_of(block.data):
                found.take(row)
