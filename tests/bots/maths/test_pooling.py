"""bots.maths.pooling: the catalogue's anchors, weights, disagreement; and fair odds."""

from math import sqrt

import pytest

from bots.maths.logit import expit, log_odds
from bots.maths.pooling import Anchor, calibrated, pool, power_devig


def anchors(*prices: float, v: float = 0.0025) -> list[Anchor]:
    """Equally sure anchors at these probabilities."""
    return [Anchor(f"a{number}", log_odds(p), v, 1.0) for number, p in enumerate(prices)]


def test_three_anchors_that_agree() -> None:
    """Fixture normal: .52, .53, .51 pool to .52 with a narrow band."""
    pooled = pool(anchors(0.52, 0.53, 0.51))
    assert pooled is not None
    assert (0.52, 3) == (round(expit(pooled.x), 4), pooled.anchors)
    assert pooled.se < 0.05


def test_two_anchors_that_disagree() -> None:
    """Fixture hard: .30 and .70 pool to .5 with a disagreement of .847 logits, far above .5."""
    pooled = pool(anchors(0.30, 0.70))
    assert pooled is not None
    assert (0.5, 0.8473) == (round(expit(pooled.x), 6), round(pooled.spread, 4))
    assert pooled.se > 0.84


def test_one_anchor_is_itself() -> None:
    """Fixture warning: alone, an anchor keeps its value and its error; there is no disagreement."""
    pooled = pool(anchors(0.4))
    assert pooled is not None
    assert (0.4, 0.05, 0.0) == (round(expit(pooled.x), 12), round(pooled.se, 12), pooled.spread)


@pytest.mark.parametrize("none", [[], [Anchor("a", 0.0, 0.1, 0.0)]])
def test_no_anchor_is_no_opinion(none: list[Anchor]) -> None:
    """Fixture failure: without a reliable anchor there is nothing to say."""
    assert None is pool(none)


def test_weights_follow_the_rule() -> None:
    """W = rho / (v + tau^2): reliability raises, variance and model error lower it."""
    pooled = pool([Anchor("a", 1.0, 0.03, 0.5, 0.1), Anchor("b", 0.0, 0.04, 1.0)])
    assert pooled is not None
    w = (0.5 / 0.04, 1.0 / 0.04)
    assert abs(pooled.x - w[0] / sum(w)) < 1e-12
    d = (w[0] * (1 - pooled.x) ** 2 + w[1] * pooled.x**2) / sum(w)
    assert abs(pooled.se - sqrt(1 / sum(w) + d)) < 1e-12


def test_a_locked_book_is_not_infinitely_sure() -> None:
    """A variance of 0 is bounded."""
    pooled = pool([Anchor("a", 1.0, 0.0, 1.0), Anchor("b", 0.0, 0.0, 1.0)])
    assert pooled is not None and 0.5 == pooled.x


def test_the_first_calibration_map_is_the_identity() -> None:
    """Version identity-1 changes nothing."""
    values = (-800.0, -0.5, 0.0, 2.0, 800.0)
    assert [expit(x) for x in values] == [calibrated(x) for x in values]


def test_power_devig() -> None:
    """Even odds with a margin are a half each; the favourite keeps more than its share; fair odds stay."""
    assert (0.5, 0.5) == tuple(round(p, 9) for p in power_devig((1.9, 1.9)))
    favourite, outsider = power_devig((1.2, 4.5))
    quoted = 1 / 1.2 / (1 / 1.2 + 1 / 4.5)
    assert favourite > quoted > 0.5 > outsider
    assert abs(favourite + outsider - 1.0) < 1e-12
    assert (0.25, 0.75) == tuple(round(p, 9) for p in power_devig((4.0, 4.0 / 3.0)))
