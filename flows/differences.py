"""Say how two stored runs differ: cause by cause, and decision by decision.

A cause is a fact, and everything that a desk said because of it; two runs over the same captures share their causes. A
decision is an intent, named by what caused it, with what the guards, the plan and the market made of it: where two runs
have the same intent but not the same outcome, the aspects that changed are named.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from connectors.envelopes import Envelope

SAID: tuple[Literal["kind", "bot_id", "market_id", "correlation_id", "reasons", "payload"], ...] = (
    "kind",
    "bot_id",
    "market_id",
    "correlation_id",
    "reasons",
    "payload",
)
CONFIGURED = frozenset({"DeskConfigured", "ConfigApplied"})
PLATFORM = frozenset({"plan_hash", "fingerprint", "bot_version", "config_version"})
DIFFERENCES = ("only_in_a", "only_in_b", "differ")
INTENT, DECISION, PLAN, FILL = "OrderIntent", "RiskDecision", "ExecutionPlan", "Fill"
WISHED = ("intent_kind", "side", "price_ticks", "size_lots", "post_only", "reduce_only", "reason")
JUDGED = ("verdict", "size_lots", "reason", "post_only", "reduce_only")
ORDERED = ("action", "side", "price_ticks", "size_lots")


class Said(NamedTuple):
    """Everything that one cause brought about, in one digest, with its first envelope for people."""

    digest: bytes
    at_ns: int
    market_id: str
    envelope_id: str
    kinds: tuple[str, ...]


class Decision(NamedTuple):
    """One intent and what became of it: an aspect (intent.price_ticks, decision.verdict, ..) and its value each."""

    at_ns: int
    market_id: str
    aspects: dict[str, object]


class Side(NamedTuple):
    """One store: what each cause brought about, what each bot and desk was configured with, and every decision."""

    causes: dict[str, Said]
    configured: dict[str, bytes]
    decisions: dict[str, Decision]


def gathered(envelopes: Iterable[Envelope], kind: str | None = None) -> Side:
    """Gather what was said by desk and cause, all or of one kind; blocks, offsets, code and platform are no part of it.

    About 8 µs an envelope; memory grows with causes.
    """
    side = Side({}, {}, {})
    for said in envelopes:
        if said["kind"] in CONFIGURED:
            values = {key: value for key, value in said["payload"].items() if key not in PLATFORM}
            side.configured[f"{said['desk_id']} {values.get('bot_id', '')}".strip()] = msgspec.json.encode(values)
        elif kind in (None, said["kind"]):
            _cause(side.causes, said)
            _decide(side.decisions, said)
    return side


def compared(one: Side, other: Side, limit: int = 1) -> dict[str, object]:
    """Count what only one side knows and about what they say different things; at most `limit` of each are shown."""
    a, b = one.causes, other.causes
    named = _parted(a, b, lambda key: a[key].digest != b[key].digest)
    listed = {name: [_shown(key, a, b) for key in keys[:limit]] for name, keys in named.items()}
    both = {*one.configured, *other.configured}
    return {
        "same": len(a) - len(named["only_in_a"]) - len(named["differ"]),
        **{name: len(keys) for name, keys in named.items()},
        "configuration": sorted(key for key in both if one.configured.get(key) != other.configured.get(key)),
        "first": {name: shown[0] if shown else None for name, shown in listed.items()},
        "listed": listed,
        "decisions": decided(one.decisions, other.decisions, limit),
    }


def decided(a: Mapping[str, Decision], b: Mapping[str, Decision], limit: int) -> dict[str, object]:
    """Compare decisions by intent: counts, which aspects changed how often, and the first of each difference."""
    changed: Counter[str] = Counter()
    for key, decision in a.items():
        if key in b:
            changed.update(_changes(decision, b[key]))
    named = _parted(a, b, lambda key: bool(_changes(a[key], b[key])))
    return {
        "same": len(a) - len(named["only_in_a"]) - len(named["differ"]),
        **{name: len(keys) for name, keys in named.items()},
        "changed": dict(sorted(changed.items(), key=lambda item: (-item[1], item[0]))),
        "listed": {name: [_told(key, a, b) for key in keys[:limit]] for name, keys in named.items()},
    }


def differs(found: Mapping[str, object]) -> bool:
    """True when two runs said or were configured differently."""
    return any(found[key] for key in (*DIFFERENCES, "configuration"))


# ---- gathering -----------------------------------------------------------------------------------------------------


def _cause(causes: dict[str, Said], said: Envelope) -> None:
    content = msgspec.json.encode([said[key] for key in SAID])
    key = f"{said['desk_id']}/{said['cause_id']}"
    before = causes.get(key)
    if before is None:
        digest = sha256(content).digest()
        causes[key] = Said(digest, said["at_ns"], said["market_id"], said["envelope_id"], (said["kind"],))
    else:
        kinds = before.kinds if said["kind"] in before.kinds else (*before.kinds, said["kind"])
        causes[key] = before._replace(digest=sha256(before.digest + content).digest(), kinds=kinds)


def _decide(decisions: dict[str, Decision], said: Envelope) -> None:
    """Enter what an envelope says about the intent that it belongs to."""
    aspects_of = _ASPECTS.get(said["kind"])
    if aspects_of is None or not said["correlation_id"]:
        return
    key = f"{said['desk_id']}/{said['correlation_id']}"
    known = decisions.get(key) or decisions.setdefault(key, Decision(said["at_ns"], said["market_id"], {}))
    for aspect, value in aspects_of(said).items():
        before = known.aspects.get(aspect)
        summed = isinstance(before, int) and isinstance(value, int) and aspect.startswith("fills.")
        known.aspects[aspect] = before + value if summed else value  # type: ignore[operator]


def _wished(said: Envelope) -> dict[str, object]:
    payload = said["payload"]
    return {f"intent.{name}": payload.get(name) for name in WISHED}


def _judged(said: Envelope) -> dict[str, object]:
    """Name the verdict on the intent, and apart from it the one on its plan."""
    payload = said["payload"]
    on = "decision" if payload.get("subject_id") in ("", None, said["correlation_id"]) else "before_sending"
    votes = payload.get("votes")
    found: dict[str, object] = {f"{on}.{name}": payload.get(name) for name in JUDGED}
    for vote in votes if isinstance(votes, list) else ():
        found[f"{on}.{vote['gate']}"] = f"{vote['verdict']} {vote['reason']}"
    return found


def _planned(said: Envelope) -> dict[str, object]:
    payload = said["payload"]
    children = payload.get("children")
    orders = [[child.get(name) for name in ORDERED] for child in children] if isinstance(children, list) else []
    return {"plan.style": payload.get("style"), "plan.reasons": payload.get("reasons"), "plan.orders": orders}


def _filled(said: Envelope) -> dict[str, object]:
    return {"fills.count": 1, "fills.size_lots": said["payload"].get("size_lots"),
            "fills.fee_micros": said["payload"].get("fee_micros")}  # fmt: skip


_ASPECTS = {INTENT: _wished, DECISION: _judged, PLAN: _planned, FILL: _filled}


# ---- showing -------------------------------------------------------------------------------------------------------


def _parted(a: Mapping[str, object], b: Mapping[str, object], apart: Callable[[str], bool]) -> dict[str, list[str]]:
    """Part keys into those of one side, those of the other, and those on which both differ; each in its order."""
    lists = (
        [key for key in a if key not in b],
        [key for key in b if key not in a],
        [key for key in a if key in b and apart(key)],
    )
    return dict(zip(DIFFERENCES, lists, strict=True))


def _changes(one: Decision, other: Decision) -> list[str]:
    """Return the aspects in which two decisions about the same intent differ."""
    aspects = dict.fromkeys((*one.aspects, *other.aspects))
    return [aspect for aspect in aspects if one.aspects.get(aspect) != other.aspects.get(aspect)]


def _shown(key: str, a: Mapping[str, Said], b: Mapping[str, Said]) -> dict[str, object]:
    said = a.get(key) or b[key]
    found: dict[str, object] = {
        "cause_id": key.partition("/")[2],
        "desk_id": key.partition("/")[0],
        "market_id": said.market_id,
        "at_ns": said.at_ns,
    }
    for name, side in (("a", a), ("b", b)):
        if key in side:
            found[name] = {"envelope_id": side[key].envelope_id, "kinds": list(side[key].kinds)}
    return found


def _told(key: str, a: Mapping[str, Decision], b: Mapping[str, Decision]) -> dict[str, object]:
    """Return a decision: all of it where one side has it, what changed where both have."""
    known = a.get(key) or b[key]
    desk_id, _, intent_id = key.partition("/")
    found: dict[str, object] = {
        "intent_id": intent_id,
        "desk_id": desk_id,
        "market_id": known.market_id,
        "at_ns": known.at_ns,
    }
    if key in a and key in b:
        one, other = a[key].aspects, b[key].aspects
        changes = _changes(a[key], b[key])
        return found | {"changed": {aspect: {"a": one.get(aspect), "b": other.get(aspect)} for aspect in changes}}
    return found | {"a" if key in a else "b": known.aspects}
