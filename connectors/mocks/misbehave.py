"""Misbehave on command, as venues do: answers that never come, come late, twice, in the wrong order, or are wrong.

A mode is asked for by `POST /_misbehave {"mode": ..., "times": n}` and spent by the requests or fills it is meant for.
Some modes are states: they last until they are taken back with `"times": 0`.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from connectors.mocks.core import Denied

PLACE, CANCEL, CANCEL_ALL, AMEND = "place", "cancel", "cancel_all", "amend"
LOOKUP, ORDERS, FILLS, POSITIONS, BALANCE = "lookup", "orders", "fills", "positions", "balance"
TIME, STATUS, BOOK, MARKETS, KEYS, BEAT, OTHER = "time", "status", "book", "markets", "keys", "heartbeat", "other"
WRITES = (PLACE, CANCEL, CANCEL_ALL, AMEND)
LISTS = (ORDERS, FILLS, POSITIONS)
KINDS = (*WRITES, LOOKUP, *LISTS, BALANCE, TIME, STATUS, BOOK, MARKETS, KEYS, BEAT, OTHER)
ANY = "any"


class Mode(NamedTuple):
    """A mode: what it does, the requests that it meets unless `on` names others, and whether it is a state."""

    does: str
    kinds: tuple[str, ...] = ()
    lasts: bool = False


_STATUS = {
    code: Mode(f"answers HTTP {code}; `when` says before (default) or after acting", WRITES)
    for code in ("429", "500", "502", "503", "504")
}
MODES: dict[str, Mode] = {
    "accept_and_hang": Mode("acts, and never answers (`seconds` at most)", (PLACE,)),
    "accept_and_drop": Mode("acts, and closes the connection without an answer", (PLACE,)),
    "refuse_and_hang": Mode("does nothing, and never answers (`seconds` at most)", (PLACE,)),
    "refuse_and_drop": Mode("does nothing, and closes the connection without an answer", (PLACE,)),
    "409": Mode("answers HTTP 409; `when` says before (default) or after acting", (PLACE,)),
    **_STATUS,
    "slow": Mode("acts, and answers `seconds` later", WRITES),
    "slow_accept": Mode("acts and answers `seconds` later, whether anybody still listens or not", WRITES),
    "duplicate_fills": Mode("tells the next fills twice, on the socket and in lists"),
    "disordered_fills": Mode("tells the next pairs of fills in the wrong order, on the socket and in lists"),
    "matched_retrying_failed": Mode("lets the next trades fail to settle: MATCHED, RETRYING, FAILED"),
    "matched_mined_confirmed": Mode("lets the next trades settle, whatever else was asked for"),
    "clock_skew": Mode("moves the venue's clock by `seconds`", lasts=True),
    "maintenance": Mode("is closed for work; `variant` names a kind of it that the venue documents", lasts=True),
    "ws_drop": Mode("cuts all sockets now, and the next `times` - 1 soon after they open"),
    "ws_freeze": Mode("keeps sockets open, answers pings, and says nothing", lasts=True),
    "partial_page": Mode("leaves lists incomplete: `variant` cut (default: later pages fail, or the body ends early) "
                         "or silent (rows are missing, and nothing shows it)", LISTS),
    "not_found_for_a_while": Mode("knows nothing of young orders in the next `times` look-ups and lists of orders; "
                                  "with `seconds`: lasts, and hides orders younger than that", (LOOKUP, ORDERS)),
}  # fmt: skip
ALIASES = {f"{code}_{when}": (code, when) for code in ("409", *_STATUS) for when in ("before", "after")}
DEFAULT_S = {"accept_and_hang": "600", "refuse_and_hang": "600", "clock_skew": "60"}
LISTED = ("partial_page", "not_found_for_a_while")
AGED = ("not_found_for_a_while",)
YOUNG_MS = 3_600_000
FILL_MODES = ("duplicate_fills", "disordered_fills", "matched_retrying_failed", "matched_mined_confirmed")


@dataclass
class Fault:
    """A mode that was asked for, and how often it is still to happen."""

    mode: str
    times: int
    kinds: tuple[str, ...]
    seconds: float
    when: str = "before"
    variant: str = ""
    retry_after: float | None = 1.0
    lasting: bool = False
    met: int = 0


@dataclass
class Faults:
    """What is asked for at present, in the order of asking. `met` counts what has happened by mode."""

    active: list[Fault] = field(default_factory=list)
    met: dict[str, int] = field(default_factory=dict)

    def ask(self, wish: dict[str, object]) -> Fault | None:
        """Take a wish; `times` 0 takes a mode back, mode `none` takes back everything.

        Raises Denied where mode, kind or number is none of ours.
        """
        name = str(wish.get("mode", ""))
        if name == "none":
            self.active.clear()
            return None
        mode, when = ALIASES.get(name, (name, str(wish.get("when", "before"))))
        if mode not in MODES:
            raise Denied(400, "mode", f"{name!r}: one of none, {', '.join((*MODES, *ALIASES))}")
        times = wish.get("times", 1)
        if not isinstance(times, int) or times < 0 or when not in ("before", "after"):
            raise Denied(400, "times", "times: 0 or more; when: before or after")
        lasting = MODES[mode].lasts or (mode in AGED and "seconds" in wish)
        if lasting or times == 0:
            self.active = [fault for fault in self.active if fault.mode != mode]
        if times == 0:
            return None
        wait = wish.get("retry_after", 1)
        fault = Fault(
            mode,
            times,
            _kinds(wish.get("on"), MODES[mode].kinds),
            float(Decimal(str(wish.get("seconds", DEFAULT_S.get(mode, "1"))))),
            when,
            str(wish.get("variant", "")),
            None if wait is None else float(Decimal(str(wait))),
            lasting,
        )
        self.active.append(fault)
        return fault

    def take(self, kind: str) -> Fault | None:
        """Spend the oldest fault that is meant for a request of this kind."""
        for fault in self.active:
            if kind in fault.kinds and fault.mode not in LISTED and not fault.lasting:
                return self._spent(fault)
        return None

    def page(self, kind: str) -> Fault | None:
        """Spend a fault of lists."""
        for fault in self.active:
            if fault.mode == "partial_page" and kind in fault.kinds:
                return self._spent(fault)
        return None

    def hidden_ms(self, kind: str) -> int:
        """Return how old an order must be to be seen by this request, in ms; spends a fault of look-ups."""
        for fault in self.active:
            if fault.mode == "not_found_for_a_while" and kind in fault.kinds:
                if fault.lasting:
                    self.met[fault.mode] = self.met.get(fault.mode, 0) + 1
                    return int(fault.seconds * 1000)
                self._spent(fault)
                return YOUNG_MS
        return 0

    def on_fill(self, mode: str) -> bool:
        """Spend a fault of fills; False where none was asked for."""
        for fault in self.active:
            if fault.mode == mode:
                self._spent(fault)
                return True
        return False

    def state(self, mode: str) -> Fault | None:
        """Return a lasting fault, if it is on."""
        return next((fault for fault in self.active if fault.mode == mode), None)

    def drops(self) -> bool:
        """Spend one cut of a socket that has just opened."""
        return self.on_fill("ws_drop")

    def _spent(self, fault: Fault) -> Fault:
        fault.times -= 1
        fault.met += 1
        self.met[fault.mode] = self.met.get(fault.mode, 0) + 1
        if fault.times <= 0:
            self.active.remove(fault)
        return fault


def _kinds(on: object, default: tuple[str, ...]) -> tuple[str, ...]:
    """Read what requests a fault is for."""
    if on is None:
        return default
    words = [str(word) for word in on] if isinstance(on, list) else [str(on)]
    if ANY in words:
        return KINDS
    if wrong := [word for word in words if word not in KINDS]:
        raise Denied(400, "on", f"{wrong}: of any, {', '.join(KINDS)}")
    return tuple(words)
