"""Turn the journals of desks into decisions, a desk at a time: the program that scales by desks.

Run by `pt program desk`, or by the dataflow engine's own runner: `python -m bytewax.run flows.desk`.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from connectors.control_entries import control_reader, record_of_control, signed_entry
from connectors.environment import KILL_SWITCH, kill_switch_engaged
from connectors.kafka import DeadLetterSink, EnvelopeSink, Part
from connectors.kafka_client import Writer
from connectors.kafka_strands import StrandSource
from connectors.metrics import Sample, of_lag, of_time, of_waiting, sample
from connectors.namespace import state_folder
from connectors.orders import OrderSink
from connectors.signing import SigningKey, Verifier, make_key, signing_key
from contracts.base import Refused
from contracts.control import EMERGENCY_STOP, ControlCommand
from contracts.signed import CONTROL, scope_of
from flows.assemble import Assembly
from flows.deployment import Deployment, DeskSpec
from flows.desk_steps import decided
from flows.ends import KeptSink
from flows.program import Program, from_environment
from flows.samples import of_decisions
from flows.tally import RowTally, Tally
from operators.engine import Desk
from operators.envelope import LastWord
from operators.hearing import Hearing
from operators.host import hosted
from operators.strands import StrandReader

ENVIRONMENT = "environment"


@dataclass(slots=True)
class Desks:
    """The ends and tallies of a desk program, for whoever watches it."""

    flow: Dataflow
    key: SigningKey
    sources: dict[str, StrandSource] = field(default_factory=dict)
    envelopes: dict[str, EnvelopeSink] = field(default_factory=dict)
    orders: dict[str, OrderSink] = field(default_factory=dict)
    ears: dict[str, Hearing] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    desks: dict[str, Desk] = field(default_factory=dict)

    def inputs(self) -> Mapping[str, StrandSource]:
        """Return step id -> source."""
        return {f"journal-{name}": source for name, source in self.sources.items()}

    def samples(self) -> Iterator[Sample]:
        """Yield what an operator watches, by desk and by partition."""
        for name, source in self.sources.items():
            for lag in source.lags():
                yield from of_lag(lag)
            yield from of_decisions(name, self.tallies[name])
            for sink in (self.envelopes[name], self.orders[name]):
                yield from of_waiting(sink.topic, sink.waiting())
            yield from of_time("desk", name, self.desks[name].now)
            told = self.ears[name].control.refused
            yield sample("polytraders_incidents_total", told, scope=name, family="hearing")

    def summary(self) -> dict[str, object]:
        """Return by desk what it took in and decided, and what had no effect."""
        return {
            "desks": {
                name: {
                    **tally.counts,
                    "decision_digest": self.desks[name].ledger.decisions.head.hex(),
                    "repeats": self.ears[name].strands.repeats,
                    "incidents": self.ears[name].control.refused,
                    "faults": [f"{bot}: {what}" for bot, what in self.desks[name].faults],
                }
                for name, tally in self.tallies.items()
            },
            "public_key": self.key.public._asdict(),
        }


def build(program: Program) -> Desks:
    """Wire each desk: journal, hear, decide, then votes, orders and envelopes, each to its sink."""
    desks = Desks(Dataflow("desk"), desk_key(program))
    tell_switch(program, desks.key, int(time.time()))
    for desk_id in program.only:
        _desk(program, program.deployment.desks[desk_id], desks)
    return desks


def flow() -> Dataflow:
    """Return the dataflow that the environment asks for."""
    return build(from_environment("desk")).flow


def _desk(program: Program, desk: DeskSpec, desks: Desks) -> None:
    name, keep, deployment = desk.desk_id, program.keep, program.deployment
    of, mine = f"-{name}", {name: desk.partition}
    assembly = deployment.put_together(name)
    desks.desks[name] = assembly.desk
    ear = desks.ears[name] = hearing(program, desk, assembly, desks.key)
    source = desks.sources[name] = StrandSource(
        program.access, [Part(program.topic("journal"), desk.partition, name, enders=desk.lanes)],
        program.group, f"journal{of}", keep, stop=program.stop, until_end=program.until_end,
    )  # fmt: skip
    letters = DeadLetterSink(program.access, program.topic("dead_letters"), {name: 0}, f"letters{of}", keep)
    orders = desks.orders[name] = OrderSink(
        program.access, program.topic("outbox"), mine, desks.key, deployment.mode, f"orders{of}", keep
    )
    envelopes = desks.envelopes[name] = EnvelopeSink(
        program.access, program.topic("envelopes"), mine, f"envelopes{of}", keep
    )
    tally, seen = desks.tallies.setdefault(name, Tally(check=False)), RowTally()

    told = op.input(f"journal{of}", desks.flow, source)
    heard = op.stateful_batch(f"hear{of}", told, hosted(lambda: ear, f"hear{of}", keep))
    op.output(f"letters{of}", op.filter_map_value(f"unread{of}", heard, lambda item: item.letters or None), letters)
    entries = op.filter_map_value(f"entries{of}", heard, lambda item: item.entries or None)
    said = decided(
        entries,
        lambda: assembly.desk,
        KeptSink(seen.take, f"votes{of}", seen, keep=keep),
        orders,
        KeptSink(tally.take, f"record{of}", tally, keep=keep),
        keep,
        of,
    )
    last = op.stateful_batch(f"last_word{of}", said, hosted(lambda: LastWord(name), f"last_word{of}", keep))
    op.output(f"envelopes{of}", last, envelopes)


def hearing(program: Program, desk: DeskSpec, assembly: Assembly, own: SigningKey) -> Hearing:
    """Return a desk's ear: which lanes it hears, and whose signature counts."""
    verifier = control_verifier(program.deployment, own)
    scope = scope_of(program.deployment.mode, desk.desk_id)
    strands = StrandReader(
        program.deployment.lanes_of(desk.desk_id, assembly), assembly.configured, assembly.applied
    )
    journal = f"{program.topic('journal')}/{desk.partition}"
    return Hearing(strands, control_reader(verifier, scope, journal))


def control_verifier(deployment: Deployment, own: SigningKey) -> Verifier:
    """Return who may sign entries for the desks of a deployment: `keys.control`, and the desks' own program."""
    known = public_keys(deployment, "control") | {own.public.key_id: own.public.public}
    return Verifier(known, {CONTROL: known.keys()})


def tell_switch(program: Program, key: SigningKey, now_s: int) -> None:
    """Enter it into each desk's journal when this process was started with the kill switch engaged.

    A journal holds what its desk obeys, or no replay would come to the same; so the switch is an entry, signed, and on
    the broker's disk before anything else is read. Its release is nobody's but a person's. Raises BrokerError.
    """
    if not kill_switch_engaged():
        return
    writer = Writer(program.access, program.topic("journal"))
    for desk_id in program.only:
        desk = program.deployment.desks[desk_id]
        command = ControlCommand(
            f"env-{now_s}", ENVIRONMENT, desk_id, EMERGENCY_STOP, "", "confirmed", "", f"{KILL_SWITCH} is set",
            "prod", desk.file.mode, "", "",
        )  # fmt: skip
        entry = signed_entry(key, scope_of(program.deployment.mode, desk_id), now_s, command)
        writer.write(desk.partition, [record_of_control(entry)])
    writer.flush()


def public_keys(deployment: Deployment, purpose: str) -> dict[str, str]:
    """Return key id -> public key of `keys.control` or `keys.order`; raises Refused for what is no such table."""
    keys = deployment.tables.get("keys", {})
    found = keys.get(purpose, {}) if isinstance(keys, Mapping) else None
    if not isinstance(found, Mapping) or not all(isinstance(text, str) for text in found.values()):
        raise Refused(f"{deployment.path}: keys.{purpose} {found!r}; allowed: a table of key id = public key")
    return cast("dict[str, str]", dict(found))


def key_path(state: Path, mode: str) -> Path:
    """Return where the desk program of a mode keeps the key that it signs orders with."""
    return state_folder(state, mode, "desk") / "orders.pem"


def desk_key(program: Program) -> SigningKey:
    """Return the key that signs orders; made at a first start. Its public half belongs into `keys.order`."""
    path = key_path(program.state, program.deployment.mode)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_key(path)
    return signing_key(f"file:{path}")
