"""Name the misbehaviours, and draw them from a seed.

A misbehaviour is a deed: a kind, what it needs, and the moment at which it can happen. Venues say which kinds they know
(`server.kinds`); a script draws among those only, and only a deed that has really been done is counted.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Arg = str | int | float | bool


class Kind(NamedTuple):
    """When a kind happens, how heavy it weighs in a drawn script, and what it does."""

    when: str
    weight: float
    says: str


KINDS: dict[str, Kind] = {
    # to one connection, at once
    "drop": Kind("client", 1, "ends the TCP connection without a close frame; how=fin|reset"),
    "close": Kind("client", 1, "sends a close frame; code, reason"),
    "freeze": Kind("client", 1, "no frames for `seconds`; pings=True answers pings; then=gap loses data, or backlog"),
    "huge": Kind("client", 0.1, "sends a frame of unknown type of `megabytes`"),
    "duplicate_snapshot": Kind("client", 1, "sends a snapshot that nobody asked for, twice, byte for byte"),
    "venue_error": Kind("client", 1, "sends the venue's own error message; code"),
    # to the next book change that goes to one connection
    "lose": Kind("frame", 2, "the change is never sent; its sequence is used up"),
    "reorder": Kind("frame", 2, "the change comes after the next one of its sequence"),
    "resend": Kind("frame", 2, "the change comes twice"),
    "drip": Kind("frame", 0.5, "the frame comes in `pieces` over `seconds`"),
    "truncate": Kind("frame", 1, "half of the frame's JSON, in a whole text frame"),
    "bad_utf8": Kind("frame", 1, "a text frame that is not UTF-8"),
    "binary": Kind("frame", 1, "the same bytes in a binary frame"),
    "wrong_check": Kind("frame", 1, "the venue's own integrity check does not hold"),
    # to the world
    "burst": Kind("world", 1, "`count` changes of one market at once"),
    "restart": Kind("world", 1, "the sequence of a market, or of a subscription, starts again lower"),
    "skew": Kind("world", 0.5, "exchange timestamps are off by `ms` for `seconds`"),
    # to whoever comes next
    "refuse": Kind("handshake", 1, "the handshake is answered with `status`"),
    "ignore_subscribe": Kind("subscribe", 1, "the next subscription is neither answered nor served"),
    "late_snapshot": Kind("snapshot", 1, "the next snapshot, and what follows it, comes `seconds` late"),
    "old_snapshot": Kind("snapshot", 1, "the next snapshot is `back` changes older than the stream that it joins"),
    "rest_status": Kind("rest", 0.5, "the next REST call is answered with `status`"),
    "rest_slow": Kind("rest", 0.5, "the next REST answer takes `seconds`"),
    "rest_cut": Kind("rest", 0.5, "the next REST answer ends in the middle of its body"),
}

# What can only happen to somebody who comes anew, so a script sends somebody away first.
PROVOKED = ("handshake", "subscribe", "snapshot", "rest")


@dataclass(eq=False)
class Deed:
    """One misbehaviour: asked for, and once `happened`, done."""

    kind: str
    args: Mapping[str, Arg]
    market: str = ""
    client: int = 0  # number of the connection that it was done to; 0: the world, or REST
    at_ns: int = 0  # wall clock when it was done; 0: not done
    note: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def happened(self) -> bool:
        """True once it has been done."""
        return self.at_ns > 0

    def number(self, name: str, default: float) -> float:
        """Return a numeric argument."""
        return float(self.args.get(name, default))

    def word(self, name: str, default: str) -> str:
        """Return a textual argument."""
        return str(self.args.get(name, default))


class At(NamedTuple):
    """One planned deed: after so many more frames were sent, do this."""

    frames: int
    kind: str
    args: Mapping[str, Arg] = {}
    drawn: bool = False  # by seed: somebody is sent away first where the kind needs somebody new


@dataclass(frozen=True)
class Script:
    """Misbehave by plan, and then by seed until `total` deeds are done.

    `lanes` deeds are under way at a time; each waits for `gap` frames (fewest, most) before it. `kinds` restricts or
    weighs the draw. Durations are drawn from the (least, most) seconds given. A deed that found no occasion within
    `patience_s` is withdrawn, and not counted.
    """

    total: int = 0
    plan: Sequence[At] = ()
    kinds: Mapping[str, float] | Sequence[str] | None = None
    seed: int = 0
    lanes: int = 4
    gap: tuple[int, int] = (1, 8)
    freeze_s: tuple[float, float] = (0.02, 0.1)
    late_s: tuple[float, float] = (0.01, 0.05)
    megabytes: float = 5.0
    patience_s: float = 1.0

    def draw(self, known: frozenset[str], close_codes: Sequence[int], lane: int) -> Iterator[At]:
        """Yield planned deeds (lane 0 only), then drawn ones without end where there is a `total`."""
        if lane == 0:
            yield from self.plan
        if not self.total:
            return
        rng = random.Random(f"script:{self.seed}:{lane}")
        wanted = self.kinds if self.kinds is not None else {name: KINDS[name].weight for name in KINDS if name in known}
        weights = dict(wanted) if isinstance(wanted, Mapping) else dict.fromkeys(wanted, 1.0)
        if unknown := set(weights) - known:
            raise ValueError(f"kinds: {sorted(unknown)}; this venue knows {sorted(known)}")
        while True:
            (kind,) = rng.choices(list(weights), list(weights.values()))
            yield At(rng.randint(*self.gap), kind, self._args(kind, close_codes, rng), drawn=True)

    def _args(self, kind: str, close_codes: Sequence[int], rng: random.Random) -> dict[str, Arg]:
        """Draw what a kind needs."""
        match kind:
            case "drop":
                return {"how": rng.choice(("fin", "reset"))}
            case "close":
                return {"code": rng.choice((1000, 1001, 1008, 1011, 1013, *close_codes))}
            case "freeze":
                then = rng.choice(("gap", "backlog"))
                return {"seconds": rng.uniform(*self.freeze_s), "pings": rng.random() < 0.5, "then": then}
            case "huge":
                return {"megabytes": self.megabytes}
            case "drip":
                return {"seconds": rng.uniform(*self.late_s), "pieces": rng.randint(3, 12)}
            case "burst":
                return {"count": rng.randint(20, 100)}
            case "skew":
                return {"ms": rng.choice((-1, 1)) * rng.randint(500, 60_000), "seconds": rng.uniform(*self.late_s)}
            case "refuse":
                return {"status": rng.choice((401, 403, 429, 503))}
            case "late_snapshot" | "rest_slow":
                return {"seconds": rng.uniform(*self.late_s)}
            case "old_snapshot":
                return {"back": rng.randint(1, 4)}
            case "rest_status":
                return {"status": rng.choice((429, 500, 502, 503))}
            case _:
                return {}
