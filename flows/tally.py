"""Count what a run did, from its blocks: the numbers of `pt run`, each from envelopes and nothing else."""

from collections import Counter
from collections.abc import Iterable, Sequence

from contracts.envelope import DECISIONS, FACT_RANK, Block, CheckedRow, DeadLetter, Row, rows_of
from contracts.intent import APPROVE, QUARANTINE, REJECT, RESHAPE, BotNote, OrderIntent, RiskDecision
from contracts.market import BookQuality, MarketDefinition
from contracts.order import AuthorisedOrder, ExecutionPlan, Fill, PositionState
from operators.normalise.frames import Counts


class FrameTally:
    """What became of frames: every frame is one of facts, control or dead."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.frames = self.facts_frames = self.control = self.facts = 0
        self.dead: Counter[str] = Counter()

    def count(self, accounts: Iterable[tuple[list[DeadLetter], Counts, int]]) -> None:
        """Count several blocks of frames."""
        for letters, counts, facts in accounts:
            self.take(letters, counts, facts)

    def take(self, letters: list[DeadLetter], counts: Counts, facts: int) -> None:
        """Count a block of frames."""
        self.frames += counts.frames
        self.facts_frames += counts.facts_frames
        self.control += counts.control
        self.facts += facts
        if letters:
            self.dead.update(letter.reason for letter in letters)


class RowTally:
    """How many rows passed."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.rows = 0

    def take(self, batches: list[list[Row]]) -> None:
        """Count rows."""
        self.rows += sum(map(len, batches))


class Tally:
    """Running counts over blocks; `check` decodes and validates every row as a reader would.

    seconds  what earlier processes of the same run took up to the state that was kept
    """

    def __init__(self, check: bool) -> None:
        """Begin at zero."""
        self.check = check
        self.kinds: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.votes: dict[str, Counter[str]] = {}
        self.reasons: Counter[str] = Counter()
        self.markets: dict[int, str] = {}
        self.positions: dict[str, PositionState] = {}
        self.entries = self.envelopes = self.blocks = self.invalid = self.orders = self.cancels = 0
        self.stale_spells = 0
        self._usable: dict[int, bool] = {}
        self.digest = ""
        self.first_invalid = ""
        self.seconds = 0.0

    def take(self, batches: Iterable[list[Block]]) -> None:
        """Count blocks."""
        for batch in batches:
            for block in batch:
                self._block(block)

    def _block(self, block: Block) -> None:
        rows: Sequence[object] = block.rows or self._read(block)
        self.blocks += 1
        self.envelopes += len(rows)
        if block.chain == DECISIONS:
            self.digest = block.head.hex()
        else:
            self.entries += len(rows)
        for row in rows:
            if isinstance(row, Row) or (isinstance(row, CheckedRow) and row.rank != FACT_RANK):
                self._row(row.payload, row.market)
        if self.check and block.rows:
            self._read(block)

    def _row(self, payload: object, market: int) -> None:
        self.kinds[type(payload).__name__] += 1
        if isinstance(payload, RiskDecision):
            self._decision(payload)
        elif isinstance(payload, AuthorisedOrder):
            if payload.child.action == "PLACE":
                self.orders += 1
            else:
                self.cancels += 1
        elif isinstance(payload, ExecutionPlan):
            self.reasons.update(payload.reasons)
        else:
            reason = getattr(payload, "reason", "")
            if reason:
                self.reasons[reason] += 1
            if isinstance(payload, PositionState):
                self.positions[payload.market_id] = payload
            elif isinstance(payload, MarketDefinition):
                self.markets[market] = payload.market_id
            elif isinstance(payload, BookQuality):
                self.stale_spells += self._usable.get(market, False) and not payload.usable
                self._usable[market] = payload.usable

    def _decision(self, decision: RiskDecision) -> None:
        if not decision.is_of_plan:  # an intent is approved once, whatever becomes of its plan
            self.verdicts[decision.verdict] += 1
        self.reasons[decision.reason] += 1
        for vote in decision.votes:
            self.votes.setdefault(vote.gate, Counter())[vote.verdict] += 1
            self.reasons[vote.reason] += 1
        for gate in decision.not_run:
            self.votes.setdefault(gate, Counter())["NOT_RUN"] += 1

    def _read(self, block: Block) -> list[CheckedRow]:
        """Read a block as any reader would; one that cannot be read is counted, and has no rows."""
        try:
            return rows_of(block.data, block.chain)
        except ValueError as err:
            self.invalid += 1
            self.first_invalid = self.first_invalid or f"{block.chain} block {block.number}: {err}"
            return []

    @property
    def counts(self) -> dict[str, int]:
        """Counts under the keys of `pt run`."""
        return {
            "entries": self.entries,
            "envelopes": self.envelopes,
            "blocks": self.blocks,
            "invalid": self.invalid,
            "intents": self.kinds[OrderIntent.__name__],
            "approved": self.verdicts[APPROVE],
            "rejected": self.verdicts[REJECT] + self.verdicts[QUARANTINE],
            "reshaped": self.verdicts[RESHAPE],
            "orders": self.orders,
            "cancels": self.cancels,
            "fills": self.kinds[Fill.__name__],
            "notes": self.kinds[BotNote.__name__],
        }

    @property
    def pnl(self) -> dict[str, object]:
        """Profit and loss under the keys of `pt run`, summed over the last position of each market."""
        held = list(self.positions.values())
        realised, unrealised = sum(p.realised_micros for p in held), sum(p.unrealised_micros for p in held)
        fees, funding = sum(p.fees_micros for p in held), sum(p.funding_micros for p in held)
        return {
            "realised_micros": realised,
            "unrealised_micros": unrealised,
            "fees_micros": fees,
            "funding_micros": funding,
            "total_micros": realised + unrealised - fees + funding,
            "marks_micros": {p.market_id: p.mark_micros for p in held if p.size_lots or p.mark_micros >= 0},
        }
