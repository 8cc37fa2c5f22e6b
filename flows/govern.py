"""Run the governance bots over what a desk recorded: audit, validation, heartbeat, profit and loss.

The same engine as a lane's or a desk's, fed the stream of envelopes: each envelope first as what it says (a tick, a
position, a command), then as an envelope. What is read from the store is durable, so at each tick the store's word for
the audit chain is given back to the audit log, which acknowledges nothing without it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from bots.kit import configure
from bots.maths.audit_chain import GENESIS, extended
from bots.maths.reported import payload_of
from bots.registry import library
from connectors.reader import StoreReader
from contracts.control import AuditEvent, IncidentReport
from contracts.envelope import ReportEnvelope
from contracts.market import ClockTick
from contracts.reasons import GOV_FACT_RECEIVED
from contracts.signal import SignalReport
from flows.deployment import GOVERN
from operators.engine import Memory
from operators.plan import Choice, compile_plan

Said = SignalReport | IncidentReport
WRITER = "connectors.clickhouse"
CONFIRMED = "audit_confirmed"


class Govern(Memory):
    """The governance rows over one stream of envelopes."""

    def __init__(self) -> None:
        """Compile the rows that run in govern, with the catalogue's parameters."""
        books = library()
        bots = {bot_id: books.bot(bot_id) for bot_id in books.built("govern")}
        choices = [Choice(bot_id, bot, configure(bot_id, bot.config, {}), "enforced") for bot_id, bot in bots.items()]
        super().__init__(compile_plan(books, "govern", choices))
        self.head, self.count = GENESIS, 0

    def hear(self, envelope: ReportEnvelope, cause: int = -1) -> list[Said]:
        """Take one envelope in; return what the governance bots say of it.

        `cause` names it where what is said is kept: rows of one cause go on being counted together.
        """
        self.base = self.base - len(self.out) if cause == self.cause else 0
        self.cause = cause
        self.out.clear()
        self.now = max(self.now, envelope.at_ns)
        payload = payload_of(envelope)
        if type(payload) is ClockTick and self.count:
            self._take(self._confirmation(), payload)
        self._take(envelope, payload)
        self.head, self.count = extended(self.head, envelope), self.count + 1
        return [row.payload for row in self.out if isinstance(row.payload, Said)]

    def _take(self, envelope: ReportEnvelope, payload: object) -> None:
        for said in (payload, envelope):
            handler = self.handler(said)
            if handler is not None:
                handler(self, self.blank, said, self.cause, self.now, self.offset)

    def _confirmation(self) -> ReportEnvelope:
        """The store's word that the chain up to here is durable: it was read from the store."""
        event = AuditEvent(
            f"{WRITER}/{self.count}", WRITER, CONFIRMED, "chain", str(self.count), "SUCCESS", self.now, self.head
        )
        said = msgspec.json.encode(event).decode()
        return ReportEnvelope(
            envelope_id=f"{WRITER}/{self.count}",
            payload_kind="AuditEvent",
            desk_id="govern",
            bot_id=WRITER,
            bot_version="",
            config_version="",
            market_id="",
            cause_id=str(self.count),
            correlation_id="",
            at_ns=self.now,
            offset=-1,
            rank=0,
            index=0,
            reasons=(GOV_FACT_RECEIVED,),
            severity="INFO",
            block=0,
            payload=said,
        )


def govern(store: Path, progress: Callable[[int, int, int], None] | None = None) -> dict[str, object]:
    """Run the governance bots over a store; return counts by reason, incidents, and the last report of each signal."""
    memory, reasons, incidents = Govern(), Counter[str](), list[str]()
    last: dict[str, SignalReport] = {}
    with StoreReader(store) as reader:
        for number, envelope in enumerate(_reports(reader)):
            for said in memory.hear(envelope):
                reasons[said.reason] += 1
                if isinstance(said, IncidentReport):
                    incidents.append(f"{said.severity} {said.cause_family}: {said.scope}")
                else:
                    last[said.signal] = said
            if progress is not None and number % 10_000 == 0:
                progress(number, 0, 0)
    return {
        "envelopes": memory.count,
        "audit_head": memory.head,
        "reasons": dict(sorted(reasons.items())),
        "incidents": incidents,
        "reports": {
            name: {"label": said.label, "reason": said.reason, "parts": dict(said.parts)} for name, said in last.items()
        },
        "faults": [f"{bot}: {what}" for bot, what in memory.faults],
    }


def _reports(reader: StoreReader) -> Iterator[ReportEnvelope]:
    for found in reader.envelopes():
        if not found["desk_id"].startswith(GOVERN):
            yield report_of(found)


def report_of(found: Mapping[str, object]) -> ReportEnvelope:
    """Return the contract's form of an envelope as the reader gives it."""
    values = {("payload_kind" if name == "kind" else name): value for name, value in found.items()}
    values["payload"] = msgspec.json.encode(found["payload"]).decode()
    return msgspec.convert(values, ReportEnvelope)
