"""disc.event_calendar_mapper: windows, matching, moves, and a calendar that is old or never came."""

from typing import Any

import pytest

from bots.disc.event_calendar_mapper import Config, Memory, on_event, on_time
from bots.kit import Instant
from contracts.market import CalendarEvent
from contracts.signal import MarketCandidate
from tests.world import FACT, NOW, definition, tick

SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400


class Days:
    """Drives the bot with one memory; the market is series `CPI` and expires in three days."""

    def __init__(self, config: Config | None = None, **changes: Any) -> None:
        """Begin without a calendar."""
        self.config, self.state, self.said = config or Config(), Memory(), None
        self.known = definition(**{"series_id": "CPI", "expiry_ns": NOW + 3 * DAY * SECOND} | changes)

    def event(
        self, start_s: int, at_s: int = 0, key: str = "CPI:release", impact: str = "high", run_s: int = HOUR
    ) -> Any:
        """A calendar row arrives."""
        at = Instant(NOW + at_s * SECOND)
        row = CalendarEvent(FACT, int(at), -1, key, NOW + start_s * SECOND, NOW + (start_s + run_s) * SECOND, impact)
        return self._keep(on_event(self.config, self.state, row, self.known, at))

    def time(self, at_s: int) -> Any:
        """A second passed."""
        return self._keep(on_time(self.config, self.state, tick(), Instant(NOW + at_s * SECOND)))

    def _keep(self, answer: tuple[Memory, MarketCandidate | None]) -> MarketCandidate | None:
        self.state, said = answer
        self.said = said or self.said
        return said

    @property
    def window(self) -> tuple[str, str]:
        """The window as said, and its reason."""
        assert self.said is not None
        return self.said.window, self.said.reason


def test_normal_an_event_in_three_days() -> None:
    """Fixture normal: an event in three days: clear, with the next event named."""
    days = Days()
    days.event(3 * DAY)
    assert ("CLEAR", "DISC_CAL_CLEAR") == days.window


def test_warning_an_event_in_forty_minutes() -> None:
    """Fixture warning: 40 minutes before: PRE."""
    days = Days(expiry_ns=NOW + DAY // 2 * SECOND)
    said = days.event(40 * MINUTE)
    assert ("PRE", "DISC_CAL_PRE_EVENT") == days.window
    assert (False, "CPI:release", "high") == (said.eligible, said.next_event, said.impact)


def test_hard_a_high_impact_release_two_minutes_ago() -> None:
    """Fixture hard: a high-impact release that started two minutes ago: LIVE."""
    days = Days(expiry_ns=NOW + DAY // 2 * SECOND)
    days.event(-2 * MINUTE)
    assert ("LIVE", "DISC_CAL_LIVE_EVENT") == days.window


@pytest.mark.parametrize(("age_s", "window"), [(DAY, "CLEAR"), (DAY + 1, "UNKNOWN"), (25 * HOUR, "UNKNOWN")])
def test_failure_an_old_calendar(age_s: int, window: str) -> None:
    """Fixture failure: a calendar 25 h old is unknown; a day is young enough."""
    days = Days(Config(no_calendar_is_clear=True))
    days.event(30 * DAY)
    days.time(age_s)
    assert (window, "DISC_CAL_STALE" if window == "UNKNOWN" else "DISC_CAL_CLEAR") == days.window


@pytest.mark.parametrize(("allowed", "window"), [(False, "UNKNOWN"), (True, "CLEAR")])
def test_no_calendar_at_all(allowed: bool, window: str) -> None:
    """A calendar that never came is unknown unless the desk says that it has none."""
    days = Days(Config(no_calendar_is_clear=allowed))
    said = days.time(0)
    assert (window, allowed) == (said.window, said.eligible)
    assert None is days.time(1)


@pytest.mark.parametrize(
    ("at_s", "window", "eligible"),
    [
        (2 * DAY - HOUR - 1, "CLEAR", True),
        (2 * DAY - HOUR, "PRE", False),
        (2 * DAY - 1, "PRE", False),
        (2 * DAY, "LIVE", False),
        (2 * DAY + HOUR - 1, "LIVE", False),
        (2 * DAY + HOUR, "POST", True),
        (2 * DAY + HOUR + 1_799, "POST", True),
        (2 * DAY + HOUR + 1_800, "CLEAR", True),
    ],
)
def test_windows_begin_and_end_at_their_limits(at_s: int, window: str, eligible: bool) -> None:
    """PRE an hour before, LIVE to the end, POST half an hour after."""
    days = Days()
    days.event(2 * DAY, at_s - 10)
    days.time(at_s)
    assert days.said is not None and (window, eligible) == (days.said.window, days.said.eligible)


def test_windows_are_parameters() -> None:
    """pre_s and post_s move the windows; match_days how far an event may be from the expiry."""
    days = Days(Config(pre_s=60, post_s=10))
    days.event(2 * DAY, 2 * DAY - 61)
    days.time(2 * DAY - 61)
    assert "CLEAR" == days.window[0]
    days.time(2 * DAY + HOUR + 10)
    assert "CLEAR" == days.window[0]
    near = Days(Config(match_days=4))
    near.event(60)
    assert "PRE" == near.window[0]
    far = Days()
    far.event(60)
    assert "CLEAR" == far.window[0]


@pytest.mark.parametrize(
    ("moved_s", "window"),
    [(HOUR + 600, "LIVE"), (HOUR + 601, "PRE"), (HOUR - 600, "LIVE")],
)
def test_a_moved_start_opens_pre_again(moved_s: int, window: str) -> None:
    """Of an event that has begun, a move of more than 600 s opens PRE again; a smaller one does not."""
    days = Days(expiry_ns=NOW + DAY // 2 * SECOND)
    days.event(HOUR, HOUR + 30)
    assert "LIVE" == days.window[0]
    days.event(moved_s, HOUR + 60)
    assert window == days.window[0]
    fixed = Days(Config(move_s=0), expiry_ns=NOW + DAY // 2 * SECOND)
    fixed.event(HOUR, HOUR + 30)
    fixed.event(HOUR + 300, HOUR + 60)
    assert "PRE" == fixed.window[0]


@pytest.mark.parametrize("impact", ["low", "medium"])
def test_a_running_event_of_less_impact_warns(impact: str) -> None:
    """Only high impact is hard."""
    days = Days(expiry_ns=NOW + DAY // 2 * SECOND)
    days.event(-60, impact=impact)
    assert ("LIVE", "DISC_CAL_PRE_EVENT") == days.window


def test_the_gravest_event_speaks() -> None:
    """A running event outweighs one that is near, whatever came first."""
    days = Days(expiry_ns=NOW + DAY // 2 * SECOND)
    days.event(30 * MINUTE, key="CPI:core")
    days.event(-60, key="CPI:release", impact="low")
    assert days.said is not None and ("LIVE", "CPI:release") == (days.said.window, days.said.next_event)


@pytest.mark.parametrize(
    ("key", "known", "matched"),
    [
        ("CPI:release", {}, True),
        ("E1:game", {}, True),
        ("arsenal:game", {"title": "Will Arsenal win the game?"}, True),
        ("arsenal:game", {"title": "Will Chelsea win the game?"}, False),
        ("arsenal:final", {"title": "Will Arsenal win the game?"}, False),
        ("macro:fomc", {}, False),
        ("macro:fomc", {"instrument_kind": 1, "market_id": "BTCUSDT"}, True),
        ("btc:halving", {"instrument_kind": 1, "market_id": "BTCUSDT"}, True),
        ("eth:merge", {"instrument_kind": 1, "market_id": "BTCUSDT"}, False),
        ("btc:halving", {"instrument_kind": 1, "market_id": "bitget:BTCUSDT", "venue_id": "bitget"}, True),
        ("bitget:fork", {"instrument_kind": 1, "market_id": "bitget:BTCUSDT", "venue_id": "bitget"}, False),
    ],
)
def test_matching(key: str, known: dict[str, Any], matched: bool) -> None:
    """By event, series or title for binaries near the expiry; by underlying for perps."""
    days = Days(**{"expiry_ns": NOW + DAY // 2 * SECOND} | known)
    days.event(60, key=key)
    assert matched == (days.window[0] == "PRE")


def test_a_new_definition_is_matched_again() -> None:
    """An expiry that moves next to an event opens its window; a market that changes nothing says nothing."""
    days = Days()
    days.event(60)
    assert "CLEAR" == days.window[0]
    near = definition(series_id="CPI", expiry_ns=NOW + HOUR * SECOND)
    _, said = on_time(days.config, days.state, near, NOW)
    assert said is not None and said.window == "PRE"
