"""Pauses between attempts, and what makes a connection dead, frozen or old, on a clock of the test's own."""

import random

import pytest

from connectors.feeds.line import Backoff, _Pulse
from connectors.feeds.venue import Heard, Limits, Lost

LIMITS = Limits()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def to(self, seconds: float) -> None:
        """Move to so many seconds after the start."""
        self.now = 1_000.0 + seconds


@pytest.fixture
def clock() -> Clock:
    """A clock at its start."""
    return Clock()


def test_pauses_double_and_are_drawn() -> None:
    """Each is between half of its bound and the bound; the same seed gives the same; they end at the longest."""
    pauses = [Backoff(LIMITS, random.Random(3)).pause(0) for _ in range(2)]
    assert pauses[0] == pauses[1]
    backoff = Backoff(LIMITS, random.Random(3))
    found = [backoff.pause(0) for _ in range(12)]
    bounds = [min(30.0, 0.5 * 2**number) for number in range(12)]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(found, bounds, strict=True))
    assert 12 == len(set(found))


def test_a_steady_connection_begins_the_pauses_anew() -> None:
    """One that lived long was not refused; one that the venue asks to be slower for gets the longest."""
    backoff = Backoff(LIMITS, random.Random(3))
    for _ in range(8):
        backoff.pause(29)
    assert backoff.pause(30) <= 0.25
    assert 15 <= backoff.pause(0, busy=True) <= 30


def test_silence_is_probed_once_and_then_in_time(clock: Clock) -> None:
    """After half a second, and every ten; market data in between lets the next silence be probed again."""
    pulse, probes = _Pulse(clock), []
    for tenth in range(250):
        clock.to(tenth / 10)
        if tenth == 30:
            pulse.hear(Heard.DATA)
        if pulse.probe_due(LIMITS):
            pulse.probed()
            pulse.hear(Heard.BEAT)
            probes.append(tenth / 10)
    assert [0.5, 3.5, 13.5, 23.5] == probes


def test_a_probe_without_an_answer_is_a_dead_socket(clock: Clock) -> None:
    """Before two seconds are over after the last that was heard; anything that comes is an answer."""
    pulse = _Pulse(clock)
    pulse.hear(Heard.DATA)
    clock.to(0.5)
    pulse.probed()
    clock.to(1.7)
    pulse.judge(LIMITS)
    clock.to(1.75)
    with pytest.raises(Lost, match="silent"):
        pulse.judge(LIMITS)
    pulse.hear(Heard.ANSWER)
    pulse.judge(LIMITS)


def test_a_subscription_needs_data_in_time(clock: Clock) -> None:
    """Answers and beats are not what was subscribed to."""
    pulse = _Pulse(clock)
    for second in range(10):
        clock.to(second)
        pulse.hear(Heard.BEAT)
        pulse.hear(Heard.ANSWER)
        pulse.judge(LIMITS)
    clock.to(10)
    with pytest.raises(Lost, match="no data"):
        pulse.judge(LIMITS)


def test_a_lively_connection_that_only_beats_is_frozen(clock: Clock) -> None:
    """It answers, and its market data has stopped: given up after a little more than six seconds."""
    pulse, ended = _Pulse(clock), 0.0
    for tenth in range(600):
        clock.to(tenth / 10)
        pulse.hear(Heard.DATA if tenth < 300 else Heard.BEAT)
        try:
            pulse.judge(LIMITS)
        except Lost as lost:
            assert "frozen" == str(lost)
            ended = tenth / 10
            break
    assert 36.0 <= ended <= 37.1


def test_a_quiet_connection_lives_while_it_answers(clock: Clock) -> None:
    """It was never lively: nothing is lost by waiting; after ten minutes it is replaced all the same."""
    pulse, ended = _Pulse(clock), 0
    pulse.hear(Heard.DATA)
    for second in range(700):
        clock.to(second)
        pulse.hear(Heard.BEAT)
        try:
            pulse.judge(LIMITS)
        except Lost:
            ended = second
            break
    assert 600 <= ended <= 602


def test_an_old_connection_is_replaced(clock: Clock) -> None:
    """Before the venue does it."""
    pulse = _Pulse(clock)
    pulse.hear(Heard.DATA)
    clock.to(3_600)
    pulse.hear(Heard.DATA)
    pulse.judge(LIMITS)
    with pytest.raises(Lost, match="planned"):
        pulse.judge(Limits(lifetime_s=3_600))
