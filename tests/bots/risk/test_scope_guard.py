"""risk.scope_guard: which markets an intent may reach, in which mode."""

import pytest

from bots.risk import scope_guard
from bots.risk.scope_guard import Config
from contracts.control import PolicyBundle
from contracts.intent import APPROVE, REJECT, BotNote
from contracts.reasons import (
    RISK_SCOPE_ADVISORY_SKIP,
    RISK_SCOPE_BLOCK,
    RISK_SCOPE_CONFIG_INVALID,
    RISK_SCOPE_OK,
)
from tests import world
from tests.world import NOW

DEFAULT = Config()
NOWHERE = frozenset()
EVENT = world.definition(event_id="KXHIGHNY-26NOV20", series_id="KXHIGHNY")


def bundle(markets=(), events=(), series=(), denied=(), certified=("kalshi",)):
    """Return a signed bundle."""
    return PolicyBundle("b", "h", tuple(markets), tuple(events), tuple(series), tuple(denied), certified, "k")


def voted(policy=None, mode="live", scope=NOWHERE, definition=EVENT, config=DEFAULT):
    """Return verdict and reason."""
    desk = world.desk(desk_mode=mode, scope=scope)
    vote = scope_guard.decide(config, world.intent(), definition, desk, policy, NOW)
    return vote.verdict, vote.reason


OK, BLOCK = (APPROVE, RISK_SCOPE_OK), (REJECT, RISK_SCOPE_BLOCK)
INVALID, REPORTED = (REJECT, RISK_SCOPE_CONFIG_INVALID), (APPROVE, RISK_SCOPE_CONFIG_INVALID)

CASES = {
    "normal": (bundle(series=("kalshi:KXHIGHNY",)), "live", NOWHERE, OK),
    "hard": (bundle(series=("kalshi:KXOTHER",)), "live", NOWHERE, BLOCK),
    "failure": (bundle(), "live", NOWHERE, INVALID),
    "live without a bundle": (None, "live", frozenset({"M1"}), INVALID),
    "paper, nothing set": (None, "paper", NOWHERE, OK),
    "shadow, nothing set": (None, "shadow", NOWHERE, OK),
    "paper, in the desk's scope": (None, "paper", frozenset({"M1"}), OK),
    "paper, outside the desk's scope": (None, "paper", frozenset({"M2"}), BLOCK),
    "paper, listed elsewhere": (bundle(markets=("kalshi:M2",)), "paper", NOWHERE, BLOCK),
    "paper, empty bundle": (bundle(), "paper", NOWHERE, OK),
    "paper, empty bundle, in the desk's scope": (bundle(), "paper", frozenset({"M1"}), OK),
    "market listed": (bundle(markets=("kalshi:M1",)), "live", NOWHERE, OK),
    "market of another venue": (bundle(markets=("bitget:M1",), certified=("bitget", "kalshi")), "live", NOWHERE, BLOCK),
    "event listed": (bundle(events=("kalshi:KXHIGHNY-26NOV20",)), "live", NOWHERE, OK),
    "series by exact event": (bundle(series=("kalshi:KXHIGHNY-26NOV20",)), "live", NOWHERE, OK),
    "series is no substring": (bundle(series=("kalshi:KXHIGH",)), "live", NOWHERE, BLOCK),
    "bare name, one venue": (bundle(markets=("M1",)), "live", NOWHERE, OK),
    "bare name, two venues": (bundle(markets=("M1",), certified=("kalshi", "bitget")), "live", NOWHERE, INVALID),
    "bare name, two venues, paper": (
        bundle(markets=("M1",), certified=("kalshi", "bitget")),
        "paper",
        NOWHERE,
        REPORTED,
    ),
    "a listed venue is not certified": (bundle(markets=("kalshi:M1", "bitget:B")), "live", NOWHERE, INVALID),
    "venue not certified": (bundle(certified=("bitget",)), "live", frozenset({"M1"}), BLOCK),
    "denied market wins": (bundle(markets=("kalshi:M1",), denied=("kalshi:M1",)), "live", NOWHERE, BLOCK),
    "denied event wins": (bundle(markets=("kalshi:M1",), denied=("KXHIGHNY-26NOV20",)), "live", NOWHERE, BLOCK),
    "denied in paper": (bundle(denied=("kalshi:M1",)), "paper", NOWHERE, BLOCK),
    "live, only the desk's scope": (bundle(), "live", frozenset({"M1"}), OK),
    "live, outside the desk's scope": (bundle(markets=("kalshi:M1",)), "live", frozenset({"M2"}), BLOCK),
}


@pytest.mark.parametrize(("policy", "mode", "scope", "expected"), CASES.values(), ids=CASES)
def test_scope(policy, mode, scope, expected):
    """Platform, denials and lists bind together; an invalid configuration refuses in live and is reported elsewhere."""
    assert voted(policy, mode, scope) == expected


@pytest.mark.parametrize(
    ("entry", "expected"), [("bitget:BTCUSDT", OK), ("BTCUSDT", INVALID), ("binance:BTCUSDT", BLOCK)]
)
def test_a_symbol_of_two_venues(entry, expected):
    """A market that is named with its venue is listed as `venue:symbol`, like any other; a twin elsewhere is not it."""
    twin = world.definition(market_id="bitget:BTCUSDT", venue_id="bitget", event_id="", series_id="")
    assert voted(bundle(markets=(entry,), certified=("binance", "bitget")), definition=twin) == expected
    denied = bundle(markets=("bitget:BTCUSDT",), denied=(entry,), certified=("bitget",))
    assert voted(denied, definition=twin) == (OK if expected == BLOCK else BLOCK)


def test_parameters():
    """The need for a list can be waived in so many words, and the separator names the series."""
    assert voted(bundle(), config=Config(require_scope_in_live=False)) == OK
    dotted = world.definition(event_id="KX.1", series_id="")
    listed = bundle(series=("kalshi:KX",))
    assert voted(listed, definition=dotted, config=Config(series_separator=".")) == OK
    assert voted(listed, definition=dotted) == BLOCK


def screened(policy, eligible=True, mode="live"):
    """Return the note on a candidate."""
    found = world.candidate(eligible=eligible)
    return scope_guard.screen(Config(), found, EVENT, world.desk(desk_mode=mode, scope=NOWHERE), policy, NOW)


def test_warning():
    """Candidate outside scope: skipped before analysis, RISK_SCOPE_ADVISORY_SKIP; in scope or ineligible: silent."""
    outside = bundle(markets=("kalshi:M2",))
    assert screened(outside) == BotNote(RISK_SCOPE_ADVISORY_SKIP, 0, 1)
    assert screened(bundle()) == BotNote(RISK_SCOPE_ADVISORY_SKIP, 0, 1)
    assert screened(outside, eligible=False) is None
    assert screened(bundle(markets=("kalshi:M1",))) is None
    assert screened(None, mode="paper") is None
