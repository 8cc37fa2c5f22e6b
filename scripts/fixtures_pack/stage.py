"""Run the markets of one venue through time: ordinary life at drawn moments, oddities at written ones."""

from collections.abc import Callable
from dataclasses import dataclass, field

from scripts.fixtures_pack.chance import Chance
from scripts.fixtures_pack.ladder import Change, Ladder
from scripts.fixtures_pack.recorder import Actor, Recorder

Cue = tuple[int, Callable[[], None]]


@dataclass(slots=True)
class Stage:
    """The markets of one venue, their clocks, and the script of what goes wrong.

    cues  (milliseconds since the start, what to do then)
    """

    recorder: Recorder
    actors: list[Actor]
    ladders: list[Ladder]
    draw: Chance
    cues: list[Cue] = field(default_factory=list)

    def at(self, second: int, act: Callable[[], None], millis: int = 0) -> None:
        """Write an act into the script."""
        self.cues.append((second * 1_000 + millis, act))

    def later(self, millis: int, act: Callable[[], None]) -> None:
        """Write an act into the script, some time from now."""
        self.cues.append((self.recorder.now_ms + millis, act))
        self.cues.sort(key=lambda cue: cue[0])

    def run(self, until_ms: int, live: Callable[[Actor, Ladder, int], None]) -> None:
        """Play until the end; `live` lets one thing happen in one market."""
        self.cues.sort(key=lambda cue: cue[0])
        clocks = [self.draw.between(1, actor.gap_ms) for actor in self.actors]
        while True:
            number = clocks.index(min(clocks))
            actor, now_ms = self.actors[number], clocks[number]
            if self.cues and self.cues[0][0] <= now_ms:
                self.recorder.now_ms, cue = self.cues[0]
                del self.cues[0]
                cue()
                continue
            if now_ms >= until_ms:
                return
            clocks[number] += self.draw.between(4, 2 * actor.gap_ms - 4)
            if actor.open and now_ms >= actor.asleep_ms:
                self.recorder.now_ms = now_ms
                live(actor, self.ladders[number], min(now_ms - actor.since_ms, 2_000))
                actor.since_ms = now_ms

    def sleep(self, number: int, millis: int) -> None:
        """Let nothing ordinary happen in a market for a while."""
        self.actors[number].asleep_ms = self.recorder.now_ms + millis


def nudge(book: Ladder, side: int, hundredths: int = 500) -> Change:
    """Enlarge the worst level of a side a little: a change that moves no best price."""
    levels = book.side(side)
    price = min(levels) if side > 0 else max(levels)
    return book.set_level(side, price, levels[price] + hundredths)
