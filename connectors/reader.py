"""Read a store: envelopes by filter, the book at a line of a capture, what led to a decision and what came of it.

Everything is decoded from the stored blocks and checked against its contract while it is read. Blocks that cannot hold
what is asked for are passed over by a search for its spelling in their bytes, inside the engine.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path

from bots.registry import library
from connectors.books import book_at, source_of
from connectors.clickhouse import EnvelopeTable
from connectors.columns import offsets_of
from connectors.envelopes import DERIVED, Envelope, Names, plain, severity_of
from connectors.store import StoreError
from contracts import ids
from contracts.base import Refused
from contracts.envelope import DECISIONS, FACT_RANK, JOURNAL, Block, CheckedRow, DeadLetter, rows_of
from operators.plan import MECHANISMS

Place = tuple[int, int, CheckedRow]  # offset, block, row
WHY_KINDS = ("RiskDecision", "ExecutionPlan", "BotNote")
WHY_LIMIT = 20
EXPLAIN_LIMIT = 200
NEEDLES_MAX = 255
PARTS = {
    "OrderIntent": "intents",
    "RiskVote": "votes",
    "RiskDecision": "decisions",
    "ApprovedIntent": "decisions",
    "ExecutionPlan": "plans",
    "AuthorisedOrder": "orders",
    "SignedOrderRequest": "orders",
    "VenueOrderEvent": "updates",
    "OrderUpdate": "updates",
    "Fill": "fills",
    "Settlement": "fills",
    "PositionState": "positions",
}


class StoreReader:
    """A store, opened for reading. It is held meanwhile: one process at a time. Raises StoreError."""

    def __init__(self, folder: Path) -> None:
        """Open the store in a folder; about 2 s."""
        self.table = EnvelopeTable.embedded(folder)
        makers = {row.rank: row.id for row in library().rows} | MECHANISMS
        try:
            self._names = {desk_id: self._learned(Names(desk_id, makers)) for desk_id in self.table.desks()}
        except BaseException:
            self.table.close()
            raise
        self._linked: set[str] = set()

    def __enter__(self) -> "StoreReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self.table.close()

    def summary(self) -> dict[str, object]:
        """Return what the newest finished run came to; raises StoreError when none has finished."""
        runs = self.table.runs()
        if not runs:
            raise StoreError(f"{self.table.where}: no finished run is recorded")
        return runs[-1].result

    # ---- envelopes --------------------------------------------------------------------------------------------------

    def envelopes(
        self,
        bot: str | None = None,
        desk: str | None = None,
        kind: str | None = None,
        reason: str | None = None,
        market: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Envelope]:
        """Yield envelopes in journal order; every filter given must hold. Times are nanoseconds, both included."""
        if kind == DeadLetter.__name__:
            yield from islice(self._letters(desk, market, reason, since, until), limit)
            return
        yield from islice(self._matching(bot, desk, kind, reason, market, since, until), limit)

    def _matching(
        self,
        bot: str | None,
        desk: str | None,
        kind: str | None,
        reason: str | None,
        market: str | None,
        since: int | None,
        until: int | None,
    ) -> Iterator[Envelope]:
        for desk_id, names in self._names.items():
            if desk not in (None, desk_id):
                continue
            needles = [[f'"kind":"{kind}"']] if kind else []
            needles += [[f'"{reason}"']] if reason and reason not in DERIVED else []
            needles += [_market_needles(names, market)] if market else []
            for offset, block, row in self._rows(desk_id, since, until, needles):
                if kind not in (None, type(row.payload).__name__) or not _within(row.at_ns, since, until):
                    names.correlation(row)  # a vote belongs to the intent before it
                    continue
                said = self._envelope(names, row, offset, block)
                if (
                    bot in (None, said["bot_id"])
                    and (reason is None or reason in said["reasons"])
                    and market in (None, said["market_id"])
                ):
                    yield said

    def _letters(
        self, desk: str | None, market: str | None, reason: str | None, since: int | None, until: int | None
    ) -> Iterator[Envelope]:
        if desk or market:
            return  # a frame that could not be read is nobody's
        for letter in self.table.dead_letters():
            if reason not in (None, letter.reason) or not _within(letter.at_ns, since, until):
                continue
            payload = plain(letter)
            assert isinstance(payload, dict)
            place = f"{letter.source_id}:{letter.position}"
            yield {
                "envelope_id": f"dead/{place}", "kind": "DeadLetter", "desk_id": "", "bot_id": "operators.normalise",
                "bot_version": "", "config_version": "", "market_id": "", "cause_id": place, "correlation_id": "",
                "at_ns": letter.at_ns, "offset": -1, "rank": FACT_RANK, "index": 0, "reasons": [letter.reason],
                "severity": severity_of([letter.reason]), "block": 0, "payload": payload,
            }  # fmt: skip

    def _envelope(self, names: Names, row: CheckedRow, offset: int, block: int) -> Envelope:
        order = getattr(row.payload, "client_order_id", "")
        if order and order not in names.intents and names.desk_id not in self._linked:
            self._linked.add(names.desk_id)
            for found in self._blocks(names.desk_id, DECISIONS, [['"kind":"AuthorisedOrder"']]):
                for each in rows_of(found.data, DECISIONS):
                    names.link(each.payload)
        return names.envelope(row, offset, block)

    def _learned(self, names: Names) -> Names:
        """Read what a journal says about names before anything else is read."""
        kinds = ("DeskConfigured", "ConfigApplied", "MarketDefinition", "VenueInstrumentRecord")
        needles = [[f'"kind":"{kind}"' for kind in kinds]]
        for block in self._blocks(names.desk_id, JOURNAL, needles):
            for offset, _, row in _placed(block):
                names.learn(offset, row)
        return names

    # ---- one market -------------------------------------------------------------------------------------------------

    def book_at(self, market_id: str, frame: int, source: str | None = None) -> dict[str, object]:
        """Return the book after line `frame` of a capture, best prices first, as decimal texts.

        source  a capture's file name (or path) or source id, where the run had several. Raises Refused for a market or
        capture that the store does not know. Costs a replay of the order books up to there: about 1.5 µs a fact.
        """
        names, index = self._market(market_id)
        runs = [run for run in self.table.runs() if run.desk_id == names.desk_id]
        known = runs[-1].sources if runs else {}
        facts = (row for _, _, row in self._rows(names.desk_id, None, None, [], (JOURNAL,)))
        first = self._rows(names.desk_id, None, None, [[f'"market":{index},']], (JOURNAL,))
        number = source_of(source, known, (row for _, _, row in first), index)
        return book_at(facts, number, frame, index, market_id)

    def why(self, market_id: str, at: int | None = None, limit: int = WHY_LIMIT) -> dict[str, object]:
        """Return the last decisions about a market at or before a time (the end if None), newest first, with reasons.

        `silent` holds the newest note of each bot that chose to stay out, `book` the newest word on the trust in the
        market's book, None before the first. Raises Refused for an unknown market.
        """
        names, _ = self._market(market_id)
        needles = [[f'"kind":"{kind}"' for kind in WHY_KINDS], _market_needles(names, market_id)]
        decisions: list[Envelope] = []
        silent: dict[str, Envelope] = {}
        for block in self._blocks(names.desk_id, DECISIONS, needles, until=at, newest_first=True):
            for offset, number, row in reversed(list(_placed(block))):
                kind = type(row.payload).__name__
                if kind not in WHY_KINDS or names.market_id(row) != market_id or not _within(row.at_ns, None, at):
                    continue
                said = self._envelope(names, row, offset, number)
                if kind != "BotNote":
                    decisions.append(said)
                elif said["bot_id"] not in silent:
                    silent[said["bot_id"]] = said
            if len(decisions) >= limit:
                break
        return {
            "market_id": market_id,
            "at_ns": at if at is not None else max((d["at_ns"] for d in (*decisions, *silent.values())), default=0),
            "decisions": [_brief(said) for said in decisions[:limit]],
            "silent": [_brief(said) for said in silent.values()],
            "book": self._trust(names, market_id, at),
        }

    def _trust(self, names: Names, market_id: str, at: int | None) -> dict[str, object] | None:
        needles = [['"kind":"BookQuality"'], _market_needles(names, market_id)]
        for block in self._blocks(names.desk_id, JOURNAL, needles, until=at, newest_first=True):
            for offset, number, row in reversed(list(_placed(block))):
                is_trust = type(row.payload).__name__ == "BookQuality" and names.market_id(row) == market_id
                if is_trust and _within(row.at_ns, None, at):
                    return _brief(self._envelope(names, row, offset, number))
        return None

    # ---- descent ----------------------------------------------------------------------------------------------------

    def explain(self, what: str) -> dict[str, object]:
        """Return the chain of an envelope, a fact, an intent, a plan, an order or a trade, named by its id.

        What caused it (facts, signals), what it is (subject), and what came of it: intents, votes, decisions, plans,
        orders, updates, fills, positions; in journal order. Raises Refused for an id that the store does not know.
        """
        for names in self._names.values():
            subject = self._find(names, what)
            if subject:
                return self._chain(names, what, subject)
        raise Refused(f"{what!r}: the store knows no envelope, fact, intent, plan, order or trade of this id")

    def _find(self, names: Names, what: str) -> list[Envelope]:
        """Return the envelopes that an id names, or that carry it."""
        desk_id, _, rest = what.rpartition("/")[0].rpartition("/")
        cause = _cause(rest if desk_id else what)
        if desk_id and desk_id != names.desk_id:
            return []
        found = self._with(names, [f"[{cause},", f'"fact":{cause},'] if cause is not None else [f'"{what}"'])
        if desk_id:
            return [said for said in found if said["envelope_id"] == what]
        if cause is not None:
            return [said for said in found if said["cause_id"] == ids.fact_text(cause)]
        return [said for said in found if what in _ids_of(said)]

    def _chain(self, names: Names, what: str, subject: list[Envelope]) -> dict[str, object]:
        intents = {said["correlation_id"] for said in subject} - {""}
        causes = {said["cause_id"] for said in subject}
        if not intents:
            beside = self._with(names, _cause_needles(causes))
            intents = {said["correlation_id"] for said in beside if said["cause_id"] in causes} - {""}
        orders = {order for order, intent in names.intents.items() if intent in intents}
        chain = [said for said in self._with(names, [f'"{each}"' for each in sorted(intents | orders)])
                 if said["correlation_id"] in intents]  # fmt: skip
        causes |= {said["cause_id"] for said in chain}
        parts: dict[str, list[Envelope]] = {name: [] for name in dict.fromkeys(PARTS.values())}
        facts, signals = [], []
        for said in self._with(names, _cause_needles(causes)):
            if said["cause_id"] not in causes:
                continue
            part = PARTS.get(said["kind"])
            if said["rank"] == FACT_RANK:
                facts.append(said)
            elif part is None:
                signals.append(said)
            elif said["correlation_id"] in intents or (part == "positions" and intents):
                parts[part].append(said)
        shown = {name: said[:EXPLAIN_LIMIT] for name, said in ({"facts": facts, "signals": signals} | parts).items()}
        return {"id": what, "subject": subject[:EXPLAIN_LIMIT], "intent_ids": sorted(intents), **shown}

    def _with(self, names: Names, needles: Sequence[str]) -> list[Envelope]:
        """Return, in journal order, every envelope of the blocks that hold one of these texts."""
        found: dict[str, Envelope] = {}
        for start in range(0, len(needles), NEEDLES_MAX):
            some = needles[start : start + NEEDLES_MAX]
            for offset, block, row in self._rows(names.desk_id, None, None, [some]):
                said = self._envelope(names, row, offset, block)
                found[said["envelope_id"]] = said
        return sorted(found.values(), key=itemgetter("offset"))

    # ---- rows -------------------------------------------------------------------------------------------------------

    def _market(self, market_id: str) -> tuple[Names, int]:
        for names in self._names.values():
            for index, known in names.markets.items():
                if known == market_id:
                    return names, index
        some = sorted({known for names in self._names.values() for known in names.markets.values()})
        more = f", and {len(some) - 10} more" if len(some) > 10 else ""
        raise Refused(f"market {market_id!r} is not in this store; it has: {', '.join(some[:10]) or 'none'}{more}")

    def _blocks(
        self,
        desk_id: str,
        chain: str,
        needles: Sequence[Sequence[str]],
        since: int | None = None,
        until: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Block]:
        return self.table.read_blocks(desk_id, chain, since, until, needles, newest_first)

    def _rows(
        self,
        desk_id: str,
        since: int | None,
        until: int | None,
        needles: Sequence[Sequence[str]],
        chains: Sequence[str] = (JOURNAL, DECISIONS),
    ) -> Iterator[Place]:
        """Yield rows in journal order: what an entry was, then what was said because of it."""
        each = [_all_placed(self._blocks(desk_id, chain, needles, since, until)) for chain in chains]
        return merge(*each, key=itemgetter(0))


def _all_placed(blocks: Iterable[Block]) -> Iterator[Place]:
    for block in blocks:
        yield from _placed(block)


def _placed(block: Block) -> Iterator[Place]:
    rows = rows_of(block.data, block.chain)
    for offset, row in zip(offsets_of(block, len(rows)), rows, strict=True):
        yield offset, block.number, row


def _within(at_ns: int, since: int | None, until: int | None) -> bool:
    return (since is None or at_ns >= since) and (until is None or at_ns <= until)


def _market_needles(names: Names, market_id: str) -> list[str]:
    indices = [index for index, known in names.markets.items() if known == market_id]
    spelled = [needle for index in indices for needle in (f'"market":{index},', f',{index},{{"kind"')]
    return [f'"{market_id}"', *spelled]


def _cause_needles(causes: Iterable[str]) -> list[str]:
    packed = [cause for text in sorted(causes) if (cause := _cause(text)) is not None]
    return [needle for cause in packed for needle in (f"[{cause},", f'"fact":{cause},')]


def _cause(text: str) -> int | None:
    """Return the fact id that a text spells, `source:position.index+sub`; None when it spells none."""
    for separator in ".+":
        text = text.replace(separator, ":", 1)
    parts = text.split(":")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    return ids.fact_id(*(int(part) for part in parts))


def _ids_of(said: Envelope) -> set[object]:
    keys = ("intent_id", "plan_id", "client_order_id", "venue_order_id", "trade_id", "subject_id", "command_id")
    child = said["payload"].get("child")
    nested = child.get("client_order_id") if isinstance(child, dict) else None
    found = {said["payload"].get(key) for key in keys}
    return (found | {said["correlation_id"], nested}) - {""}


def _brief(said: Envelope) -> dict[str, object]:
    """Keep of an envelope what says why."""
    payload = said["payload"]
    numbers = ("verdict", "style", "state", "cause", "seen", "limit", "size_lots", "votes", "not_run")
    kept = {key: payload[key] for key in numbers if key in payload}
    named = ("envelope_id", "kind", "bot_id", "at_ns", "offset", "cause_id", "correlation_id", "reasons", "severity")
    return {key: said[key] for key in named} | kept  # type: ignore[literal-required]
