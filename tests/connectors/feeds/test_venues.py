"""What may be asked for, where it is, and that a person has to want what leaves this machine."""

import pytest

from connectors.errors import FeedError
from connectors.feeds.venue import Limits, Places, is_loopback, shared_out, shortened
from connectors.feeds.venues import KNOWN, venue_of, wanted

HERE = "ws://127.0.0.1:9"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9:80", "localhost:1", "[::1]:5"])
def test_this_machine_is_known(host: str) -> None:
    """By address, or by the one name that means nothing else."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "0.0.0.0:1", "127.0.0.1.example.org", "", "localhost.x"])
def test_anything_else_is_outside(host: str) -> None:
    """Names that only look like it, too."""
    assert not is_loopback(host)


@pytest.mark.parametrize("venue", KNOWN)
def test_the_venues_own_places_are_outside(venue: str) -> None:
    """Both kinds of hosts are named; another base moves both."""
    assert not wanted(venue, ["X1"]).is_here
    assert 2 == len(wanted(venue, ["X1"]).places.hosts())
    here = wanted(venue, ["X1"], base=HERE)
    assert here.is_here and Places(HERE, "http://127.0.0.1:9") == here.places


@pytest.mark.parametrize(
    ("base", "rest"), [("wss://x.org", HERE.replace("ws", "http")), (HERE, "https://x.org"), ("", "http://127.0.0.1")]
)
def test_one_place_outside_is_outside(base: str, rest: str) -> None:
    """Socket and requests count alike."""
    assert not wanted("binance", ["BTCUSDT"], base=base, rest=rest).is_here


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"base": "http://x"}, "--base 'http://x': allowed: ws://HOST"),
        ({"base": "ws://x/path"}, "without a path"),
        ({"base": "ws://user:word@x"}, "--base"),
        ({"base": HERE, "rest": "ws://x"}, "--rest 'ws://x': allowed: http://HOST"),
        ({"patience_s": 0.5}, "--patience 0.5: allowed: above 0.5, up to 10.0 seconds"),
        ({"patience_s": 11.0}, "--patience 11.0"),
        ({"markets": [" , ,"]}, "--markets: 0 named; allowed: 1 to 5000"),
        ({"venue": "nasdaq"}, "venue 'nasdaq': unknown; allowed: kalshi, polymarket, binance, bitget"),
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, object], said: str) -> None:
    """The option, the value, and what is allowed."""
    with pytest.raises(FeedError) as refused:
        wanted(**{"venue": "binance", "markets": ["BTCUSDT"], **more})  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_markets_are_taken_once() -> None:
    """Options and commas add up, repeats do not."""
    assert ("A", "B", "C") == wanted("bitget", ["A, B", "B,C", "A"]).markets


@pytest.mark.parametrize(("venue", "market"), [("polymarket", "77"), ("binance", "BTCUSDT"), ("bitget", "BTCUSDT")])
def test_a_venue_is_made_of_what_was_typed(venue: str, market: str) -> None:
    """With its own limits but for the patience, at another place, without definitions."""
    made = venue_of(wanted(venue, [market], base=HERE, patience_s=4.0, about=False))
    assert (venue, KNOWN[venue].dialect, ()) == (made.name, made.dialect, made.about)
    assert all(link.url.startswith(f"{HERE}/") for link in made.links)
    assert 4.0 == made.limits.patience_s
    assert {} == made.headers(made.links[0], 1)


def test_a_key_is_needed_for_kalshi_alone() -> None:
    """Its socket wants one even for public data; nothing is opened without."""
    with pytest.raises(FeedError, match="env:NOWHERE: is not set"):
        venue_of(wanted("kalshi", ["KXA"], base=HERE, key_id="env:NOWHERE"))


def test_silence_costs_two_seconds_by_default() -> None:
    """The patience includes the silence before the probe; two looks, an eighth of a second each, come on top."""
    assert (0.5, 1.75) == (Limits().probe_s, Limits().patience_s)
    assert all(known.limits.patience_s == 1.75 for known in KNOWN.values())


def test_markets_are_shared_out_evenly() -> None:
    """No group is larger than allowed, none is much smaller than another."""
    assert [("a", "c", "e"), ("b", "d")] == shared_out(list("abcde"), 3)
    assert [] == shared_out([], 3)


def test_what_a_venue_says_is_shown_as_one_short_line() -> None:
    """Without line ends, escapes, and without length."""
    assert "a b [31m\ufffd" == shortened(b"a\nb\x1b[31m\xff")
    assert 200 == len(shortened(b"x" * 100_000))
