"""Judge every envelope: its contract, its codes, its maker's authority and versions, its time and its cause.

Says    envelope_check when a bot's standing changes (VALID, WARN, INVALID) and for every refused envelope, naming it
        and what is wrong; an IncidentReport asking quarantine when a bot's invalid share passes the hard limit; LOST
        while no registry is known, since then nothing can be validated.
Why     Everything downstream reads envelopes. One that lies about who said it, or is only words, must not pass.
Source  bots/library.toml.

The registry is what the journal applied: DeskConfigured gives its hash, ConfigApplied each bot's versions. Shares are
over windows of 1,000 envelopes of a bot, and speak as soon as they pass a limit inside the window.
"""

from typing import Annotated

from msgspec import Struct, structs

from bots.kit import MILLION, BotConfig, Frac, Instant, Latest, Millis, On, Signal, State, fold
from bots.maths.ordered import find, put
from bots.maths.reported import Versions, fault_of, payload_of
from contracts.control import ConfigApplied, DeskConfigured, IncidentReport, PolicyBundle
from contracts.envelope import ReportEnvelope
from contracts.reasons import (
    GOV_ENVELOPE_BUDGET_WARN,
    GOV_ENVELOPE_INVALID,
    GOV_ENVELOPE_REGISTRY_LOST,
    GOV_ENVELOPE_VALID,
)
from contracts.signal import SignalReport

BOT_ID, WINDOW = "gov.envelope_validator", 1_000
NS_PER_MS = 1_000_000
REASONS = {
    "VALID": GOV_ENVELOPE_VALID,
    "WARN": GOV_ENVELOPE_BUDGET_WARN,
    "INVALID": GOV_ENVELOPE_INVALID,
    "LOST": GOV_ENVELOPE_REGISTRY_LOST,
}


class Config(BotConfig):
    """How far ahead of journal time an envelope may be, and the invalid shares that flag and ask quarantine."""

    skew_ms: Millis = 1_000
    warn_share: Frac = 1_000
    hard_share: Frac = 10_000


class Budget(Struct, frozen=True, gc=False):
    """One bot's window: envelopes seen, invalid among them, and what was said of it last."""

    seen: int = 0
    invalid: int = 0
    label: str = ""
    asked: bool = False


class Checked(State):
    """The registry, and the budget of every bot, by id."""

    registry: str = ""
    bots: tuple[str, ...] = ()
    versions: tuple[Versions, ...] = ()
    makers: tuple[str, ...] = ()
    budgets: tuple[Budget, ...] = ()


Said = tuple[Annotated[SignalReport, Signal("envelope_check")] | IncidentReport, ...]


def judge(
    config: Config,
    state: Checked,
    envelope: On[ReportEnvelope],
    policy: Latest[PolicyBundle | None],
    now: Instant,
) -> tuple[Checked, Said]:
    """Judge one envelope and its maker's budget."""
    state = _learned(state, envelope)
    lost = not state.registry and not (policy is not None and policy.bundle_hash)
    place = find(state.bots, envelope.bot_id)
    known = state.versions[place] if place >= 0 else None
    fault = "no registry" if lost else fault_of(envelope, known, now, config.skew_ms * NS_PER_MS)
    at = find(state.makers, envelope.bot_id)
    before = state.budgets[at] if at >= 0 else Budget()
    budget, said = _counted(config, before, envelope, fault, lost)
    makers = state.makers if at >= 0 else put(state.makers, at, envelope.bot_id)
    return structs.replace(state, makers=makers, budgets=put(state.budgets, at, budget)), said


def _counted(
    config: Config, before: Budget, envelope: ReportEnvelope, fault: str, lost: bool
) -> tuple[Budget, Said]:
    """Count an envelope into its maker's window and say what is new."""
    fresh = before.seen >= WINDOW
    seen = 1 if fresh else before.seen + 1
    invalid = (0 if fresh else before.invalid) + (not lost and bool(fault))
    share = invalid * MILLION // WINDOW
    warned = share > config.warn_share
    label = "LOST" if lost else "INVALID" if fault else "WARN" if warned else "VALID"
    asks = share > config.hard_share and not (before.asked and not fresh)
    budget = Budget(seen, invalid, label, asks or (before.asked and not fresh))
    said: Said = (_check(label, share, envelope, fault),) if fault or label != before.label else ()
    if warned and fault and before.label != "WARN":
        said, budget = (*said, _check("WARN", share, envelope, fault)), structs.replace(budget, label="WARN")
    if asks:
        maker, evidence = envelope.bot_id, (envelope.envelope_id, fault)
        incident = (f"{BOT_ID}/{maker}", maker, "invalid envelopes", "P1", evidence, BOT_ID, GOV_ENVELOPE_INVALID)
        said = (*said, IncidentReport(*incident))
    return budget, said


def _learned(state: Checked, envelope: ReportEnvelope) -> Checked:
    """Take in what the journal applied; only the desk's own birth may say so."""
    if envelope.payload_kind not in ("DeskConfigured", "ConfigApplied") or envelope.bot_id != "operators.desk":
        return state
    said = payload_of(envelope)
    if isinstance(said, DeskConfigured):
        return structs.replace(state, registry=said.plan_hash)
    if isinstance(said, ConfigApplied):
        place = find(state.bots, said.bot_id)
        bots = state.bots if place >= 0 else put(state.bots, place, said.bot_id)
        versions = put(state.versions, place, Versions(said.bot_version, said.config_version))
        return structs.replace(state, bots=bots, versions=versions)
    return state


def _check(label: str, share: int, envelope: ReportEnvelope, fault: str) -> SignalReport:
    refs = (envelope.bot_id, envelope.envelope_id, fault)
    return SignalReport("envelope_check", share / MILLION, label, 0.0, 1.0, 0, 0, "1", (), refs, REASONS[label])


BOT = fold(judge, reasons=set(REASONS.values()), per="desk")
