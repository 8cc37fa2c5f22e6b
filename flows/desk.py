"""Turn a desk's journal into decisions: the desk itself, then its votes, its orders and its record in view."""

from collections.abc import Callable
from typing import Any

import bytewax.operators as op
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink

from contracts.envelope import Block
from contracts.intent import RiskDecision
from contracts.order import AuthorisedOrder
from operators.engine import Desk
from operators.host import hosted


def decided(journal: KeyedStream[Any], desk: Callable[[], Desk], votes: Sink[Any], orders: Sink[Any], record: Sink[Any]) -> None:
    """Propose, vote, execute and authorise inside the desk; then risk_votes, emit_orders and record, each to its sink."""
    said = op.key_rm("said", op.stateful_batch("desk", journal, hosted(desk)))
    op.output("votes", op.filter_map("risk_votes", said, votes_of), votes)
    op.output("orders", op.filter_map("emit_orders", said, orders_of), orders)
    op.output("record", said, record)


def votes_of(blocks: list[Block]) -> list[Any] | None:
    """Return the rows of these blocks that are decisions with their votes."""
    return _rows_of(blocks, RiskDecision)


def orders_of(blocks: list[Block]) -> list[Any] | None:
    """Return the rows of these blocks that are orders which may leave."""
    return _rows_of(blocks, AuthorisedOrder)


def _rows_of(blocks: list[Block], kind: type) -> list[Any] | None:
    found = [row for block in blocks if block.chain == "decisions" for row in block.rows if type(row.payload) is kind]
    return found or None
