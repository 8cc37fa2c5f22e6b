"""What a flow counted becomes samples that the list of metrics knows."""

import threading
from collections import Counter

from connectors.metrics import sample
from connectors.telemetry import is_known
from contracts.envelope import DeadLetter
from contracts.intent import APPROVE, NOT_RUN, REJECT
from contracts.reasons import GOV_BLOCK_UNREADABLE, RISK_BOOK_FRESH, RISK_STALE_BOOK
from flows.samples import of_books, of_decisions, of_frames
from flows.tally import FrameTally, Tally
from operators.normalise.frames import Counts
from operators.order_book import OrderBooks


def test_frames_of_a_lane() -> None:
    """Frames, facts and control frames are told, dead letters by their reason."""
    tally = FrameTally()
    letter = DeadLetter("s", 1, 0, GOV_BLOCK_UNREADABLE, "x", "")
    tally.take([letter, letter], Counts(10, 5, 3, 42), 42)
    expected = [
        sample("polytraders_frames_total", 10, lane="lane0"),
        sample("polytraders_facts_total", 42, lane="lane0"),
        sample("polytraders_control_frames_total", 3, lane="lane0"),
        sample("polytraders_dead_letters_total", 2, lane="lane0", reason=GOV_BLOCK_UNREADABLE),
    ]
    assert expected == list(of_frames("lane0", tally))


def test_decisions_of_a_desk() -> None:
    """Votes carry their gate and verdict; gates that did not run are votes too."""
    tally = Tally(check=False)
    tally.entries, tally.orders, tally.invalid = 9, 2, 0
    tally.kinds.update({"OrderIntent": 4, "Fill": 1, "RiskDecision": 4})
    tally.verdicts.update({APPROVE: 1, REJECT: 3})
    tally.votes["risk.stale_book"] = Counter({APPROVE: 1, REJECT: 3})
    tally.votes["risk.kill_switch"] = Counter({NOT_RUN: 3})
    tally.reasons.update({RISK_STALE_BOOK: 3, RISK_BOOK_FRESH: 1})
    found = list(of_decisions("lab", tally))
    assert all(is_known(each) for each in found)
    told = {(each.name.removeprefix("polytraders_"), *(v for _, v in each.labels)): each.value for each in found}
    expected = {
        ("entries_total", "lab"): 9,
        ("intents_total", "lab"): 4,
        ("orders_total", "lab"): 2,
        ("fills_total", "lab"): 1,
        ("invalid_envelopes_total", "lab"): 0,
        ("decisions_total", "lab", APPROVE): 1,
        ("decisions_total", "lab", REJECT): 3,
        ("votes_total", "lab", "risk.stale_book", APPROVE): 1,
        ("votes_total", "lab", "risk.stale_book", REJECT): 3,
        ("votes_total", "lab", "risk.kill_switch", NOT_RUN): 3,
        ("reasons_total", "lab", RISK_STALE_BOOK): 3,
        ("reasons_total", "lab", RISK_BOOK_FRESH): 1,
    }
    assert expected == told


def test_gaps_of_a_lane() -> None:
    """Breaks in numbering and snapshots that healed them."""
    books = OrderBooks()
    books.gaps, books.resyncs = 3, 2
    assert [3, 2] == [each.value for each in of_books("lane0", books)]


def test_a_flow_that_counts_on_does_not_break_a_look() -> None:
    """Looked at 200 times while another thread adds reasons and gates, nothing raises."""
    tally, done = Tally(check=False), threading.Event()

    def count() -> None:
        number = 0
        while not done.is_set():
            number += 1
            tally.reasons[f"R{number % 5_000}"] += 1
            tally.votes.setdefault(f"g{number % 500}", Counter())[APPROVE] += 1
            if number % 5_000 == 0:
                tally.reasons.clear()
                tally.votes.clear()

    counting = threading.Thread(target=count)
    counting.start()
    try:
        looks = [sum(1 for _ in of_decisions("lab", tally)) for _ in range(200)]
    finally:
        done.set()
        counting.join(10)
    assert 200 == len(looks)
    assert max(looks) > 5
