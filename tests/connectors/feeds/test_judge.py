"""Which books an image is asked for, and when: by the lane's own operators, with pauses that double."""

from connectors.capture import Received
from connectors.feeds.judge import SECOND_NS, Judge
from connectors.feeds.venue import Limits
from tests.connectors.feeds.test_kalshi import A, B, delta, snapshot, subscribed

T = 1_795_194_000 * SECOND_NS
LIMITS = Limits(first_s=10, image_s=1, image_max_s=5, steady_s=30)


def at(ns: int, *messages: str) -> list[Received]:
    """Messages of one moment."""
    return [Received(ns, "ws-0@1", number, said.encode()) for number, said in enumerate(messages, 1)]


def judge_of(*markets: str) -> Judge:
    """A judge of books that have just been subscribed, and have their first image."""
    judge = Judge("kalshi", LIMITS, fetches=False)
    judge.expect(markets, T)
    judge.take(at(T, subscribed("orderbook_delta", 2), *(snapshot(n, each) for n, each in enumerate(markets, 1))))
    return judge


def test_an_image_that_should_come_by_itself_is_waited_for() -> None:
    """Only when the first message is late is it asked for, and then again with pauses up to the longest."""
    judge = Judge("kalshi", LIMITS, fetches=False)
    judge.expect([A], T)
    asked = [second for second in range(60) if judge.due(T + second * SECOND_NS)]
    assert [10, 11, 13, 17, 22, 27, 32, 37, 42, 47, 52, 57] == asked
    judge.take(at(T + 60 * SECOND_NS, subscribed("orderbook_delta", 2), snapshot(1, A)))
    assert ([], 12, 1) == (judge.due(T + 99 * SECOND_NS), judge.asked, judge.images)


def test_a_gap_asks_at_once_for_every_book_of_the_subscription() -> None:
    """All of them may have lost something; one image heals one book."""
    judge = judge_of(A, B)
    judge.take(at(T + 1, delta(4, A)))
    assert ([A, B], 1, {"GAP": 2}) == (sorted(judge.due(T + 1)), judge.gaps, dict(judge.lost))
    judge.take(at(T + SECOND_NS, snapshot(5, B)))
    assert [A] == judge.waiting == judge.due(T + 1 + SECOND_NS)


def test_a_book_that_breaks_again_soon_is_asked_for_with_longer_pauses() -> None:
    """Else a venue that contradicts itself would be asked without end; a steady book begins anew."""
    judge, seq, now, waits = judge_of(A), 1, T, []
    for steady in (0, 1, 1, 1, 40):
        now += steady * SECOND_NS
        seq += 2
        judge.take(at(now, delta(seq, A)))
        wait = next(n for n in range(100) if judge.due(now + n * SECOND_NS // 10))
        now += wait * SECOND_NS // 10
        seq += 1
        judge.take(at(now, snapshot(seq, A)))
        waits.append(wait)
    assert [0, 0, 10, 30, 0] == waits


def test_repeats_and_what_comes_late_break_nothing() -> None:
    """A message that came twice, or after its successor's gap was closed, asks for nothing."""
    judge = judge_of(A)
    judge.take(at(T + 1, delta(2, A), delta(2, A), delta(1, A), delta(3, A)))
    assert ([], 0) == (judge.due(T + 1), judge.gaps)


def test_what_cannot_be_read_is_counted() -> None:
    """Garbage is no reason to ask; the next number tells whether something was lost."""
    judge = judge_of(A)
    judge.take(at(T + 1, "garbage", '{"type":"orderbook_delta"}', "{}"))
    assert (3, []) == (judge.dead, judge.due(T + 1))


def test_a_venue_that_sends_no_images_is_asked_when_changes_run() -> None:
    """A change without an image is the moment to fetch it; time alone is the other one."""
    judge = Judge("binance", LIMITS, fetches=True)
    judge.expect(["BTCUSDT", "ETHUSDT"], T)
    made = '{"e":"depthUpdate","E":1790000000123,"T":1790000000120,"s":"BTCUSDT","U":11,"u":20,"pu":10,"b":[],"a":[]}'
    assert [] == judge.due(T)
    judge.take(at(T + 1, made.replace('"b":[]', '"b":[["65000.10","0.700"]]')))
    assert ["BTCUSDT"] == judge.due(T + 1)
    assert ["ETHUSDT"] == [market for market in judge.due(T + 10 * SECOND_NS) if market != "BTCUSDT"]


def test_time_passes_without_messages() -> None:
    """A claim that stays open is a mismatch after its second, although nothing more comes."""
    bids = '[{"price":"0.47","size":"1"}]'
    book = f'{{"event_type":"book","asset_id":"1","timestamp":"1795194000000","bids":{bids},"asks":[]}}'
    made = '{"asset_id":"1","price":"0.46","size":"1","side":"BUY","best_bid":"0.49","best_ask":"1"}'
    change = f'{{"event_type":"price_change","timestamp":"1795194000001","price_changes":[{made}]}}'
    judge = Judge("clob_v2", LIMITS, fetches=False)
    judge.take(at(T, book, change))
    judge.tick(T + SECOND_NS // 2)
    assert [] == judge.due(T + SECOND_NS // 2)
    judge.tick(T + 2 * SECOND_NS)
    assert (["1"], {"MISMATCH": 1}) == (judge.due(T + 2 * SECOND_NS), dict(judge.lost))


def test_a_book_that_images_do_not_mend_needs_a_new_connection_once() -> None:
    """After five requests; a market that does not exist costs the others one connection and no more."""
    judge, hopeless = Judge("kalshi", LIMITS, fetches=False), []
    judge.expect([A], T)
    for second in range(120):
        judge.due(T + second * SECOND_NS)
        if found := judge.hopeless():
            hopeless.append((second, found))
            judge.expect([A], T + second * SECOND_NS)
    assert [(22, [A])] == hopeless
    judge.take(at(T + 120 * SECOND_NS, subscribed("orderbook_delta", 2), snapshot(1, A)))
    judge.take(at(T + 121 * SECOND_NS, delta(9, A)))
    again = [second for second in range(121, 180) if judge.due(T + second * SECOND_NS) and judge.hopeless()]
    assert 1 == len(again)


def test_a_book_to_which_everything_seems_too_old_needs_a_new_connection() -> None:
    """A venue's clock was ahead and is right again: without numbers all that follows would be left out."""
    bids = '[{"price":"0.47","size":"1"}]'
    book = f'{{"event_type":"book","asset_id":"1","timestamp":"1795194060000","bids":{bids},"asks":[]}}'
    made = '{"asset_id":"1","price":"0.46","size":"1","side":"BUY","best_bid":"0.47","best_ask":"1"}'
    change = f'{{"event_type":"price_change","timestamp":"1795194000001","price_changes":[{made}]}}'
    judge = Judge("clob_v2", LIMITS, fetches=False)
    judge.take(at(T, book, *[change] * 9))
    assert [] == judge.hopeless()
    judge.take(at(T + 1, change))
    assert (["1"], []) == (judge.hopeless(), judge.hopeless())
