"""Turn a desk's journal into decisions: the desk itself, then its votes, its orders and its record in view."""

from collections.abc import Callable

import bytewax.operators as op
from bytewax.operators import KeyedStream
from bytewax.outputs import Sink

from contracts.envelope import Block, Row
from contracts.intent import RiskDecision
from contracts.order import AuthorisedOrder
from flows.lane_steps import Entries
from operators.engine import Desk
from operators.host import hosted
from operators.state import Keep


def decided(
    journal: KeyedStream[Entries],
    desk: Callable[[], Desk],
    votes: Sink[tuple[str, list[Row]]],
    orders: Sink[tuple[str, list[Row]]],
    record: Sink[tuple[str, list[Block]]],
    keep: Keep | None = None,
    of: str = "",
) -> KeyedStream[list[Block]]:
    """Propose, vote, execute, authorise inside the desk; then risk_votes, emit_orders, record, each to its sink.

    Returns what the desk said. `of` is what the ids of the steps end with, where a flow holds several desks.
    """
    said = op.stateful_batch(f"desk{of}", journal, hosted(desk, f"desk{of}", keep))
    op.output(f"votes{of}", op.filter_map_value(f"risk_votes{of}", said, votes_of), votes)
    op.output(f"orders{of}", op.filter_map_value(f"emit_orders{of}", said, orders_of), orders)
    op.output(f"record{of}", said, record)
    return said


def votes_of(blocks: list[Block]) -> list[Row] | None:
    """Return the rows of these blocks that are decisions with their votes."""
    return _rows_of(blocks, RiskDecision)


def orders_of(blocks: list[Block]) -> list[Row] | None:
    """Return the rows of these blocks that are orders which may leave."""
    return _rows_of(blocks, AuthorisedOrder)


def _rows_of(blocks: list[Block], kind: type) -> list[Row] | None:
    found = [row for block in blocks if block.chain == "decisions" for row in block.rows if type(row.payload) is kind]
    return found or None
