"""bots.maths.activity: a habit of an hour, and its collapse."""

from bots.maths.activity import Activity, counted

SECOND = 1_000_000_000


def run(activity, seconds, start, quotes=True, trades=True, width_s=60):
    """Return the activity after seconds in which the quote and the trade change, or do not."""
    for at in range(start, start + seconds):
        quote, trade = str(at) if quotes else activity.quote, str(at) if trades else activity.trade
        activity = counted(activity, quote, trade, (at + 1) * SECOND, width_s, 20_000)
    return activity


def test_habit_then_silence():
    """After an hour of habit a silent window collapses, and the next busy one ends it; the silence is no habit."""
    busy = run(Activity(), 3_661, 0)
    assert (busy.windows, busy.quote_norm // 1_000_000, busy.collapsed) == (61, 60, False)
    silent = run(busy, 60, 3_661, False, False)
    assert (silent.collapsed, silent.quote_norm) == (True, busy.quote_norm)
    assert run(silent, 60, 3_721).collapsed is False


def test_one_rate_is_enough():
    """Quotes without trades, or trades without quotes, are a market."""
    busy = run(Activity(), 3_661, 0)
    assert run(busy, 60, 3_661, quotes=False).collapsed is False
    assert run(busy, 60, 3_661, trades=False).collapsed is False


def test_nothing_is_judged_before_an_hour():
    """Before an hour is full silence is not yet unusual, and a market that never traded cannot fall silent."""
    assert run(run(Activity(), 1_801, 0), 120, 1_801, False, False).collapsed is False
    quiet = run(Activity(), 3_661, 0, trades=False)
    assert run(quiet, 60, 3_661, False, False).collapsed is False


def test_a_width_of_nothing_counts_only():
    """A window without width never ends."""
    assert run(Activity(), 10, 0, width_s=0).quotes == 10
