"""Read the testable claim from a market's rules and score how ambiguous it is.

Says    `resolution_clarity` = 1 - ambiguity with the parsed claim; 0 (or `clarity_when_no_text`) when there is no text.
Why     A strategy that prices a market whose payoff is unclear sells insurance without reading the policy.
Source  Grammar and word lists: bots/maths/rules_text.py, version `rules-words-1`.

An unchanged text is not read again. Only outcomes of a neg-risk event need the memory of the lane: a rung that
overlaps a sibling's is a conflict, said of the one that came later. Perpetuals claim nothing and have no clarity.
`clarity_when_no_text` stands beside the catalogue's parameters for desks that run on captures, which carry no rules;
the reason stays INTEL_RULES_TEXT_MISSING.
"""

from typing import Annotated, NamedTuple

from bots.kit import BotConfig, Frac, Instant, Latest, On, Signal, State, fold
from bots.maths.rules_text import FIELDS, WORDS_VERSION, Claim, ambiguity_micros, is_contradicted, overlaps, read_claim
from contracts.market import Kind, MarketDefinition
from contracts.reasons import (
    INTEL_RULES_AMBIGUOUS,
    INTEL_RULES_CLEAR,
    INTEL_RULES_TEXT_MISSING,
    INTEL_RULES_UNTRADABLE,
)
from contracts.signal import SignalReport

MILLION, BINARY = 1_000_000, int(Kind.BINARY)


class Config(BotConfig):
    w_missing: Frac = 500_000
    w_vague: Frac = 200_000
    w_conflict: Frac = 300_000
    ambiguity_warn: Frac = 250_000
    ambiguity_hard: Frac = 500_000
    clarity_when_no_text: Frac = 0


class Sibling(NamedTuple):
    """The levels that an outcome of a neg-risk event claims."""

    event_id: str
    market_id: str
    rules_hash: str
    levels: tuple[tuple[str, float, float], ...]


class Memory(State):
    siblings: tuple[Sibling, ...] = ()


def read(
    config: Config,
    state: Memory,
    definition: On[MarketDefinition],
    said: Annotated[Latest[SignalReport | None], Signal("resolution_clarity")],
    now: Instant,
) -> tuple[Memory, Annotated[SignalReport | None, Signal("resolution_clarity")]]:
    """Parse a definition whose rules are new."""
    if definition.instrument_kind != BINARY or (said is not None and said.refs[0] == definition.rules_hash):
        return state, None
    if not definition.rules_text or not definition.rules_hash:
        value = config.clarity_when_no_text / MILLION
        return state, _report(value, "MISSING", (definition.rules_hash,), (), INTEL_RULES_TEXT_MISSING)
    claim = read_claim(definition.rules_text)
    conflict = is_contradicted(definition.title, definition.rules_text, claim)
    if definition.neg_risk:
        others = tuple(s for s in state.siblings if s.market_id != definition.market_id)
        conflict |= any(s.event_id == definition.event_id and overlaps(s.levels, claim.levels) for s in others)
        own = Sibling(definition.event_id, definition.market_id, definition.rules_hash, claim.levels)
        state = Memory((*others, own))
    return state, _judge(config, definition.rules_hash, claim, conflict)


def _judge(config: Config, rules_hash: str, claim: Claim, conflict: bool) -> SignalReport:
    weights = (config.w_missing, config.w_vague, config.w_conflict)
    ambiguity = ambiguity_micros(claim.missing, claim.vague, conflict, weights)
    if conflict:
        ambiguity = max(ambiguity, config.ambiguity_hard)
    label, reason = "CLEAR", INTEL_RULES_CLEAR
    if ambiguity >= config.ambiguity_hard or conflict:
        label, reason = "UNTRADABLE", INTEL_RULES_UNTRADABLE
    elif ambiguity >= config.ambiguity_warn:
        label, reason = "AMBIGUOUS", INTEL_RULES_AMBIGUOUS
    fields = (f"{name}={value}" for name, value in zip(FIELDS, claim.fields, strict=True))
    parts = (("missing", float(claim.missing)), ("vague", float(claim.vague)), ("conflict", float(conflict)))
    return _report(round(1 - ambiguity / MILLION, 4), label, (rules_hash, *fields), parts, reason)


def _report(
    value: float, label: str, refs: tuple[str, ...], parts: tuple[tuple[str, float], ...], reason: str
) -> SignalReport:
    return SignalReport("resolution_clarity", value, label, 0.0, value, 0, 0, WORDS_VERSION, parts, refs, reason)


BOT = fold(
    read,
    reasons={INTEL_RULES_CLEAR, INTEL_RULES_AMBIGUOUS, INTEL_RULES_UNTRADABLE, INTEL_RULES_TEXT_MISSING},
    per="desk",
)
