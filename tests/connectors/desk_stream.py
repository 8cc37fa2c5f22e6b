"""Build the two chains of a small desk: a market, its book, one intent with its votes, order and fill, and again."""

from collections.abc import Iterator

from msgspec.structs import replace

from contracts import ids
from contracts.control import ConfigApplied
from contracts.envelope import Block, Row
from contracts.intent import RiskDecision
from contracts.market import Fact
from contracts.order import AuthorisedOrder
from operators.envelope import Chain
from operators.plan import AUTHORISE_RANK, DESK_RANK, GATE_RANK, VENUE_RANK
from tests import world

MAKER, GUARD = 7, 3  # ranks; tests that need names pass their own
SECOND = 1_000_000_000


def birth() -> list[Row]:
    """Return the first entries of the journal."""
    applied = ConfigApplied(world.STRATEGY, "code-1", "config-1", "{}")
    entries = [world.configured(plan_hash="plan-1"), applied]
    return [
        Row(ids.fact_id(ids.CONTROL_SOURCE, number), DESK_RANK, 0, 0, -1, said)
        for number, said in enumerate(entries, 1)
    ]


def journal(blocks: int, rows: int = 256, source: int = 1, desk_id: str = "lab") -> Iterator[Block]:
    """Yield journal blocks: birth, definition and image, then level changes, one a millisecond."""
    chain, offset, position = Chain(desk_id, "journal"), 1, 3
    for _ in range(blocks):
        taken: list[Fact | Row] = []
        if offset == 1:
            first = ids.fact_id(source, 1)
            record = world.record(fact=first)
            defined = Row(first, 0, 0, int(world.NOW), 0, world.definition())
            image = world.image(fact=ids.fact_id(source, 2), bids=((44, 5_000), (43, 100)), asks=((46, 4_000),))
            quality = Row(image.fact, 3, 0, int(world.NOW), 0, world.quality())
            taken += [*birth(), record, defined, image, quality]
        while len(taken) < rows:
            at_ns = int(world.NOW) + position * 1_000_000
            fact = ids.fact_id(source, position)
            taken.append(
                world.delta(
                    fact=fact, at_ns=at_ns, side=1, price_ticks=43, size_lots=100 + position, relative=False,
                    bid_ticks=44, ask_ticks=46, last=True, venue_seq=-1, venue_ns=at_ns,
                )
            )  # fmt: skip
            position += 1
        yield chain.link(taken, [offset])
        offset += len(taken)


def decisions(blocks: int, every: int = 50, source: int = 1, desk_id: str = "lab") -> Iterator[Block]:
    """Yield decision blocks: each holds what one fact brought about, and the fill of the order some facts later."""
    chain = Chain(desk_id, "decisions")
    for number in range(blocks):
        position = 10 + number * every
        cause, later = ids.fact_id(source, position), ids.fact_id(source, position + 5, sub=1)
        at_ns = int(world.NOW) + position * 1_000_000
        rows = list(_episode(cause, at_ns, desk_id))
        rows += list(_filled(later, at_ns + 5_000_000, str(rows[0].payload.intent_id)))
        offset = position + 4  # two birth entries, record, definition, image, quality come before position 3
        yield chain.link(rows, [offset + 5 if row.cause == later else offset for row in rows])


def _episode(cause: int, at_ns: int, desk_id: str) -> Iterator[Row]:
    wish = world.intent(intent_id=ids.intent_id(desk_id, cause, world.STRATEGY, "bid"))
    child = world.child(client_order_id=ids.client_order_id(wish.intent_id, 0, 0))
    vote, doubt = world.vote(), world.vote(gate="risk.market_halt", reason="RISK_MARKET_OPEN")
    size = wish.size_lots
    decision = RiskDecision(wish.intent_id, "APPROVE", "RISK_GATE_APPROVED", size, True, False, (vote,), (), "g")
    plan = world.plan(intent_id=wish.intent_id, plan_id=f"plan-{wish.intent_id[:8]}", children=(child,))
    order = AuthorisedOrder(wish.intent_id, plan.plan_id, world.STRATEGY, child, (), "g")
    said = [(MAKER, wish), (GUARD, doubt), (GATE_RANK, decision), (MAKER, plan), (AUTHORISE_RANK, order)]
    for index, (rank, payload) in enumerate(said):
        yield Row(cause, rank, index, at_ns, 0, payload)


def _filled(cause: int, at_ns: int, intent_id: str) -> Iterator[Row]:
    order = ids.client_order_id(intent_id, 0, 0)
    event = replace(world.order_event(), client_order_id=order, event="MATCH")
    update = replace(world.order_update(), client_order_id=order, since_ns=at_ns)
    fill = replace(world.fill(), client_order_id=order, trade_id=order[:6])
    said = [(VENUE_RANK, event), (MAKER, update), (MAKER, fill)]
    for index, (rank, payload) in enumerate(said):
        yield Row(cause, rank, index, at_ns, 0, payload)


def tampered(block: Block) -> Block:
    """Return the block with one digit of its content changed."""
    return replace(block, data=block.data.replace(b'"price_ticks":4', b'"price_ticks":5', 1), rows=[])
