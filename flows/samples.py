"""Turn what flows count into samples for Prometheus: frames by lane, decisions, votes and reasons by desk.

Read from another thread while the flow counts on: what is walked is copied first, in one step.
"""

from collections.abc import Iterator

from connectors.metrics import Sample, sample
from contracts.intent import OrderIntent
from contracts.order import Fill
from flows.tally import FrameTally, Tally
from operators.order_book import OrderBooks


def of_frames(lane: str, tally: FrameTally) -> Iterator[Sample]:
    """Yield what became of a lane's frames."""
    yield sample("polytraders_frames_total", tally.frames, lane=lane)
    yield sample("polytraders_facts_total", tally.facts, lane=lane)
    yield sample("polytraders_control_frames_total", tally.control, lane=lane)
    for reason, count in dict(tally.dead).items():
        yield sample("polytraders_dead_letters_total", count, lane=lane, reason=reason)


def of_books(lane: str, books: OrderBooks) -> Iterator[Sample]:
    """Yield how whole the numbering of a lane's venues was."""
    yield sample("polytraders_gaps_total", books.gaps, lane=lane)
    yield sample("polytraders_resyncs_total", books.resyncs, lane=lane)


def of_decisions(desk: str, tally: Tally) -> Iterator[Sample]:
    """Yield what a desk took in and decided."""
    kinds = dict(tally.kinds)
    yield sample("polytraders_entries_total", tally.entries, desk=desk)
    yield sample("polytraders_intents_total", kinds.get(OrderIntent.__name__, 0), desk=desk)
    yield sample("polytraders_orders_total", tally.orders, desk=desk)
    yield sample("polytraders_fills_total", kinds.get(Fill.__name__, 0), desk=desk)
    yield sample("polytraders_invalid_envelopes_total", tally.invalid, desk=desk)
    for verdict, count in dict(tally.verdicts).items():
        yield sample("polytraders_decisions_total", count, desk=desk, verdict=verdict)
    for gate, verdicts in dict(tally.votes).items():
        for verdict, count in dict(verdicts).items():
            yield sample("polytraders_votes_total", count, desk=desk, gate=gate, verdict=verdict)
    for reason, count in dict(tally.reasons).items():
        yield sample("polytraders_reasons_total", count, desk=desk, reason=reason)
