"""Say which moves of an order are legal, and make them (after FIX's matrices of order state changes).

An order is PENDING_SUBMIT from the moment it may leave, LIVE when the venue acknowledged it, PARTIAL with a match,
PENDING_CANCEL when a cancel may have left, UNKNOWN when nobody can say; FILLED, CANCELLED, REJECTED, EXPIRED are final.
Messages overtake each other: a match may come before its acknowledgement, a cancel's refusal before either.
"""

from contracts.order import OrderUpdate

LIVE = ("PENDING_SUBMIT", "LIVE", "PARTIAL", "PENDING_CANCEL", "UNKNOWN")
STAYS = ""
NEXT: dict[tuple[str, str], str] = {
    **{("CANCELLED", state): "CANCELLED" for state in LIVE},
    **{("EXPIRED", state): "EXPIRED" for state in LIVE},
    **{("CANCEL_REJECT", state): STAYS for state in LIVE},
    **{("ACK", state): STAYS for state in ("LIVE", "PARTIAL", "PENDING_CANCEL")},
    **{("ACK", state): "LIVE" for state in ("PENDING_SUBMIT", "UNKNOWN")},
    **{("REJECT", state): "REJECTED" for state in ("PENDING_SUBMIT", "PENDING_CANCEL", "UNKNOWN")},
    ("CANCEL_REJECT", "PENDING_CANCEL"): "LIVE",
}
ILLEGAL = "illegal"


def next_state(order: OrderUpdate, event: str, detail: str) -> str:
    """Return the state after an event that is no match; ILLEGAL when there is none.

    A refused cancel brings back what was before it. A venue that denies an order it had acknowledged, or rejects one
    that it had matched, contradicts itself.
    """
    if event == "ACK" and order.state == "PENDING_SUBMIT" and not order.filled_lots:
        return "LIVE"  # as nearly every order does: no look-up
    state = NEXT.get((event, order.state), ILLEGAL)
    if state == STAYS:
        return order.state
    if state == "REJECTED" and order.filled_lots:
        return ILLEGAL
    if event == "CANCEL_REJECT" and state == "LIVE":
        if order.venue_order_id and detail == "UNKNOWN_ORDER":
            return ILLEGAL
        state = "LIVE" if order.venue_order_id else "PENDING_SUBMIT"
    return "PARTIAL" if order.filled_lots and state in ("LIVE", "PENDING_SUBMIT") else state


def find(orders: tuple[OrderUpdate, ...], client_order_id: str) -> OrderUpdate | None:
    """Return the order of that id, or None."""
    for order in orders:
        if order.client_order_id == client_order_id:
            return order
    return None


def is_final(detail: str, blocks: int) -> bool:
    """True when a match is settled: its venue has no ladder, or it is CONFIRMED, or MINED at least `blocks` deep."""
    return detail in ("", "CONFIRMED") or (detail[:6] == "MINED:" and int(detail[6:]) >= blocks)


def matched_state(order: OrderUpdate, filled_lots: int) -> str:
    """Return the state of a living order after a match; one that is being cancelled stays so until it is full."""
    if filled_lots >= order.size_lots:
        return "FILLED"
    return "PENDING_CANCEL" if order.state == "PENDING_CANCEL" else "PARTIAL"


def moved(
    order: OrderUpdate, state: str, now: int, reason: str, venue_order_id: str = "", filled_lots: int = -1
) -> OrderUpdate:
    """Return an order in its next state; `since_ns` moves only when the state does."""
    return OrderUpdate(
        order.client_order_id,
        order.venue_order_id or venue_order_id,
        order.market_id,
        order.strategy,
        order.side,
        order.price_ticks,
        order.size_lots,
        order.filled_lots if filled_lots < 0 else filled_lots,
        order.reduce_only,
        state,
        order.since_ns if state == order.state else now,
        reason,
    )
