"""A program that is killed goes on where it was, within seconds: nothing lost, and no id with two contents."""

import random
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.deployment.conftest import Sites
from tests.deployment.judging import crowding, free_lanes_hold, nothing_is_lost
from tests.deployment.packs import Pack
from tests.deployment.reading import ends
from tests.deployment.running import START_S, WATCHED, Process, Site, wait

pytestmark = [pytest.mark.kafka, pytest.mark.chdb]
ROUNDS, RECOVERY_S = 3, 10.0
PAIRS = (("market", "record"), ("desk", "feeding"))
BEYOND_S = 0.3  # later than the newest record before, in seconds; what is known of it is as exact as that
FRAMES_PER_S = 400  # slow enough for the feed to outlast every kill on a busy machine
Starts = dict[str, Callable[[], Process]]


class Killer:
    """Programs that run, how far each is, and how long each needed to go on."""

    def __init__(self, site: Site, pack: Pack, rate: int) -> None:
        """Start all four, and wait until each has done something."""
        self.site, self.pack, self.took = site, pack, dict[str, list[float]]()
        self.starts: Starts = {name: partial(site.start, name, watched=True) for name in WATCHED}
        self.starts["feeding"] = partial(site.feed, pack.captures, rate)
        self.running = {name: start() for name, start in self.starts.items()}
        for name in self.running:
            wait(lambda name=name: self.done(name) > 0, START_S, f"{name} begins")

    def done(self, name: str) -> float:
        """Return how far a program is: records written by the feed, time of the newest record read by the others."""
        if name == "feeding":
            return ends(self.site.access.bootstrap, [self.site.topic(f"raw.{venue}") for venue in self.pack.venues])
        return self.running[name].newest_s(WATCHED[name])

    def kill(self, names: tuple[str, ...]) -> None:
        """Kill programs at once, start them again, and wait until each has handled more than before."""
        before = {name: self.done(name) for name in names}
        for name in names:
            assert self.running[name].runs, f"{name} has ended: {self.running[name].error}"
            self.running[name].kill()
            before[name] = max(before[name], self.done(name))  # what it had sent on arrives after its end
        for name in names:
            self.running[name] = self.starts[name]()
        waiting = set(names)
        while waiting:
            for name in sorted(waiting):
                if self.done(name) > before[name] + BEYOND_S:
                    self.took.setdefault(name, []).append(time.monotonic() - self.running[name].begun)
                    waiting.discard(name)
                process = self.running[name]
                assert process.runs or name not in waiting, f"{name} ended with {process.code}: {process.error}"
                assert time.monotonic() - process.begun < START_S, f"{name} does not go on: {process.error}"

    def finish(self) -> None:
        """Feed the rest as fast as possible, and wait until every program has ended by itself."""
        self.running["feeding"].kill()
        self.running["feeding"] = self.site.feed(self.pack.captures)
        assert 0 == self.running["feeding"].wait()
        for name in WATCHED:
            self.running[name].summary()


def kill_all(site: Site, pack: Pack, drawn: random.Random) -> list[tuple[str, float]]:
    """Run a pack while every program is killed three times; returns who took too long to go on, and how long."""
    killer = Killer(site, pack, FRAMES_PER_S)
    for _ in range(ROUNDS):
        for pair in PAIRS:
            time.sleep(drawn.uniform(0, 1.2))  # an epoch takes a second
            killer.kill(pair)
    killer.finish()
    print({name: [round(each, 1) for each in took] for name, took in killer.took.items()})
    assert dict.fromkeys(("feeding", *WATCHED), ROUNDS) == {name: len(took) for name, took in killer.took.items()}
    limit = RECOVERY_S * crowding()
    return [(name, each) for name, took in killer.took.items() for each in took if each > limit]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 11))])
def test_programs_that_are_killed_lose_nothing(sites: Sites, long_pack: Pack, seed: int) -> None:
    """Feeding, market, desk and record are killed three times each, in pairs; each goes on within 10 seconds."""
    drawn, site = random.Random(seed), sites({"lane0": long_pack.venues})
    assert [] == kill_all(site, long_pack, drawn)
    nothing_is_lost(site, long_pack)


@pytest.mark.soak
def test_free_lanes_whose_programs_are_killed_are_replayed(sites: Sites, long_pack: Pack) -> None:
    """Three lanes that wait for nobody: whatever order the kills led to, it was written once and is derived again."""
    first, *others = long_pack.venues
    lanes = {"lane0": [first, others[0]], "lane1": [others[1]], "lane2": [others[2]]}
    site = sites(lanes)
    assert [] == kill_all(site, long_pack, random.Random(0))
    free_lanes_hold(site, {lane: long_pack.only(*venues).ran for lane, venues in lanes.items()})
