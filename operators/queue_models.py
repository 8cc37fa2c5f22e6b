"""Follow the queue before a resting order of ours, by one of two beliefs about who cancels.

A level's size says how much stands at a price, not who stands before us. What both models share is a `Line`: it joins
behind everything displayed, trades at its price come off its front, and it is never longer than the level. They differ
in what a decrease means that no trade explains and that the level's size does not settle either:

conservative    everybody who cancels stood behind us. No fill is then luckier than the queue of reality, whoever left.
calibrated      of such a cancel `share * ahead / shown` stood before us. Pro rata (share 1) is what equal and
                independent cancels give (Cont, Stoikov and Talreja 2010; Moallemi and Yuan 2016 value a place with
                it); models of practice bend it by a fixed power or a logarithm, because those in front cancel less
                (Rigtorp, quant.stackexchange.com/questions/3782; hftbacktest's ProbQueueModel). Here the share is
                learnt in each market: from every order of ours that ends, how much of a pro rata credit the level
                proved later, by becoming smaller than the longest queue possible. What was not proven counts as
                wrong, and eight orders of nothing are added, so a market without evidence is conservative.

The bound of `calibrated`: never more than the best place that the display allows, in which every unexplained cancel
stood before us. Against the true queue it errs on the safe side on the average, not in each case.

Everything is whole numbers: lots, nanoseconds, and a share that is a pair of sums. A venue reports a match twice, as a
trade and as a change of the level, in either order, at most ECHO_NS apart and with no arrival of ours between them:
until then no decrease is a cancel.
"""

from typing import Protocol

from contracts.base import Refused

ECHO_NS = 1_000_000_000
CONSERVATIVE, CALIBRATED = "conservative", "calibrated"
QUEUE_MODELS = (CONSERVATIVE, CALIBRATED)
DOUBT_ORDERS = 8  # so many orders that prove nothing stand against what was learnt
MEMORY_ORDERS = 256  # then older orders count half


class Line:
    """What stands before an order at its price, in lots; owed is what left the level and a trade may still explain."""

    __slots__ = ("ahead", "owed", "owed_ns")

    def __init__(self, ahead: int = 0) -> None:
        """Join behind so many lots."""
        self.ahead, self.owed, self.owed_ns = ahead, 0, 0

    def shown(self, lots: int, now: int) -> None:
        """Become no longer than the level; what came off is owed to trades for a while."""
        if lots < self.ahead:
            if now - self.owed_ns > ECHO_NS:
                self.owed = 0
            self.owed += self.ahead - lots
            self.ahead, self.owed_ns = lots, now

    def met(self, lots: int, now: int) -> int:
        """Let a trade at this price eat the line; return what came through it. Lots that are owed were eaten before."""
        if self.owed:
            self.owed = self.owed if now - self.owed_ns <= ECHO_NS else 0
            echo = min(self.owed, lots)
            self.owed -= echo
            lots -= echo
        eaten = min(self.ahead, lots)
        self.ahead -= eaten
        return lots - eaten


class Guess(Line):
    """A line that credits a share of the cancels to itself, once no trade can explain them any more.

    level        lots last displayed at its price;  credited  lots that came off by credit alone
    young, old   decreases waiting to be explained: of the second `second` (of all lines alike), and of earlier ones
    early        lots of trades whose change of the level was not shown yet, the last one at `early_ns`
    """

    __slots__ = ("credited", "early", "early_ns", "level", "old", "second", "young")

    def __init__(self, ahead: int, now: int) -> None:
        """Join behind a whole level."""
        super().__init__(ahead)
        self.level, self.second = ahead, now // ECHO_NS
        self.credited = self.early = self.early_ns = self.old = self.young = 0

    def shown(self, lots: int, now: int) -> None:
        """Note the level's new size: what no trade explains, and the size itself does not settle, waits."""
        gone, self.level = self.level - lots, lots
        if gone > 0:
            early = self._early(now)
            known = min(gone, early)
            self.early = early - known
            self.young += max(0, gone - known - max(0, self.ahead - lots))
        super().shown(lots, now)

    def met(self, lots: int, now: int) -> int:
        """Let a trade eat the line; decreases that wait are explained by it first."""
        owed = self.owed if now - self.owed_ns <= ECHO_NS else 0
        news = max(0, lots - owed)
        explained = min(news, self.old)
        self.old -= explained
        later = min(news - explained, self.young)
        self.young -= later
        self.early, self.early_ns = self._early(now) + news - explained - later, now
        return super().met(lots, now)

    def _early(self, now: int) -> int:
        return self.early if now - self.early_ns <= 2 * ECHO_NS else 0

    def credit(self, share: int, whole: int, now: int) -> None:
        """Take `share / whole` of what stood before us, pro rata, off for the decreases that nothing explained."""
        turns, self.second = now // ECHO_NS - self.second, now // ECHO_NS
        if not turns:
            return
        gone, self.old, self.young = self.old, self.young, 0
        if turns > 1:
            gone, self.old = gone + self.old, 0
        if gone and whole:
            mine = gone * self.ahead * share // ((self.level + gone) * whole)
            self.ahead -= mine
            self.credited += mine


class Queued(Line):
    """The longest line that the display allows and, where a model learns, its guesses beside it.

    guesses  by the share that was learnt, and pro rata;  apart  lots of trades that came through the latter only
    """

    __slots__ = ("apart", "guesses")

    def __init__(self) -> None:
        """Begin before joining."""
        super().__init__()
        self.guesses: tuple[Guess, ...] = ()
        self.apart = 0


class QueueModel(Protocol):
    """What the paper venue asks of a belief about queues; `market` is where the order rests, times in nanoseconds."""

    def joined(self, market: int, order: Queued, lots: int, now: int) -> None:
        """Let an order join a level that shows so many lots."""

    def shown(self, market: int, order: Queued, lots: int, now: int) -> None:
        """Note what is displayed at the order's price, without us."""

    def met(self, market: int, order: Queued, lots: int, now: int) -> int:
        """Let a trade at the order's price eat the queue; return the lots that came through to us."""

    def ended(self, market: int, order: Queued) -> None:
        """Learn from an order that rests no more."""


class Conservative:
    """Believe that everybody who cancels stood behind us, unless the level itself proves otherwise."""

    __slots__ = ()

    def joined(self, market: int, order: Queued, lots: int, now: int) -> None:
        """Stand behind all of them."""
        order.ahead = lots

    def shown(self, market: int, order: Queued, lots: int, now: int) -> None:
        """Be no further back than the level is deep."""
        order.shown(lots, now)

    def met(self, market: int, order: Queued, lots: int, now: int) -> int:
        """Return what is left of the trade behind the queue."""
        return order.met(lots, now)

    def ended(self, market: int, order: Queued) -> None:
        """Learn nothing."""


class Calibrated:
    """Believe that cancels stood before us pro rata, times the share of this that a market has proven so far.

    `learnt` holds by market (lots proven, lots credited pro rata, orders).
    """

    __slots__ = ("learnt",)

    def __init__(self) -> None:
        """Begin without evidence."""
        self.learnt: dict[int, tuple[int, int, int]] = {}

    def share(self, market: int) -> tuple[int, int]:
        """Return the share of a pro rata credit that is given, as (part, whole)."""
        proven, credited, orders = self.learnt.get(market, (0, 0, 0))
        return proven * orders, credited * (orders + DOUBT_ORDERS)

    def joined(self, market: int, order: Queued, lots: int, now: int) -> None:
        """Stand behind all of them; from here on three lines are followed."""
        order.ahead, order.guesses = lots, (Guess(lots, now), Guess(lots, now))

    def shown(self, market: int, order: Queued, lots: int, now: int) -> None:
        """Credit what has waited long enough, then note the level."""
        self._credit(market, order, now)
        order.shown(lots, now)
        for guess in order.guesses:
            guess.shown(lots, now)

    def met(self, market: int, order: Queued, lots: int, now: int) -> int:
        """Return what is left of the trade behind our believed place."""
        self._credit(market, order, now)
        ours, even = order.guesses
        order.apart += even.met(lots, now) - order.met(lots, now)
        return ours.met(lots, now)

    def ended(self, market: int, order: Queued) -> None:
        """Compare the longest possible queue with the pro rata one: as far as they met, its credit was right."""
        even = order.guesses[1]
        if not even.credited:
            return
        proven = min(even.credited, max(0, even.credited - (order.ahead - even.ahead) - order.apart))
        known, credited, orders = self.learnt.get(market, (0, 0, 0))
        if orders >= MEMORY_ORDERS:
            known, credited, orders = known // 2, credited // 2, orders // 2
        self.learnt[market] = (known + proven, credited + even.credited, orders + 1)

    def _credit(self, market: int, order: Queued, now: int) -> None:
        ours, even = order.guesses
        ours.credit(*self.share(market), now)
        even.credit(1, 1, now)


def queue_model(name: str) -> QueueModel:
    """Return a new model by its name; raises Refused naming what is allowed."""
    if name not in QUEUE_MODELS:
        raise Refused(f"queue_model is {name!r}; allowed: {', '.join(QUEUE_MODELS)}")
    return Calibrated() if name == CALIBRATED else Conservative()
