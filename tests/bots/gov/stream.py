"""Build the envelopes that governing bots read, small and ordinary."""

import msgspec
from msgspec.structs import replace

from bots.kit import Instant
from contracts import ids
from contracts.base import Wire
from contracts.envelope import ReportEnvelope
from tests import world

CODE, SETTINGS = "code-1", "config-1"


def envelope(payload: Wire, /, number: int = 1, **overrides: object) -> ReportEnvelope:
    """Return an envelope around a payload, said by the stale-book guard unless told otherwise."""
    reason = getattr(payload, "reason", "")
    cause = ids.fact_id(1, number)
    said = ReportEnvelope(
        envelope_id=ids.envelope_id("lab", cause, 3, 0),
        payload_kind=type(payload).__name__,
        desk_id="lab",
        bot_id="risk.stale_book",
        bot_version=CODE,
        config_version=SETTINGS,
        market_id=str(getattr(payload, "market_id", "")),
        cause_id=ids.fact_text(cause),
        correlation_id="",
        at_ns=int(world.NOW),
        offset=number,
        rank=3,
        index=0,
        reasons=(reason,) if reason else (),
        severity="INFO",
        block=0,
        payload=msgspec.json.encode(payload).decode(),
    )
    return replace(said, **overrides)


def after(seconds: float) -> Instant:
    """Return a moment after the world's now."""
    return Instant(int(world.NOW) + round(seconds * 1_000_000_000))
