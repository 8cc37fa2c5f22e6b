"""Make the world of one seed: what arrives and when, who presses what, and with which parameters the desk runs.

A world is values only. Everything that follows (the undisturbed run, the disturbed one, the replay) is given the same.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from flows.desks import Desk as DeskFile
from flows.desks import load_desk
from operators.normalise import CLOCK, ENGAGED, Frame
from operators.queue_models import QUEUE_MODELS
from operators.sequencer import merge
from scripts.fixtures_pack import instruments
from scripts.fixtures_pack.chance import Chance
from tests.sim.hand import Press, overrides, presses
from tests.sim.venues import Binance, Kalshi, Polymarket
from tests.sim.weather import captured, doubts, spoiled

CONFIG = Path(__file__).resolve().parent.parent.parent / "config"
SECOND_NS = 1_000_000_000
WAYS = ("raises", "silent", "other", "lost")  # what a broken guard does: build.py


@dataclass(frozen=True, slots=True)
class World:
    """What one seed gives.

    frames       everything that arrives, clock frames among it, in the sequencer's order
    presses      what the operator does, and before which frame
    desk         the desk's file with the drawn parameters
    instruments  definitions known beforehand, as a file says them
    doubts       by market, spans of positions in which its book cannot be right (weather.py)
    gambles      how often the gambler asks, in a thousand looks
    broken       the guard that is broken and how, or nothing
    echoes       the venue says some things twice
    """

    seed: int
    frames: tuple[Frame, ...]
    presses: tuple[Press, ...]
    desk: DeskFile
    instruments: bytes
    doubts: dict[str, list[tuple[int, int]]]
    gambles: int
    broken: tuple[str, str]
    echoes: bool


def world(seed: int) -> World:
    """Return the world of a seed; the same everywhere. About 30 ms."""
    draw = Chance(seed, "world")
    end_ms = draw.between(25, 50) * 1_000
    kalshi = Kalshi(seed, draw.between(1, 2), end_ms)
    others = (Polymarket(seed, 1, end_ms), Binance(seed, end_ms))
    venues = [kalshi, *(other for other in others if draw.happens(400))]
    sources = [captured(rank, spoiled(venue.play(), draw), draw) for rank, venue in enumerate(venues)]
    frames = [frame for block in merge(sources, 1_000_000) for frame in block]
    for begin, end in _engaged(draw, frames):
        for place, frame in enumerate(frames):
            if frame.dialect == CLOCK and begin <= frame.at_ns < end:
                frames[place] = Frame(frame.source, frame.position, frame.at_ns, CLOCK, ENGAGED)
    desk = load_desk("lab", CONFIG, overrides(draw))
    if draw.happens(120):
        desk = replace(desk, boot_mode=draw.pick(("DEGRADED", "DEGRADED", "SAFE")))
    latency = draw.pick((0, 1, 40, 250, 900))
    desk = replace(desk, order_latency_ms=latency, cancel_latency_ms=latency, ack_latency_ms=draw.pick((0, 20, 250)))
    text = "\n".join(instruments.json.dumps(instruments.record(each)) for each in kalshi.parts).encode()
    if draw.happens(300):
        start = draw.between(2, end_ms // 1_000)
        desk = replace(desk, outages=((start, draw.between(1, 12)),))
    desk = replace(desk, queue_model=draw.pick(QUEUE_MODELS))
    desk = replace(desk, start_micros=draw.pick((200, 1_000, 10_000)) * 1_000_000)
    pressed, gambles = presses(draw, frames), draw.pick((0, 60, 150, 300))
    broken = ("", "")
    if draw.happens(250):
        broken = (draw.pick(desk.required_gates), draw.pick(WAYS))
    return World(seed, tuple(frames), pressed, desk, text, doubts(sources[0]), gambles, broken, draw.happens(500))


def _engaged(draw: Chance, frames: list[Frame]) -> list[tuple[int, int]]:
    """Draw when the environment's kill switch is engaged: hardly ever, for some seconds."""
    if not frames or not draw.happens(150):
        return []
    begin = frames[draw.below(len(frames))].at_ns
    return [(begin, begin + draw.between(1, 8) * SECOND_NS)]
