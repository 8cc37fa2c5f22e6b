"""Govern: desks, safety, commands, challenges, audit, incidents, gates. Closed contracts (decisions §5)."""

from contracts.base import Wire
from contracts.policy import AccountStanding, Baseline, ContractRow, DeskRole, Grant, KeyRecord, LegalRule, Slice
from contracts.units import Count, Hash, Id, LongText, Micros, Ns, OptionalId, Text

NORMAL, DEGRADED, SAFE, EMERGENCY_STOP = "NORMAL", "DEGRADED", "SAFE", "EMERGENCY_STOP"
ALLOW, CLOSE_ONLY, FLATTEN, BLOCK = "ALLOW", "CLOSE_ONLY", "FLATTEN", "BLOCK"
DESK_STATES = (
    "CREATED",
    "IDLE",
    "RUNNING_PAPER",
    "RUNNING_SHADOW",
    "RUNNING_LIVE",
    "PAUSED",
    "STOPPING",
    "ERROR",
    "QUARANTINED",
)


class DeskConfigured(Wire):
    """The first entry of a journal: a desk is born from it, and from one ConfigApplied per bot.

    desk_id          the desk
    desk_mode        paper, shadow, live or testnet_probe
    account          the account; a paper account for lab
    bots             ids of the bots of this desk, in rank order
    bot_modes        (bot_id, off | shadow | advisory | enforced | quarantine)
    required_gates   gates whose vote must exist, in order
    scope            market ids in scope; empty means the whole capture (paper only)
    start_micros     paper capital
    order_latency_ms, cancel_latency_ms, ack_latency_ms   latencies of the paper venue
    builder_code     whose flow this is
    boot_mode        safety mode at birth
    plan_hash        hash of the generated plan
    fingerprint      platform the run was made on
    overrides        (parameter, value) that differ from the catalogue's defaults
    queue_model      what the paper venue believes of the queue before an order: conservative or calibrated
    outages          (start, length) in seconds from birth: windows in which the paper venue is out of reach
    presign_gates    gates whose vote on a plan must exist, in order
    """

    desk_id: Id
    desk_mode: Text
    account: Id
    bots: tuple[Id, ...]
    bot_modes: tuple[tuple[Id, Text], ...]
    required_gates: tuple[Id, ...]
    scope: tuple[Id, ...]
    start_micros: Micros
    order_latency_ms: Count
    cancel_latency_ms: Count
    ack_latency_ms: Count
    builder_code: Id
    boot_mode: Text
    plan_hash: Text
    fingerprint: Text
    overrides: tuple[tuple[Text, Text], ...]
    queue_model: Text = "conservative"
    outages: tuple[tuple[Count, Count], ...] = ()
    presign_gates: tuple[Id, ...] = ()


class ConfigApplied(Wire):
    """The validated configuration of one bot took effect.

    bot_id          the bot
    bot_version     hash of the code it runs
    config_version  hash of the configuration
    values          the configuration, as JSON
    """

    bot_id: Id
    bot_version: Text
    config_version: Text
    values: LongText


class SafetyState(Wire):
    """What may be done at all. risk.kill_switch is its only writer.

    mode        NORMAL, DEGRADED, SAFE or EMERGENCY_STOP
    kill_level  ALLOW, CLOSE_ONLY, FLATTEN or BLOCK
    causes      what brought it about
    version     grows with every change
    cancel_all  resting orders must go
    since_ns    since when
    reason      its code
    """

    mode: Text
    kill_level: Text
    causes: tuple[Text, ...]
    version: Count
    cancel_all: bool
    since_ns: Ns
    reason: Text


class ControlCommand(Wire):
    """An operator's wish.

    command_id            derived by the sender; the same id has one effect
    actor                 who
    target                desk or bot
    requested_transition  what
    expected_state        state the actor believed in
    status                requested, challenged, confirmed or denied
    challenge_id          of the challenge; empty none
    reason                why, in words
    environment           dev, stage or prod
    desk_mode             paper, shadow, live
    trace_id              descent
    run_id                the run
    command_schema        version of this schema
    """

    command_id: Id
    actor: Id
    target: Id
    requested_transition: Text
    expected_state: Text
    status: Text
    challenge_id: OptionalId
    reason: Text
    environment: Text
    desk_mode: Text
    trace_id: OptionalId
    run_id: OptionalId
    command_schema: Count = 1


class Challenge(Wire):
    """What must be confirmed before a dangerous operation; it has no effect of its own.

    challenge_id     its id
    challenge_class  EXECUTION, CONFIG, DATA, ACCESS or OVERRIDE
    intent           in words
    requires         explicit_confirm, reason, typed_phrase, step_up, time_lock:<s>, second_actor
    binding          digest of operation, target, transition, parameters, environment, mode and requester
    expires_ns       not valid after
    """

    challenge_id: Id
    challenge_class: Text
    intent: Text
    requires: tuple[Text, ...]
    binding: Hash
    expires_ns: Ns


class AuditEvent(Wire):
    """One link of the audit chain.

    event_id       its id
    actor          who
    action         what
    resource_type  of what kind of thing
    resource_id    which
    outcome        SUCCESS, FAILURE or REJECTED
    occurred_at    nanoseconds UTC
    details        canonical JSON
    """

    event_id: Id
    actor: Id
    action: Text
    resource_type: Text
    resource_id: Text
    outcome: Text
    occurred_at: Ns
    details: LongText


class GateRule(Wire):
    """One rule of a promotion gate.

    rule_id  which
    passed   held
    message  in words; empty none
    """

    rule_id: Id
    passed: bool
    message: Text = ""


class GateResults(Wire):
    """What a promotion gate found. UNKNOWN is derived when read, never stored.

    run_id        the gate run
    gate          which gate
    passed        all rules held
    evaluated_at  nanoseconds UTC
    rules         the rules
    """

    run_id: Id
    gate: Text
    passed: bool
    evaluated_at: Ns
    rules: tuple[GateRule, ...]


class IncidentReport(Wire):
    """Something a person should know.

    incident_key   the same cause has the same key
    scope          desk, bot, market or account
    cause_family   which family of causes
    severity       P0, P1 or P2
    evidence       hashes or ids of what shows it
    opened_by      bot id
    reason         its code
    """

    incident_key: Id
    scope: Text
    cause_family: Text
    severity: Text
    evidence: tuple[Text, ...]
    opened_by: Id
    reason: Text


class EvidenceArtifact(Wire):
    """A signed result on which readiness may rest.

    bot_id        which bot
    evidence      test, fixture, replay, drill or approval
    code_hash     of the code
    config_hash   of the configuration
    data_range    what it ran on
    tool_version  what made it
    result        PASS or FAIL
    signed_by     key reference
    signature     over all of the above
    """

    bot_id: Id
    evidence: Text
    code_hash: Hash
    config_hash: Hash
    data_range: Text
    tool_version: Text
    result: Text
    signed_by: Text
    signature: Text


class PolicyBundle(Wire):
    """Signed configuration that several bots read.

    bundle_id        its id
    bundle_hash      SHA-256 of its content
    market_ids       allowed markets, qualified by venue (venue:id)
    event_tickers    allowed events
    series_tickers   allowed series
    denied           denied markets, events and counterparties
    certified_venues venues whose execution path is certified for live
    signed_by        key reference
    reviewed_edges   relations a person has reviewed: (IMPLIES | EXCLUSIVE | EQUIVALENT, market id, market id), or
                     (EXHAUSTIVE, event id, "")
    issued_ns        when it was issued; 0 never, which is stale
    roles            what each desk may be
    standings        who stands behind each account
    rules            rules of law and contract
    grants           what strategies may do with accounts
    keys             the register of keys
    contracts        contracts and hosts that may be signed for
    baselines        approved distributions of models
    slices           capital of strategies; a strategy without one has no bound of its own
    builder_codes    (venue, code) that orders must carry there
    spenders         (venue, spender) that may hold an allowance
    """

    bundle_id: Id
    bundle_hash: Text
    market_ids: tuple[Text, ...]
    event_tickers: tuple[Text, ...]
    series_tickers: tuple[Text, ...]
    denied: tuple[Text, ...]
    certified_venues: tuple[Text, ...]
    signed_by: Text
    reviewed_edges: tuple[tuple[Text, Id, OptionalId], ...] = ()
    issued_ns: Ns = 0
    roles: tuple[DeskRole, ...] = ()
    standings: tuple[AccountStanding, ...] = ()
    rules: tuple[LegalRule, ...] = ()
    grants: tuple[Grant, ...] = ()
    keys: tuple[KeyRecord, ...] = ()
    contracts: tuple[ContractRow, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    slices: tuple[Slice, ...] = ()
    builder_codes: tuple[tuple[Id, Text], ...] = ()
    spenders: tuple[tuple[Id, Text], ...] = ()
