"""Let a bot be one pure function whose parameters are its reads; this is all that an author needs.

The parameter order is fixed: `config`, `state` (folds only), the trigger, the readings, `now`. The annotations say
the rest, and nothing is registered by hand:

    def decide(config: Config, intent: On[OrderIntent], book_at: Latest[ConfirmedAt], now: Instant) -> RiskVote: ...
    BOT = rule(decide, reasons={...})

Reads       `On[T]` triggers (exactly one; `On[A | B]` may be several types); `Latest[T]` is the newest value of its
            market or desk at or before the trigger; `T | None` makes it optional; `Annotated[..., Within(ms=...)]`
            bounds its age; `Annotated[SignalReport, Signal("toxicity")]` reads a signal by its name.
Returns     `X | None` is a statement (the newest counts), `tuple[X, ...]` are acts or several statements, `RiskVote`
            is a vote, and `tuple[RiskVote, GuardReport]` one that shows what it compared. A fold returns `(state,
            answer)`; a silent fold returns its state alone. Any answer may be a `BotNote`: a reason without a
            consequence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from bots.book import Book as Book
from contracts.base import Refused, Wire
from contracts.intent import APPROVE, NO_LIMIT, QUARANTINE, REJECT, RESHAPE, BotNote, GuardReport, RiskVote

T = TypeVar("T")
MILLION = 1_000_000


class _On:
    """Marks the trigger."""


class _Latest:
    """Marks a reading."""


On = Annotated[T, _On]
Latest = Annotated[T, _Latest]


class Within(NamedTuple):
    """The oldest that a reading may be, judged by its root sources."""

    ms: int


class Signal:
    """Names the signals that a reading reads or an answer says; also the aspect of a MarketCandidate."""

    __slots__ = ("names",)

    def __init__(self, *names: str) -> None:
        """Take one name for a reading, one or more for an answer."""
        self.names = names


class Instant(int):
    """Journal time in nanoseconds; the only clock below the edge."""


class ConfirmedAt(int):
    """Journal time at which the market's book was last confirmed."""


class Cause(int):
    """The fact that triggered this call (contracts/ids.py)."""


class DeskContext(Struct, frozen=True, gc=False):
    """Who is speaking: what a desk's bots may know of their desk."""

    desk_id: str = "lab"
    desk_mode: str = "paper"
    account: str = "paper"
    builder_code: str = "lab"
    gates_digest: str = ""
    scope: frozenset[str] = frozenset()


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class State(Struct, frozen=True, gc=False):
    """What a fold remembers: a frozen value whose defaults are its birth."""


# ---- configuration ------------------------------------------------------------------------------------------------


class _Millionths:
    """Marks a decimal that is written as such and held as an integer of millionths."""


Usd = Annotated[int, Meta(ge=0, le=10**18, description="dollars; held as integer millionths"), _Millionths]
Prob = Annotated[int, Meta(ge=0, le=MILLION, description="probability; held as integer millionths"), _Millionths]
Frac = Annotated[int, Meta(ge=0, le=MILLION, description="fraction; held as integer millionths"), _Millionths]
Ratio = Annotated[float, Meta(ge=0.0, le=1e6, description="a ratio")]
Positive = Annotated[float, Meta(gt=0.0, le=1e9, description="a number above zero")]
Seconds = Annotated[int, Meta(ge=0, le=315_360_000, description="seconds")]
Millis = Annotated[int, Meta(ge=0, le=315_360_000_000, description="milliseconds")]
Days = Annotated[int, Meta(ge=0, le=36_500, description="days")]
Hours = Annotated[int, Meta(ge=0, le=876_000, description="hours")]
Number = Annotated[int, Meta(ge=0, le=10**12, description="a count")]


def micro(text: str) -> int:
    """Return a decimal text as integer millionths; raises Refused for more than six decimals or no number."""
    try:
        scaled = Decimal(text) * MILLION
    except InvalidOperation:
        raise Refused(f"{text!r} is not a decimal number") from None
    if not scaled.is_finite() or scaled != int(scaled):
        raise Refused(f"{text!r} is not a finite decimal with at most six decimals")
    return int(scaled)


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class BotConfig(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Parameters of a bot, named as in the catalogue, with hard bounds in their types."""


def configure(bot_id: str, config: type[BotConfig], values: dict[str, object]) -> BotConfig:
    """Build a configuration from written values; raises Refused naming bot, parameter, value and what is allowed."""
    hints = get_type_hints(config, include_extras=True)
    ready: dict[str, object] = {}
    for name, value in values.items():
        if name not in hints:
            raise Refused(f"{bot_id}.{name}: no such parameter; allowed: {', '.join(sorted(hints)) or 'none'}")
        if _Millionths in getattr(hints[name], "__metadata__", ()):
            try:
                value = micro(str(value))
            except Refused as err:
                raise Refused(f"{bot_id}.{name}: {err}") from None
        ready[name] = value
    try:
        return msgspec.convert(ready, config, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError) as err:
        text = str(err)
        name = text.rpartition("$.")[2].rstrip("`") if "$." in text else ""
        raise Refused(f"{bot_id}.{name}: {text} (got {values.get(name)!r})") from None


# ---- declaration --------------------------------------------------------------------------------------------------


class Slot(NamedTuple):
    """Where a value is kept: its type and, for signals and candidates, its name."""

    type: type
    name: str = ""

    @property
    def field(self) -> str:
        """The slot as an identifier."""
        return f"{self.type.__name__}_{self.name}" if self.name else self.type.__name__


class Read(NamedTuple):
    """One reading of a step."""

    parameter: str
    slot: Slot
    optional: bool
    within_ns: int


class Step(NamedTuple):
    """One function of a bot: its trigger, readings and answers, all read from the annotations."""

    fn: Callable[..., Any]
    on: tuple[Slot, ...]
    reads: tuple[Read, ...]
    says: tuple[Slot, ...]
    form: str  # one, many, vote or silent
    stateful: bool  # takes the state
    remembers: bool  # answers with the next state


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot as declared: its steps share one configuration and one state."""

    steps: tuple[Step, ...]
    config: type[BotConfig]
    state: type[State] | None
    per: str
    reasons: frozenset[str]
    id: str = ""


def _unwrap(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    meta: tuple[Any, ...] = ()
    while get_origin(hint) is Annotated:
        meta += hint.__metadata__
        hint = hint.__origin__
    return hint, meta


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _names(meta: tuple[Any, ...]) -> tuple[str, ...]:
    return next((m.names for m in meta if isinstance(m, Signal)), ("",))


def _answers(hint: Any) -> tuple[str, tuple[Slot, ...]]:
    """Read the return annotation: its form and the slots it may fill."""
    hint, meta = _unwrap(hint)
    many = get_origin(hint) is tuple
    inner, more = _unwrap(get_args(hint)[0] if many else hint)
    slots = []
    for member in _members(inner):
        member, own = _unwrap(member)
        if member in (type(None), BotNote):
            continue
        slots += [Slot(member, name) for name in _names(own + more + meta)]
    if slots == [Slot(RiskVote)]:
        return "vote", (Slot(GuardReport),) if many and GuardReport in get_args(hint) else ()
    return ("many" if many else "one"), tuple(slots)


def _step(fn: Callable[..., Any]) -> tuple[Step, type[BotConfig], type[State] | None]:
    hints = get_type_hints(fn, include_extras=True)
    answer = hints.pop("return")
    config = hints.pop("config")
    state = hints.pop("state", None)
    hints.pop("now")
    on: tuple[Slot, ...] = ()
    reads = []
    for parameter, hint in hints.items():
        base, meta = _unwrap(hint)
        members = tuple(_unwrap(m)[0] for m in _members(base))
        kinds = tuple(m for m in members if m is not type(None))
        if _On in meta:
            on = tuple(Slot(kind, name) for kind in kinds for name in _names(meta))
            continue
        within = next((m.ms for m in meta if isinstance(m, Within)), 0)
        reads.append(Read(parameter, Slot(kinds[0], _names(meta)[0]), len(kinds) < len(members), within * MILLION))
    if not on:
        raise TypeError(f"{fn.__module__}.{fn.__name__}: no trigger; mark one parameter On[...]")
    if state is not None and answer is state:
        return Step(fn, on, tuple(reads), (), "silent", True, True), config, state
    remembers = state is not None and get_origin(answer) is tuple and get_args(answer)[0] is state
    form, says = _answers(get_args(answer)[1] if remembers else answer)
    return Step(fn, on, tuple(reads), says, form, state is not None, remembers), config, state


def _bot(fns: tuple[Callable[..., Any], ...], reasons: set[str] | frozenset[str], per: str) -> Bot:
    read = [_step(fn) for fn in fns]
    states = {state for _, _, state in read if state is not None}
    if len({config for _, config, _ in read}) != 1 or len(states) > 1:
        raise TypeError(f"{fns[0].__module__}: the steps of a bot share one Config and one State")
    state = states.pop() if states else None
    return Bot(tuple(step for step, _, _ in read), read[0][1], state, per, frozenset(reasons))


def rule(decide: Callable[..., Any], *, reasons: set[str] | frozenset[str]) -> Bot:
    """Declare a bot without memory."""
    return _bot((decide,), reasons, "market")


def fold(*steps: Callable[..., Any], reasons: set[str] | frozenset[str], per: str = "market") -> Bot:
    """Declare a bot with memory; several steps share its state. `per` is market or desk (in a lane: the lane)."""
    return _bot(steps, reasons, per)


def guard(
    decide: Callable[..., Any], *watch: Callable[..., Any], reasons: set[str] | frozenset[str], per: str = "market"
) -> Bot:
    """Declare a guard that votes when asked and whose `watch` steps keep its state (and say nothing about intents)."""
    return _bot((*watch, decide), reasons, per)


# ---- answers ------------------------------------------------------------------------------------------------------


def approve(gate: str, reason: str, seen: int, limit: int, *, post_only: bool = False) -> RiskVote:
    """Vote for the subject as it is."""
    return RiskVote(gate, APPROVE, reason, seen, limit, NO_LIMIT, post_only)


def reshape(gate: str, reason: str, seen: int, limit: int, size_lots_max: int, *, post_only: bool = False) -> RiskVote:
    """Vote for the subject, at most at this size, perhaps resting only."""
    return RiskVote(gate, RESHAPE, reason, seen, limit, size_lots_max, post_only)


def reject(gate: str, reason: str, seen: int, limit: int) -> RiskVote:
    """Vote against the subject."""
    return RiskVote(gate, REJECT, reason, seen, limit, 0)


def quarantine(gate: str, reason: str, seen: int, limit: int) -> RiskVote:
    """Vote against the subject and isolate its scope."""
    return RiskVote(gate, QUARANTINE, reason, seen, limit, 0)


def names_wire(kind: type) -> bool:
    """True when a type is a contract, and not a view or a number of the kit."""
    return isinstance(kind, type) and issubclass(kind, Wire)
