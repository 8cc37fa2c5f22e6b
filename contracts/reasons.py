"""Register every reason code: one line per code, with severity, owner and meaning.

Made by `python -m scripts.generate` from bots/library.toml and contracts/reasons.toml. A code states what is
the case, never what was done; it is never reused and never reworded.
"""

from typing import NamedTuple


class Code(NamedTuple):
    """A registered reason: how bad it is, whose it is (empty: a mechanism's), what it means."""

    severity: str
    owner: str
    meaning: str


INTEL_DEF_PUBLISHED = "INTEL_DEF_PUBLISHED"
INTEL_DEF_MATERIAL_CHANGE = "INTEL_DEF_MATERIAL_CHANGE"
INTEL_DEF_INVALID = "INTEL_DEF_INVALID"
INTEL_DEF_SOURCE_STALE = "INTEL_DEF_SOURCE_STALE"
INTEL_RULES_CLEAR = "INTEL_RULES_CLEAR"
INTEL_RULES_AMBIGUOUS = "INTEL_RULES_AMBIGUOUS"
INTEL_RULES_UNTRADABLE = "INTEL_RULES_UNTRADABLE"
INTEL_RULES_TEXT_MISSING = "INTEL_RULES_TEXT_MISSING"
INTEL_GRAPH_COHERENT = "INTEL_GRAPH_COHERENT"
INTEL_GRAPH_VIOLATION = "INTEL_GRAPH_VIOLATION"
INTEL_GRAPH_EDGE_CONFLICT = "INTEL_GRAPH_EDGE_CONFLICT"
INTEL_GRAPH_LEG_STALE = "INTEL_GRAPH_LEG_STALE"
INTEL_BOOK_OK = "INTEL_BOOK_OK"
INTEL_BOOK_DEGRADED = "INTEL_BOOK_DEGRADED"
INTEL_BOOK_RESYNC = "INTEL_BOOK_RESYNC"
INTEL_BOOK_FEED_SILENT = "INTEL_BOOK_FEED_SILENT"
INTEL_SNAP_OK = "INTEL_SNAP_OK"
INTEL_SNAP_AGED = "INTEL_SNAP_AGED"
INTEL_SNAP_INCOHERENT = "INTEL_SNAP_INCOHERENT"
INTEL_SNAP_COMPONENT_MISSING = "INTEL_SNAP_COMPONENT_MISSING"
INTEL_FLOW_BALANCED = "INTEL_FLOW_BALANCED"
INTEL_FLOW_PRESSURE = "INTEL_FLOW_PRESSURE"
INTEL_FLOW_SWEEP = "INTEL_FLOW_SWEEP"
INTEL_FLOW_BOOK_STALE = "INTEL_FLOW_BOOK_STALE"
INTEL_TOX_NORMAL = "INTEL_TOX_NORMAL"
INTEL_TOX_ELEVATED = "INTEL_TOX_ELEVATED"
INTEL_TOX_HIGH = "INTEL_TOX_HIGH"
INTEL_TOX_INSUFFICIENT = "INTEL_TOX_INSUFFICIENT"
INTEL_DECAY_RESILIENT = "INTEL_DECAY_RESILIENT"
INTEL_DECAY_SLOW = "INTEL_DECAY_SLOW"
INTEL_DECAY_CRITICAL = "INTEL_DECAY_CRITICAL"
INTEL_DECAY_NO_EVENTS = "INTEL_DECAY_NO_EVENTS"
INTEL_LIQ_FORECAST = "INTEL_LIQ_FORECAST"
INTEL_LIQ_DISAGREE = "INTEL_LIQ_DISAGREE"
INTEL_LIQ_VANISHING = "INTEL_LIQ_VANISHING"
INTEL_LIQ_NO_DATA = "INTEL_LIQ_NO_DATA"
INTEL_VOL_NORMAL = "INTEL_VOL_NORMAL"
INTEL_VOL_HOT = "INTEL_VOL_HOT"
INTEL_VOL_SHOCK = "INTEL_VOL_SHOCK"
INTEL_VOL_WARMUP = "INTEL_VOL_WARMUP"
INTEL_ANOM_NONE = "INTEL_ANOM_NONE"
INTEL_ANOM_LEVEL_SHIFT = "INTEL_ANOM_LEVEL_SHIFT"
INTEL_ANOM_INTEGRITY = "INTEL_ANOM_INTEGRITY"
INTEL_ANOM_BLIND = "INTEL_ANOM_BLIND"
INTEL_FUND_NORMAL = "INTEL_FUND_NORMAL"
INTEL_FUND_EXTREME = "INTEL_FUND_EXTREME"
INTEL_FUND_DISLOCATED = "INTEL_FUND_DISLOCATED"
INTEL_FUND_INDEX_MISSING = "INTEL_FUND_INDEX_MISSING"
INTEL_RES_OPEN = "INTEL_RES_OPEN"
INTEL_RES_NEAR = "INTEL_RES_NEAR"
INTEL_RES_DISPUTED = "INTEL_RES_DISPUTED"
INTEL_RES_ORACLE_STALE = "INTEL_RES_ORACLE_STALE"
INTEL_NEWS_ROUTINE = "INTEL_NEWS_ROUTINE"
INTEL_NEWS_MATERIAL = "INTEL_NEWS_MATERIAL"
INTEL_NEWS_RULE_HIT = "INTEL_NEWS_RULE_HIT"
INTEL_NEWS_FEED_STALE = "INTEL_NEWS_FEED_STALE"
INTEL_TFV_PRICED = "INTEL_TFV_PRICED"
INTEL_TFV_WIDE = "INTEL_TFV_WIDE"
INTEL_TFV_INELIGIBLE = "INTEL_TFV_INELIGIBLE"
INTEL_TFV_UNDERLYING_STALE = "INTEL_TFV_UNDERLYING_STALE"
INTEL_FV_PUBLISHED = "INTEL_FV_PUBLISHED"
INTEL_FV_UNCERTAIN = "INTEL_FV_UNCERTAIN"
INTEL_FV_DISAGREEMENT = "INTEL_FV_DISAGREEMENT"
INTEL_FV_NO_ANCHOR = "INTEL_FV_NO_ANCHOR"
INTEL_CAL_SKILLED = "INTEL_CAL_SKILLED"
INTEL_CAL_NO_SKILL = "INTEL_CAL_NO_SKILL"
INTEL_CAL_NEGATIVE = "INTEL_CAL_NEGATIVE"
INTEL_CAL_SPARSE = "INTEL_CAL_SPARSE"
DISC_ELIGIBLE = "DISC_ELIGIBLE"
DISC_MARGINAL = "DISC_MARGINAL"
DISC_INELIGIBLE = "DISC_INELIGIBLE"
DISC_SCAN_NO_SNAPSHOT = "DISC_SCAN_NO_SNAPSHOT"
DISC_RANKED = "DISC_RANKED"
DISC_TIER_DOWN = "DISC_TIER_DOWN"
DISC_TIER_DROPPED = "DISC_TIER_DROPPED"
DISC_RANK_INPUT_GAP = "DISC_RANK_INPUT_GAP"
DISC_CAL_CLEAR = "DISC_CAL_CLEAR"
DISC_CAL_PRE_EVENT = "DISC_CAL_PRE_EVENT"
DISC_CAL_LIVE_EVENT = "DISC_CAL_LIVE_EVENT"
DISC_CAL_STALE = "DISC_CAL_STALE"
DISC_QUEUE_PUBLISHED = "DISC_QUEUE_PUBLISHED"
DISC_QUEUE_THIN = "DISC_QUEUE_THIN"
DISC_QUEUE_EMPTY = "DISC_QUEUE_EMPTY"
DISC_QUEUE_NO_VALUES = "DISC_QUEUE_NO_VALUES"
DISC_NEW_STAGE = "DISC_NEW_STAGE"
DISC_NEW_PROBATION = "DISC_NEW_PROBATION"
DISC_NEW_BLOCKED = "DISC_NEW_BLOCKED"
DISC_NEW_REGISTRY_LOST = "DISC_NEW_REGISTRY_LOST"
DISC_PAIR_DIFFERENT = "DISC_PAIR_DIFFERENT"
DISC_PAIR_NEAR = "DISC_PAIR_NEAR"
DISC_PAIR_REVOKED = "DISC_PAIR_REVOKED"
DISC_PAIR_EQUIVALENT = "DISC_PAIR_EQUIVALENT"
DISC_PAIR_UNREVIEWED = "DISC_PAIR_UNREVIEWED"
RISK_BOOK_FRESH = "RISK_BOOK_FRESH"
RISK_BOOK_AGING = "RISK_BOOK_AGING"
RISK_STALE_BOOK = "RISK_STALE_BOOK"
RISK_BOOK_AGE_UNKNOWN = "RISK_BOOK_AGE_UNKNOWN"
RISK_MARKET_OPEN = "RISK_MARKET_OPEN"
RISK_MARKET_COOLOFF = "RISK_MARKET_COOLOFF"
RISK_MARKET_HALTED = "RISK_MARKET_HALTED"
RISK_MARKET_STATE_UNKNOWN = "RISK_MARKET_STATE_UNKNOWN"
RISK_KILL_SWITCH_CLEAR = "RISK_KILL_SWITCH_CLEAR"
RISK_SAFETY_DEGRADED = "RISK_SAFETY_DEGRADED"
RISK_KILL_SWITCH_GUARD = "RISK_KILL_SWITCH_GUARD"
RISK_SAFETY_UNKNOWN = "RISK_SAFETY_UNKNOWN"
RISK_ROLE_OK = "RISK_ROLE_OK"
RISK_ROLE_NOTIONAL_TRIMMED = "RISK_ROLE_NOTIONAL_TRIMMED"
RISK_ROLE_VIOLATION = "RISK_ROLE_VIOLATION"
RISK_ROLE_POLICY_INVALID = "RISK_ROLE_POLICY_INVALID"
RISK_COMPLIANCE_OK = "RISK_COMPLIANCE_OK"
RISK_COMPLIANCE_LIMIT_NEAR = "RISK_COMPLIANCE_LIMIT_NEAR"
RISK_COMPLIANCE_BLOCK = "RISK_COMPLIANCE_BLOCK"
RISK_COMPLIANCE_POLICY_STALE = "RISK_COMPLIANCE_POLICY_STALE"
RISK_SCOPE_OK = "RISK_SCOPE_OK"
RISK_SCOPE_ADVISORY_SKIP = "RISK_SCOPE_ADVISORY_SKIP"
RISK_SCOPE_BLOCK = "RISK_SCOPE_BLOCK"
RISK_SCOPE_CONFIG_INVALID = "RISK_SCOPE_CONFIG_INVALID"
RISK_API_HEALTHY = "RISK_API_HEALTHY"
RISK_API_DEGRADED = "RISK_API_DEGRADED"
RISK_API_DOWN = "RISK_API_DOWN"
RISK_API_HEALTH_UNKNOWN = "RISK_API_HEALTH_UNKNOWN"
RISK_ORACLE_OK = "RISK_ORACLE_OK"
RISK_ORACLE_NEAR_RESOLUTION = "RISK_ORACLE_NEAR_RESOLUTION"
RISK_ORACLE_BLOCK = "RISK_ORACLE_BLOCK"
RISK_ORACLE_UNKNOWN = "RISK_ORACLE_UNKNOWN"
RISK_LIQ_OK = "RISK_LIQ_OK"
RISK_LIQ_TRIMMED = "RISK_LIQ_TRIMMED"
RISK_LIQ_INSUFFICIENT = "RISK_LIQ_INSUFFICIENT"
RISK_LIQ_UNKNOWN = "RISK_LIQ_UNKNOWN"
RISK_MODEL_STABLE = "RISK_MODEL_STABLE"
RISK_MODEL_DRIFT_WARN = "RISK_MODEL_DRIFT_WARN"
RISK_MODEL_DRIFT = "RISK_MODEL_DRIFT"
RISK_MODEL_BASELINE_MISSING = "RISK_MODEL_BASELINE_MISSING"
RISK_DRAWDOWN_OK = "RISK_DRAWDOWN_OK"
RISK_DRAWDOWN_SCALED = "RISK_DRAWDOWN_SCALED"
RISK_DAILY_LOSS_GUARD = "RISK_DAILY_LOSS_GUARD"
RISK_DRAWDOWN_BREACH = "RISK_DRAWDOWN_BREACH"
RISK_EQUITY_UNKNOWN = "RISK_EQUITY_UNKNOWN"
RISK_ENTRY_ALLOWED = "RISK_ENTRY_ALLOWED"
RISK_ENTRY_SCALE_IN_ALLOWED = "RISK_ENTRY_SCALE_IN_ALLOWED"
RISK_ENTRY_LOW_CONFIDENCE = "RISK_ENTRY_LOW_CONFIDENCE"
RISK_ENTRY_COOLDOWN = "RISK_ENTRY_COOLDOWN"
RISK_ENTRY_MAX_POSITIONS = "RISK_ENTRY_MAX_POSITIONS"
RISK_ENTRY_MAX_EXPOSURE = "RISK_ENTRY_MAX_EXPOSURE"
RISK_ENTRY_SCALE_IN_REFUSED = "RISK_ENTRY_SCALE_IN_REFUSED"
RISK_ENTRY_REGIME_RULE = "RISK_ENTRY_REGIME_RULE"
RISK_POLICY_UNAVAILABLE = "RISK_POLICY_UNAVAILABLE"
RISK_CAPITAL_GRANTED = "RISK_CAPITAL_GRANTED"
RISK_CAPITAL_TRIMMED = "RISK_CAPITAL_TRIMMED"
RISK_ENTRY_INSUFFICIENT_CAPITAL = "RISK_ENTRY_INSUFFICIENT_CAPITAL"
RISK_CAPITAL_UNKNOWN = "RISK_CAPITAL_UNKNOWN"
RISK_EXPOSURE_OK = "RISK_EXPOSURE_OK"
RISK_EXPOSURE_CAP_NEAR = "RISK_EXPOSURE_CAP_NEAR"
RISK_EXPOSURE_CAP_HIT = "RISK_EXPOSURE_CAP_HIT"
RISK_EXPOSURE_UNKNOWN = "RISK_EXPOSURE_UNKNOWN"
RISK_CORR_NORMAL = "RISK_CORR_NORMAL"
RISK_CORR_CONCENTRATED = "RISK_CORR_CONCENTRATED"
RISK_CORR_SHOCK = "RISK_CORR_SHOCK"
RISK_CORR_UNKNOWN = "RISK_CORR_UNKNOWN"
RISK_TAIL_OK = "RISK_TAIL_OK"
RISK_TAIL_TRIMMED = "RISK_TAIL_TRIMMED"
RISK_TAIL_LOSS_BREACH = "RISK_TAIL_LOSS_BREACH"
RISK_TAIL_UNKNOWN = "RISK_TAIL_UNKNOWN"
RISK_SELF_TRADE_NONE = "RISK_SELF_TRADE_NONE"
RISK_SELF_TRADE_TRIMMED = "RISK_SELF_TRADE_TRIMMED"
RISK_SELF_TRADE = "RISK_SELF_TRADE"
RISK_SELF_TRADE_UNKNOWN = "RISK_SELF_TRADE_UNKNOWN"
RISK_CYCLE_OK = "RISK_CYCLE_OK"
RISK_CYCLE_NEAR_CAP = "RISK_CYCLE_NEAR_CAP"
RISK_MAX_ORDERS_PER_CYCLE_GUARD = "RISK_MAX_ORDERS_PER_CYCLE_GUARD"
RISK_MAX_NOTIONAL_PER_CYCLE_GUARD = "RISK_MAX_NOTIONAL_PER_CYCLE_GUARD"
RISK_RATE_BUDGET_EXHAUSTED = "RISK_RATE_BUDGET_EXHAUSTED"
RISK_RATE_STATE_UNKNOWN = "RISK_RATE_STATE_UNKNOWN"
RISK_REVALIDATED = "RISK_REVALIDATED"
RISK_EDGE_PARTIAL = "RISK_EDGE_PARTIAL"
RISK_PRICE_DRIFT = "RISK_PRICE_DRIFT"
RISK_EDGE_DECAYED = "RISK_EDGE_DECAYED"
RISK_REVALIDATION_BLIND = "RISK_REVALIDATION_BLIND"
SEC_PERMISSION_OK = "SEC_PERMISSION_OK"
SEC_PERMISSION_NEAR_LIMIT = "SEC_PERMISSION_NEAR_LIMIT"
SEC_PERMISSION_DENIED = "SEC_PERMISSION_DENIED"
SEC_PERMISSION_POLICY_MISSING = "SEC_PERMISSION_POLICY_MISSING"
SEC_KEY_OK = "SEC_KEY_OK"
SEC_KEY_ROTATE_SOON = "SEC_KEY_ROTATE_SOON"
SEC_KEY_INVALID = "SEC_KEY_INVALID"
SEC_KEY_STATE_MISSING = "SEC_KEY_STATE_MISSING"
SEC_CHAIN_QUORUM = "SEC_CHAIN_QUORUM"
SEC_CHAIN_DEGRADED = "SEC_CHAIN_DEGRADED"
SEC_CHAIN_QUORUM_LOST = "SEC_CHAIN_QUORUM_LOST"
SEC_CHAIN_NO_VIEW = "SEC_CHAIN_NO_VIEW"
SEC_CONTRACT_OK = "SEC_CONTRACT_OK"
SEC_CONTRACT_MIGRATION = "SEC_CONTRACT_MIGRATION"
SEC_CONTRACT_NOT_ALLOWED = "SEC_CONTRACT_NOT_ALLOWED"
SEC_CONTRACT_TABLE_MISSING = "SEC_CONTRACT_TABLE_MISSING"
SEC_STATE_VERIFIED = "SEC_STATE_VERIFIED"
SEC_STATE_TRIMMED = "SEC_STATE_TRIMMED"
SEC_STATE_MISMATCH = "SEC_STATE_MISMATCH"
SEC_STATE_UNAVAILABLE = "SEC_STATE_UNAVAILABLE"
SEC_ALLOWANCE_OK = "SEC_ALLOWANCE_OK"
SEC_ALLOWANCE_EXCESS = "SEC_ALLOWANCE_EXCESS"
SEC_ALLOWANCE_BLOCK = "SEC_ALLOWANCE_BLOCK"
SEC_ALLOWANCE_UNKNOWN = "SEC_ALLOWANCE_UNKNOWN"
SEC_PAYLOAD_MATCH = "SEC_PAYLOAD_MATCH"
SEC_PAYLOAD_ROUNDED = "SEC_PAYLOAD_ROUNDED"
SEC_PAYLOAD_MISMATCH = "SEC_PAYLOAD_MISMATCH"
SEC_PAYLOAD_UNDECODABLE = "SEC_PAYLOAD_UNDECODABLE"
SEC_SIGNED = "SEC_SIGNED"
SEC_SIGN_DUPLICATE = "SEC_SIGN_DUPLICATE"
SEC_SIGN_REFUSED = "SEC_SIGN_REFUSED"
SEC_SIGNER_UNAVAILABLE = "SEC_SIGNER_UNAVAILABLE"
SEC_COMMAND_CONFIRMED = "SEC_COMMAND_CONFIRMED"
SEC_COMMAND_CHALLENGED = "SEC_COMMAND_CHALLENGED"
SEC_COMMAND_DENIED = "SEC_COMMAND_DENIED"
SEC_COMMAND_DUPLICATE = "SEC_COMMAND_DUPLICATE"
SEC_COMMAND_AUDIT_DOWN = "SEC_COMMAND_AUDIT_DOWN"
EXEC_COST_ESTIMATED = "EXEC_COST_ESTIMATED"
EXEC_COST_BEYOND_BOOK = "EXEC_COST_BEYOND_BOOK"
EXEC_COST_PROHIBITIVE = "EXEC_COST_PROHIBITIVE"
EXEC_COST_UNKNOWN = "EXEC_COST_UNKNOWN"
EXEC_FILL_ESTIMATED = "EXEC_FILL_ESTIMATED"
EXEC_FILL_UNLIKELY = "EXEC_FILL_UNLIKELY"
EXEC_FILL_HOPELESS = "EXEC_FILL_HOPELESS"
EXEC_FILL_UNKNOWN = "EXEC_FILL_UNKNOWN"
EXEC_GAS_RUN = "EXEC_GAS_RUN"
EXEC_GAS_DEFER = "EXEC_GAS_DEFER"
EXEC_GAS_UNECONOMIC = "EXEC_GAS_UNECONOMIC"
EXEC_GAS_UNKNOWN = "EXEC_GAS_UNKNOWN"
EXEC_ROUTED = "EXEC_ROUTED"
EXEC_ROUTE_PASSIVE_FORCED = "EXEC_ROUTE_PASSIVE_FORCED"
EXEC_ROUTE_NO_VALUE = "EXEC_ROUTE_NO_VALUE"
EXEC_ROUTE_INPUT_MISSING = "EXEC_ROUTE_INPUT_MISSING"
EXEC_SHAPED = "EXEC_SHAPED"
EXEC_SHAPE_SLICED = "EXEC_SHAPE_SLICED"
EXEC_SHAPE_BELOW_MIN = "EXEC_SHAPE_BELOW_MIN"
EXEC_SHAPE_NO_DEFINITION = "EXEC_SHAPE_NO_DEFINITION"
EXEC_BUNDLE_COMPLETE = "EXEC_BUNDLE_COMPLETE"
EXEC_BUNDLE_RETRY = "EXEC_BUNDLE_RETRY"
EXEC_BUNDLE_UNWIND = "EXEC_BUNDLE_UNWIND"
EXEC_BUNDLE_STATE_LOST = "EXEC_BUNDLE_STATE_LOST"
EXEC_TOX_KEEP = "EXEC_TOX_KEEP"
EXEC_TOX_WIDEN = "EXEC_TOX_WIDEN"
EXEC_TOX_PULL = "EXEC_TOX_PULL"
EXEC_TOX_UNKNOWN = "EXEC_TOX_UNKNOWN"
EXEC_ID_ASSIGNED = "EXEC_ID_ASSIGNED"
EXEC_ID_REUSED = "EXEC_ID_REUSED"
EXEC_ID_EXHAUSTED = "EXEC_ID_EXHAUSTED"
EXEC_ID_COLLISION = "EXEC_ID_COLLISION"
EXEC_ORDER_ADVANCED = "EXEC_ORDER_ADVANCED"
EXEC_ORDER_PROVISIONAL = "EXEC_ORDER_PROVISIONAL"
EXEC_ORDER_ILLEGAL_MOVE = "EXEC_ORDER_ILLEGAL_MOVE"
EXEC_ORDER_UNKNOWN = "EXEC_ORDER_UNKNOWN"
EXEC_PENDING_RESOLVED = "EXEC_PENDING_RESOLVED"
EXEC_PENDING_WAITING = "EXEC_PENDING_WAITING"
EXEC_PENDING_LOST = "EXEC_PENDING_LOST"
EXEC_PENDING_TIMEOUT = "EXEC_PENDING_TIMEOUT"
EXEC_AMEND_DONE = "EXEC_AMEND_DONE"
EXEC_AMEND_SKIPPED = "EXEC_AMEND_SKIPPED"
EXEC_CANCEL_ESCALATED = "EXEC_CANCEL_ESCALATED"
EXEC_CANCEL_UNCONFIRMED = "EXEC_CANCEL_UNCONFIRMED"
EXEC_REST_OK = "EXEC_REST_OK"
EXEC_REST_TRIMMED = "EXEC_REST_TRIMMED"
EXEC_REST_ORPHAN = "EXEC_REST_ORPHAN"
EXEC_REST_BLIND = "EXEC_REST_BLIND"
EXEC_PARTIAL_HOLD = "EXEC_PARTIAL_HOLD"
EXEC_PARTIAL_CHASE = "EXEC_PARTIAL_CHASE"
EXEC_PARTIAL_CANCEL = "EXEC_PARTIAL_CANCEL"
EXEC_PARTIAL_UNKNOWN = "EXEC_PARTIAL_UNKNOWN"
EXEC_POSITION_UPDATED = "EXEC_POSITION_UPDATED"
EXEC_POSITION_DRIFT = "EXEC_POSITION_DRIFT"
EXEC_POSITION_NEGATIVE = "EXEC_POSITION_NEGATIVE"
EXEC_POSITION_UNPRICED = "EXEC_POSITION_UNPRICED"
EXEC_SETTLE_PLANNED = "EXEC_SETTLE_PLANNED"
EXEC_SETTLE_DEFERRED = "EXEC_SETTLE_DEFERRED"
EXEC_SETTLE_BLOCKED = "EXEC_SETTLE_BLOCKED"
EXEC_SETTLE_STATE_UNKNOWN = "EXEC_SETTLE_STATE_UNKNOWN"
STRAT_MT_QUOTE = "STRAT_MT_QUOTE"
STRAT_MT_ONE_SIDED = "STRAT_MT_ONE_SIDED"
STRAT_MT_NO_EDGE = "STRAT_MT_NO_EDGE"
STRAT_MT_INPUT_STALE = "STRAT_MT_INPUT_STALE"
STRAT_MW_QUOTE = "STRAT_MW_QUOTE"
STRAT_MW_CAPPED = "STRAT_MW_CAPPED"
STRAT_MW_NO_ANCHOR = "STRAT_MW_NO_ANCHOR"
STRAT_MW_INPUT_STALE = "STRAT_MW_INPUT_STALE"
STRAT_PARITY_BUNDLE = "STRAT_PARITY_BUNDLE"
STRAT_PARITY_THIN = "STRAT_PARITY_THIN"
STRAT_PARITY_NONE = "STRAT_PARITY_NONE"
STRAT_PARITY_INPUT_STALE = "STRAT_PARITY_INPUT_STALE"
STRAT_NEGRISK_BUNDLE = "STRAT_NEGRISK_BUNDLE"
STRAT_NEGRISK_LEG_SKIPPED = "STRAT_NEGRISK_LEG_SKIPPED"
STRAT_NEGRISK_NONE = "STRAT_NEGRISK_NONE"
STRAT_NEGRISK_INPUT_STALE = "STRAT_NEGRISK_INPUT_STALE"
STRAT_BREGMAN_BUNDLE = "STRAT_BREGMAN_BUNDLE"
STRAT_BREGMAN_VIEW_ONLY = "STRAT_BREGMAN_VIEW_ONLY"
STRAT_BREGMAN_COHERENT = "STRAT_BREGMAN_COHERENT"
STRAT_BREGMAN_UNSOLVED = "STRAT_BREGMAN_UNSOLVED"
STRAT_PAIR_OPEN = "STRAT_PAIR_OPEN"
STRAT_PAIR_CLOSE = "STRAT_PAIR_CLOSE"
STRAT_PAIR_NONE = "STRAT_PAIR_NONE"
STRAT_PAIR_INPUT_STALE = "STRAT_PAIR_INPUT_STALE"
STRAT_XVENUE_BUNDLE = "STRAT_XVENUE_BUNDLE"
STRAT_XVENUE_IMBALANCED = "STRAT_XVENUE_IMBALANCED"
STRAT_XVENUE_NONE = "STRAT_XVENUE_NONE"
STRAT_XVENUE_INPUT_STALE = "STRAT_XVENUE_INPUT_STALE"
STRAT_FVE_ENTER = "STRAT_FVE_ENTER"
STRAT_FVE_EXIT = "STRAT_FVE_EXIT"
STRAT_FVE_NO_EDGE = "STRAT_FVE_NO_EDGE"
STRAT_FVE_INPUT_STALE = "STRAT_FVE_INPUT_STALE"
STRAT_FLB_ADD = "STRAT_FLB_ADD"
STRAT_FLB_BASKET_FULL = "STRAT_FLB_BASKET_FULL"
STRAT_FLB_INACTIVE = "STRAT_FLB_INACTIVE"
STRAT_FLB_INPUT_STALE = "STRAT_FLB_INPUT_STALE"
STRAT_NEWS_TRADE = "STRAT_NEWS_TRADE"
STRAT_NEWS_EXIT = "STRAT_NEWS_EXIT"
STRAT_NEWS_LATE = "STRAT_NEWS_LATE"
STRAT_NEWS_INPUT_STALE = "STRAT_NEWS_INPUT_STALE"
STRAT_RFV_BUY = "STRAT_RFV_BUY"
STRAT_RFV_DISPUTE_REVIEW = "STRAT_RFV_DISPUTE_REVIEW"
STRAT_RFV_NONE = "STRAT_RFV_NONE"
STRAT_RFV_INPUT_STALE = "STRAT_RFV_INPUT_STALE"
STRAT_LRS_BUY = "STRAT_LRS_BUY"
STRAT_LRS_COOLING = "STRAT_LRS_COOLING"
STRAT_LRS_NONE = "STRAT_LRS_NONE"
STRAT_LRS_INPUT_STALE = "STRAT_LRS_INPUT_STALE"
STRAT_CURVE_ENTER = "STRAT_CURVE_ENTER"
STRAT_CURVE_EXIT = "STRAT_CURVE_EXIT"
STRAT_CURVE_NONE = "STRAT_CURVE_NONE"
STRAT_CURVE_INPUT_STALE = "STRAT_CURVE_INPUT_STALE"
STRAT_CAL_OPEN = "STRAT_CAL_OPEN"
STRAT_CAL_CLOSE = "STRAT_CAL_CLOSE"
STRAT_CAL_NONE = "STRAT_CAL_NONE"
STRAT_CAL_INPUT_STALE = "STRAT_CAL_INPUT_STALE"
STRAT_DISPUTE_BUY = "STRAT_DISPUTE_BUY"
STRAT_DISPUTE_AWAIT_SIGNOFF = "STRAT_DISPUTE_AWAIT_SIGNOFF"
STRAT_DISPUTE_NONE = "STRAT_DISPUTE_NONE"
STRAT_DISPUTE_INPUT_STALE = "STRAT_DISPUTE_INPUT_STALE"
STRAT_MR_ENTER = "STRAT_MR_ENTER"
STRAT_MR_EXIT = "STRAT_MR_EXIT"
STRAT_MR_NONE = "STRAT_MR_NONE"
STRAT_MR_INPUT_STALE = "STRAT_MR_INPUT_STALE"
STRAT_BO_STAGE = "STRAT_BO_STAGE"
STRAT_BO_EXIT = "STRAT_BO_EXIT"
STRAT_BO_NONE = "STRAT_BO_NONE"
STRAT_BO_INPUT_STALE = "STRAT_BO_INPUT_STALE"
STRAT_OFI_ENTER = "STRAT_OFI_ENTER"
STRAT_OFI_EXIT = "STRAT_OFI_EXIT"
STRAT_OFI_NONE = "STRAT_OFI_NONE"
STRAT_OFI_INPUT_STALE = "STRAT_OFI_INPUT_STALE"
STRAT_PULSE_QUOTE = "STRAT_PULSE_QUOTE"
STRAT_PULSE_PROBATION = "STRAT_PULSE_PROBATION"
STRAT_PULSE_NONE = "STRAT_PULSE_NONE"
STRAT_PULSE_INPUT_STALE = "STRAT_PULSE_INPUT_STALE"
STRAT_VH_QUOTE = "STRAT_VH_QUOTE"
STRAT_VH_REDUCE = "STRAT_VH_REDUCE"
STRAT_VH_NONE = "STRAT_VH_NONE"
STRAT_VH_INPUT_STALE = "STRAT_VH_INPUT_STALE"
STRAT_BASIS_ENTER = "STRAT_BASIS_ENTER"
STRAT_BASIS_REHEDGE = "STRAT_BASIS_REHEDGE"
STRAT_BASIS_NONE = "STRAT_BASIS_NONE"
STRAT_BASIS_INPUT_STALE = "STRAT_BASIS_INPUT_STALE"
STRAT_CARRY_OPEN = "STRAT_CARRY_OPEN"
STRAT_CARRY_REBALANCE = "STRAT_CARRY_REBALANCE"
STRAT_CARRY_NONE = "STRAT_CARRY_NONE"
STRAT_CARRY_INPUT_STALE = "STRAT_CARRY_INPUT_STALE"
STRAT_HEDGE_PLACE = "STRAT_HEDGE_PLACE"
STRAT_HEDGE_TRIM = "STRAT_HEDGE_TRIM"
STRAT_HEDGE_NOT_WORTH = "STRAT_HEDGE_NOT_WORTH"
STRAT_HEDGE_INPUT_STALE = "STRAT_HEDGE_INPUT_STALE"
STRAT_UNWIND_SLICE = "STRAT_UNWIND_SLICE"
STRAT_UNWIND_WAIT = "STRAT_UNWIND_WAIT"
STRAT_UNWIND_HALTED = "STRAT_UNWIND_HALTED"
STRAT_UNWIND_STATE_LOST = "STRAT_UNWIND_STATE_LOST"
GOV_API_OK = "GOV_API_OK"
GOV_API_DEGRADED = "GOV_API_DEGRADED"
GOV_API_DOWN = "GOV_API_DOWN"
GOV_API_PROBE_LOST = "GOV_API_PROBE_LOST"
GOV_AUDIT_ACK = "GOV_AUDIT_ACK"
GOV_AUDIT_GAP = "GOV_AUDIT_GAP"
GOV_AUDIT_SECRET_BLOCKED = "GOV_AUDIT_SECRET_BLOCKED"
GOV_AUDIT_SINK_DOWN = "GOV_AUDIT_SINK_DOWN"
GOV_ENVELOPE_VALID = "GOV_ENVELOPE_VALID"
GOV_ENVELOPE_BUDGET_WARN = "GOV_ENVELOPE_BUDGET_WARN"
GOV_ENVELOPE_INVALID = "GOV_ENVELOPE_INVALID"
GOV_ENVELOPE_REGISTRY_LOST = "GOV_ENVELOPE_REGISTRY_LOST"
GOV_BUILDER_COVERED = "GOV_BUILDER_COVERED"
GOV_BUILDER_DRIFT = "GOV_BUILDER_DRIFT"
GOV_BUILDER_MISSING = "GOV_BUILDER_MISSING"
GOV_BUILDER_STATEMENT_LATE = "GOV_BUILDER_STATEMENT_LATE"
GOV_HEARTBEAT_OK = "GOV_HEARTBEAT_OK"
GOV_HEARTBEAT_MISSED = "GOV_HEARTBEAT_MISSED"
GOV_HEARTBEAT_DEAD = "GOV_HEARTBEAT_DEAD"
GOV_HEARTBEAT_STALLED = "GOV_HEARTBEAT_STALLED"
GOV_SLA_MET = "GOV_SLA_MET"
GOV_SLA_BURN_SLOW = "GOV_SLA_BURN_SLOW"
GOV_SLA_BURN_FAST = "GOV_SLA_BURN_FAST"
GOV_SLA_NO_DATA = "GOV_SLA_NO_DATA"
GOV_PNL_REPORTED = "GOV_PNL_REPORTED"
GOV_PNL_ESTIMATED = "GOV_PNL_ESTIMATED"
GOV_PNL_IDENTITY_BROKEN = "GOV_PNL_IDENTITY_BROKEN"
GOV_PNL_INPUT_MISSING = "GOV_PNL_INPUT_MISSING"
GOV_RECON_OK = "GOV_RECON_OK"
GOV_RECON_TIMING = "GOV_RECON_TIMING"
GOV_RECON_BREAK = "GOV_RECON_BREAK"
GOV_RECON_SOURCE_MISSING = "GOV_RECON_SOURCE_MISSING"
GOV_REPLAY_MATCH = "GOV_REPLAY_MATCH"
GOV_REPLAY_CHANGED = "GOV_REPLAY_CHANGED"
GOV_REPLAY_DIVERGED = "GOV_REPLAY_DIVERGED"
GOV_REPLAY_INCOMPLETE = "GOV_REPLAY_INCOMPLETE"
GOV_BACKTEST_DONE = "GOV_BACKTEST_DONE"
GOV_BACKTEST_FRAGILE = "GOV_BACKTEST_FRAGILE"
GOV_BACKTEST_OVERFIT = "GOV_BACKTEST_OVERFIT"
GOV_BACKTEST_DATA_GAP = "GOV_BACKTEST_DATA_GAP"
GOV_TCA_REPORTED = "GOV_TCA_REPORTED"
GOV_TCA_BIAS = "GOV_TCA_BIAS"
GOV_TCA_ADVERSE = "GOV_TCA_ADVERSE"
GOV_TCA_INPUT_MISSING = "GOV_TCA_INPUT_MISSING"
GOV_EXPLAIN_COMPLETE = "GOV_EXPLAIN_COMPLETE"
GOV_EXPLAIN_PARTIAL = "GOV_EXPLAIN_PARTIAL"
GOV_EXPLAIN_BROKEN = "GOV_EXPLAIN_BROKEN"
GOV_EXPLAIN_INDEX_LOST = "GOV_EXPLAIN_INDEX_LOST"
GOV_CONFIG_MATCH = "GOV_CONFIG_MATCH"
GOV_CONFIG_OVERRIDDEN = "GOV_CONFIG_OVERRIDDEN"
GOV_CONFIG_DRIFT = "GOV_CONFIG_DRIFT"
GOV_CONFIG_BASELINE_MISSING = "GOV_CONFIG_BASELINE_MISSING"
GOV_INCIDENT_CLOSED = "GOV_INCIDENT_CLOSED"
GOV_INCIDENT_OPEN = "GOV_INCIDENT_OPEN"
GOV_INCIDENT_P0 = "GOV_INCIDENT_P0"
GOV_INCIDENT_UNACKED = "GOV_INCIDENT_UNACKED"
GOV_LIFECYCLE_MOVED = "GOV_LIFECYCLE_MOVED"
GOV_LIFECYCLE_DUPLICATE = "GOV_LIFECYCLE_DUPLICATE"
GOV_LIFECYCLE_REFUSED = "GOV_LIFECYCLE_REFUSED"
GOV_LIFECYCLE_STUCK = "GOV_LIFECYCLE_STUCK"
GOV_READINESS_SET = "GOV_READINESS_SET"
GOV_READINESS_EXPIRING = "GOV_READINESS_EXPIRING"
GOV_READINESS_DEMOTED = "GOV_READINESS_DEMOTED"
GOV_READINESS_EVIDENCE_LOST = "GOV_READINESS_EVIDENCE_LOST"
GOV_STRATEGY_PROMOTED = "GOV_STRATEGY_PROMOTED"
GOV_STRATEGY_PENDING = "GOV_STRATEGY_PENDING"
GOV_STRATEGY_DEMOTED = "GOV_STRATEGY_DEMOTED"
GOV_STRATEGY_LEDGER_LOST = "GOV_STRATEGY_LEDGER_LOST"
GOV_EXPERIMENT_RUNNING = "GOV_EXPERIMENT_RUNNING"
GOV_EXPERIMENT_VERDICT = "GOV_EXPERIMENT_VERDICT"
GOV_EXPERIMENT_GUARDRAIL = "GOV_EXPERIMENT_GUARDRAIL"
GOV_EXPERIMENT_UNREGISTERED = "GOV_EXPERIMENT_UNREGISTERED"
GOV_REVENUE_MATCHED = "GOV_REVENUE_MATCHED"
GOV_REVENUE_DRIFT = "GOV_REVENUE_DRIFT"
GOV_REVENUE_BREAK = "GOV_REVENUE_BREAK"
GOV_REVENUE_STATEMENT_MISSING = "GOV_REVENUE_STATEMENT_MISSING"
INTEL_INPUT_MISSING = "INTEL_INPUT_MISSING"
INTEL_INPUT_STALE = "INTEL_INPUT_STALE"
INTEL_BOT_FAULT = "INTEL_BOT_FAULT"
DISC_INPUT_MISSING = "DISC_INPUT_MISSING"
DISC_INPUT_STALE = "DISC_INPUT_STALE"
DISC_BOT_FAULT = "DISC_BOT_FAULT"
STRAT_INPUT_MISSING = "STRAT_INPUT_MISSING"
STRAT_INPUT_STALE = "STRAT_INPUT_STALE"
STRAT_BOT_FAULT = "STRAT_BOT_FAULT"
RISK_INPUT_MISSING = "RISK_INPUT_MISSING"
RISK_INPUT_STALE = "RISK_INPUT_STALE"
RISK_BOT_FAULT = "RISK_BOT_FAULT"
EXEC_INPUT_MISSING = "EXEC_INPUT_MISSING"
EXEC_INPUT_STALE = "EXEC_INPUT_STALE"
EXEC_BOT_FAULT = "EXEC_BOT_FAULT"
SEC_INPUT_MISSING = "SEC_INPUT_MISSING"
SEC_INPUT_STALE = "SEC_INPUT_STALE"
SEC_BOT_FAULT = "SEC_BOT_FAULT"
GOV_INPUT_MISSING = "GOV_INPUT_MISSING"
GOV_INPUT_STALE = "GOV_INPUT_STALE"
GOV_BOT_FAULT = "GOV_BOT_FAULT"
RISK_GATE_APPROVED = "RISK_GATE_APPROVED"
RISK_VOTE_MISSING = "RISK_VOTE_MISSING"
RISK_BELOW_MINIMUM = "RISK_BELOW_MINIMUM"
RISK_BOT_QUARANTINED = "RISK_BOT_QUARANTINED"
RISK_WITHDRAW_PASSED = "RISK_WITHDRAW_PASSED"
EXEC_VENUE_ACK = "EXEC_VENUE_ACK"
EXEC_VENUE_MATCH = "EXEC_VENUE_MATCH"
EXEC_VENUE_REJECT = "EXEC_VENUE_REJECT"
EXEC_VENUE_DONE = "EXEC_VENUE_DONE"
EXEC_SETTLED = "EXEC_SETTLED"
GOV_DESK_CONFIGURED = "GOV_DESK_CONFIGURED"
GOV_CONFIG_APPLIED = "GOV_CONFIG_APPLIED"
GOV_FACT_RECEIVED = "GOV_FACT_RECEIVED"
INTEL_FRAME_NOT_JSON = "INTEL_FRAME_NOT_JSON"
INTEL_FRAME_UNKNOWN_KIND = "INTEL_FRAME_UNKNOWN_KIND"
INTEL_FRAME_BAD_FIELD = "INTEL_FRAME_BAD_FIELD"
INTEL_FRAME_BAD_PRICE = "INTEL_FRAME_BAD_PRICE"
INTEL_FRAME_BAD_SIZE = "INTEL_FRAME_BAD_SIZE"
INTEL_FRAME_NO_MARKET = "INTEL_FRAME_NO_MARKET"
RISK_ORDER_AUTHORISED = "RISK_ORDER_AUTHORISED"

# fmt: off
REGISTRY: dict[str, Code] = {
    INTEL_DEF_PUBLISHED: Code("INFO", "intel.instrument_registry", "new or unchanged definition version published"),
    INTEL_DEF_MATERIAL_CHANGE: Code("WARN", "intel.instrument_registry", "tick, fee, expiry or rules changed on a live instrument and REVIEW hold started"),
    INTEL_DEF_INVALID: Code("HARD", "intel.instrument_registry", "record breaks a validity rule and no definition is emitted"),
    INTEL_DEF_SOURCE_STALE: Code("CRITICAL", "intel.instrument_registry", "no instrument record inside the age budget"),
    INTEL_RULES_CLEAR: Code("INFO", "intel.resolution_rule_parser", "ambiguity below the warning level"),
    INTEL_RULES_AMBIGUOUS: Code("WARN", "intel.resolution_rule_parser", "ambiguity between warning and hard level"),
    INTEL_RULES_UNTRADABLE: Code("HARD", "intel.resolution_rule_parser", "ambiguity at or above the hard level or a title conflict was found"),
    INTEL_RULES_TEXT_MISSING: Code("CRITICAL", "intel.resolution_rule_parser", "definition carries no rules text or hash"),
    INTEL_GRAPH_COHERENT: Code("INFO", "intel.cross_market_graph", "no violation above the minimum"),
    INTEL_GRAPH_VIOLATION: Code("WARN", "intel.cross_market_graph", "executable violation persisted"),
    INTEL_GRAPH_EDGE_CONFLICT: Code("HARD", "intel.cross_market_graph", "edge set is contradictory, for example an implication cycle between unequal ladders"),
    INTEL_GRAPH_LEG_STALE: Code("CRITICAL", "intel.cross_market_graph", "a leg is stale so the relation is unknown"),
    INTEL_BOOK_OK: Code("INFO", "intel.book_builder", "contiguous uncrossed book published"),
    INTEL_BOOK_DEGRADED: Code("WARN", "intel.book_builder", "book published with quality below 1"),
    INTEL_BOOK_RESYNC: Code("HARD", "intel.book_builder", "gap, hash failure or persistent cross and book withheld"),
    INTEL_BOOK_FEED_SILENT: Code("CRITICAL", "intel.book_builder", "no record inside max_gap_ms while the venue reports the market open"),
    INTEL_SNAP_OK: Code("INFO", "intel.snapshot_assembler", "snapshot with all components inside budget"),
    INTEL_SNAP_AGED: Code("WARN", "intel.snapshot_assembler", "at least one component past budget, quality reduced"),
    INTEL_SNAP_INCOHERENT: Code("HARD", "intel.snapshot_assembler", "mirror or mark check failed"),
    INTEL_SNAP_COMPONENT_MISSING: Code("CRITICAL", "intel.snapshot_assembler", "a required component never arrived, nothing emitted"),
    INTEL_FLOW_BALANCED: Code("INFO", "intel.order_flow_analyzer", "absolute ofi_z below the warning level"),
    INTEL_FLOW_PRESSURE: Code("WARN", "intel.order_flow_analyzer", "absolute ofi_z at or above the warning level"),
    INTEL_FLOW_SWEEP: Code("HARD", "intel.order_flow_analyzer", "sweep detected or ofi_z at or above the hard level"),
    INTEL_FLOW_BOOK_STALE: Code("CRITICAL", "intel.order_flow_analyzer", "book older than budget so no value emitted"),
    INTEL_TOX_NORMAL: Code("INFO", "intel.flow_toxicity", "percentile below warn_pct"),
    INTEL_TOX_ELEVATED: Code("WARN", "intel.flow_toxicity", "percentile between warn_pct and toxic_pct"),
    INTEL_TOX_HIGH: Code("HARD", "intel.flow_toxicity", "percentile at or above toxic_pct"),
    INTEL_TOX_INSUFFICIENT: Code("CRITICAL", "intel.flow_toxicity", "fewer than min_history buckets so toxicity is unknown"),
    INTEL_DECAY_RESILIENT: Code("INFO", "intel.liquidity_decay_monitor", "branching and half-life inside limits"),
    INTEL_DECAY_SLOW: Code("WARN", "intel.liquidity_decay_monitor", "branching above warning or half-life above half the hard limit"),
    INTEL_DECAY_CRITICAL: Code("HARD", "intel.liquidity_decay_monitor", "branching at or above the hard limit or half-life above it"),
    INTEL_DECAY_NO_EVENTS: Code("CRITICAL", "intel.liquidity_decay_monitor", "no touch events in the window so rates are unknown"),
    INTEL_LIQ_FORECAST: Code("INFO", "intel.liquidity_forecast_model", "forecast with at least two agreeing estimators"),
    INTEL_LIQ_DISAGREE: Code("WARN", "intel.liquidity_forecast_model", "estimators differ by more than the ratio limit"),
    INTEL_LIQ_VANISHING: Code("HARD", "intel.liquidity_forecast_model", "forecast depth below the floor"),
    INTEL_LIQ_NO_DATA: Code("CRITICAL", "intel.liquidity_forecast_model", "fewer than two bars available"),
    INTEL_VOL_NORMAL: Code("INFO", "intel.volatility_estimator", "regime CALM or NORMAL"),
    INTEL_VOL_HOT: Code("WARN", "intel.volatility_estimator", "regime HOT"),
    INTEL_VOL_SHOCK: Code("HARD", "intel.volatility_estimator", "regime SHOCK"),
    INTEL_VOL_WARMUP: Code("CRITICAL", "intel.volatility_estimator", "fewer than m returns so volatility is unknown"),
    INTEL_ANOM_NONE: Code("INFO", "intel.anomaly_detector", "all statistics inside control limits"),
    INTEL_ANOM_LEVEL_SHIFT: Code("WARN", "intel.anomaly_detector", "CUSUM alarm on at least one series"),
    INTEL_ANOM_INTEGRITY: Code("HARD", "intel.anomaly_detector", "physically impossible or incoherent datum"),
    INTEL_ANOM_BLIND: Code("CRITICAL", "intel.anomaly_detector", "input series missing so detection is off"),
    INTEL_FUND_NORMAL: Code("INFO", "intel.funding_basis", "prediction inside usual range"),
    INTEL_FUND_EXTREME: Code("WARN", "intel.funding_basis", "basis_z above limit or prediction at the cap"),
    INTEL_FUND_DISLOCATED: Code("HARD", "intel.funding_basis", "mark-index gap above mark_gap_hard"),
    INTEL_FUND_INDEX_MISSING: Code("CRITICAL", "intel.funding_basis", "no index so no prediction"),
    INTEL_RES_OPEN: Code("INFO", "intel.market_resolution_watcher", "market open and more than 24 h from expiry"),
    INTEL_RES_NEAR: Code("WARN", "intel.market_resolution_watcher", "within 24 h, 1 h or proposed"),
    INTEL_RES_DISPUTED: Code("HARD", "intel.market_resolution_watcher", "proposal disputed or market voided"),
    INTEL_RES_ORACLE_STALE: Code("CRITICAL", "intel.market_resolution_watcher", "oracle view older than budget inside T24H"),
    INTEL_NEWS_ROUTINE: Code("INFO", "intel.news_ingest", "materiality below the minimum"),
    INTEL_NEWS_MATERIAL: Code("WARN", "intel.news_ingest", "material item matched to an open instrument"),
    INTEL_NEWS_RULE_HIT: Code("HARD", "intel.news_ingest", "item from the named resolution authority states the outcome"),
    INTEL_NEWS_FEED_STALE: Code("CRITICAL", "intel.news_ingest", "no item or heartbeat from the feed inside budget"),
    INTEL_TFV_PRICED: Code("INFO", "intel.threshold_fair_value", "probability and standard error published"),
    INTEL_TFV_WIDE: Code("WARN", "intel.threshold_fair_value", "standard error above 0.05"),
    INTEL_TFV_INELIGIBLE: Code("HARD", "intel.threshold_fair_value", "claim not numeric, or measurement unknown, or tau below minimum"),
    INTEL_TFV_UNDERLYING_STALE: Code("CRITICAL", "intel.threshold_fair_value", "index or volatility missing"),
    INTEL_FV_PUBLISHED: Code("INFO", "intel.fair_value_engine", "two or more anchors agree"),
    INTEL_FV_UNCERTAIN: Code("WARN", "intel.fair_value_engine", "standard error above the warning level or a single anchor"),
    INTEL_FV_DISAGREEMENT: Code("HARD", "intel.fair_value_engine", "anchor disagreement above the hard level and value flagged not tradable"),
    INTEL_FV_NO_ANCHOR: Code("CRITICAL", "intel.fair_value_engine", "no live anchor so nothing published"),
    INTEL_CAL_SKILLED: Code("INFO", "intel.calibration_monitor", "skill at or above the warning level"),
    INTEL_CAL_NO_SKILL: Code("WARN", "intel.calibration_monitor", "skill between hard and warning level"),
    INTEL_CAL_NEGATIVE: Code("HARD", "intel.calibration_monitor", "skill below the hard level with n above minimum"),
    INTEL_CAL_SPARSE: Code("CRITICAL", "intel.calibration_monitor", "fewer than min_n resolved forecasts so map is identity"),
    DISC_ELIGIBLE: Code("INFO", "disc.market_scanner", "instrument passes every filter"),
    DISC_MARGINAL: Code("WARN", "disc.market_scanner", "eligible only through hysteresis"),
    DISC_INELIGIBLE: Code("HARD", "disc.market_scanner", "a filter fails"),
    DISC_SCAN_NO_SNAPSHOT: Code("CRITICAL", "disc.market_scanner", "no snapshot inside budget so instrument is removed"),
    DISC_RANKED: Code("INFO", "disc.market_quality_ranker", "score and tier published"),
    DISC_TIER_DOWN: Code("WARN", "disc.market_quality_ranker", "tier lowered one step"),
    DISC_TIER_DROPPED: Code("HARD", "disc.market_quality_ranker", "score below drop_now and tier set to C at once"),
    DISC_RANK_INPUT_GAP: Code("CRITICAL", "disc.market_quality_ranker", "a utility has no input and score is withheld"),
    DISC_CAL_CLEAR: Code("INFO", "disc.event_calendar_mapper", "no window active"),
    DISC_CAL_PRE_EVENT: Code("WARN", "disc.event_calendar_mapper", "pre-event window active"),
    DISC_CAL_LIVE_EVENT: Code("HARD", "disc.event_calendar_mapper", "high-impact event in progress"),
    DISC_CAL_STALE: Code("CRITICAL", "disc.event_calendar_mapper", "calendar older than a day so windows are unknown"),
    DISC_QUEUE_PUBLISHED: Code("INFO", "disc.opportunity_queue", "ranked list per family"),
    DISC_QUEUE_THIN: Code("WARN", "disc.opportunity_queue", "fewer than a quarter of top_k have positive value"),
    DISC_QUEUE_EMPTY: Code("HARD", "disc.opportunity_queue", "no positive value in the family"),
    DISC_QUEUE_NO_VALUES: Code("CRITICAL", "disc.opportunity_queue", "no FairValue or violation input inside budget"),
    DISC_NEW_STAGE: Code("INFO", "disc.new_market_watcher", "stage advanced"),
    DISC_NEW_PROBATION: Code("WARN", "disc.new_market_watcher", "candidate published under probation cap"),
    DISC_NEW_BLOCKED: Code("HARD", "disc.new_market_watcher", "incomplete or unclear definition kept at LISTED"),
    DISC_NEW_REGISTRY_LOST: Code("CRITICAL", "disc.new_market_watcher", "registry stale so new listings cannot be trusted"),
    DISC_PAIR_DIFFERENT: Code("INFO", "disc.duplicate_market_detector", "no related pair"),
    DISC_PAIR_NEAR: Code("WARN", "disc.duplicate_market_detector", "related but not hedgeable"),
    DISC_PAIR_REVOKED: Code("HARD", "disc.duplicate_market_detector", "equivalence revoked by a rules change"),
    DISC_PAIR_EQUIVALENT: Code("INFO", "disc.duplicate_market_detector", "reviewed equivalent pair usable as hedge"),
    DISC_PAIR_UNREVIEWED: Code("CRITICAL", "disc.duplicate_market_detector", "similarity passes but no human review is on file"),
    RISK_BOOK_FRESH: Code("INFO", "risk.stale_book", "book inside warning age"),
    RISK_BOOK_AGING: Code("WARN", "risk.stale_book", "book between warning and maximum age"),
    RISK_STALE_BOOK: Code("HARD", "risk.stale_book", "book older than maximum or quality below minimum"),
    RISK_BOOK_AGE_UNKNOWN: Code("CRITICAL", "risk.stale_book", "no snapshot or hash mismatch so age cannot be proven"),
    RISK_MARKET_OPEN: Code("INFO", "risk.market_halt", "no halt condition"),
    RISK_MARKET_COOLOFF: Code("WARN", "risk.market_halt", "conditions cleared, waiting out the cool-off"),
    RISK_MARKET_HALTED: Code("HARD", "risk.market_halt", "market quarantined"),
    RISK_MARKET_STATE_UNKNOWN: Code("CRITICAL", "risk.market_halt", "snapshot missing or detector blind so treated as halted"),
    RISK_KILL_SWITCH_CLEAR: Code("INFO", "risk.kill_switch", "mode NORMAL"),
    RISK_SAFETY_DEGRADED: Code("WARN", "risk.kill_switch", "mode DEGRADED and size reduced"),
    RISK_KILL_SWITCH_GUARD: Code("HARD", "risk.kill_switch", "SAFE or EMERGENCY_STOP blocks the intent"),
    RISK_SAFETY_UNKNOWN: Code("CRITICAL", "risk.kill_switch", "own state could not be restored so EMERGENCY_STOP assumed"),
    RISK_ROLE_OK: Code("INFO", "risk.isolation_policy", "instance inside its envelope"),
    RISK_ROLE_NOTIONAL_TRIMMED: Code("WARN", "risk.isolation_policy", "size cut to the role's notional cap"),
    RISK_ROLE_VIOLATION: Code("HARD", "risk.isolation_policy", "mode, venue, symbol or scope not allowed for the role"),
    RISK_ROLE_POLICY_INVALID: Code("CRITICAL", "risk.isolation_policy", "bundle unsigned, expired or its scope documents disagree"),
    RISK_COMPLIANCE_OK: Code("INFO", "risk.compliance_gate", "all rules passed"),
    RISK_COMPLIANCE_LIMIT_NEAR: Code("WARN", "risk.compliance_gate", "size trimmed at the legal position limit"),
    RISK_COMPLIANCE_BLOCK: Code("HARD", "risk.compliance_gate", "region, account, category or insider rule"),
    RISK_COMPLIANCE_POLICY_STALE: Code("CRITICAL", "risk.compliance_gate", "policy missing or too old"),
    RISK_SCOPE_OK: Code("INFO", "risk.scope_guard", "market in scope on a certified venue"),
    RISK_SCOPE_ADVISORY_SKIP: Code("WARN", "risk.scope_guard", "candidate out of scope skipped before analysis"),
    RISK_SCOPE_BLOCK: Code("HARD", "risk.scope_guard", "intent out of scope, denied, or venue not certified for live"),
    RISK_SCOPE_CONFIG_INVALID: Code("CRITICAL", "risk.scope_guard", "scope required but empty or ambiguous"),
    RISK_API_HEALTHY: Code("INFO", "risk.api_degradation", "all needed surfaces healthy"),
    RISK_API_DEGRADED: Code("WARN", "risk.api_degradation", "size scaled on a degraded venue"),
    RISK_API_DOWN: Code("HARD", "risk.api_degradation", "venue below the degraded level"),
    RISK_API_HEALTH_UNKNOWN: Code("CRITICAL", "risk.api_degradation", "no health report inside budget"),
    RISK_ORACLE_OK: Code("INFO", "risk.oracle_risk_monitor", "no resolution risk"),
    RISK_ORACLE_NEAR_RESOLUTION: Code("WARN", "risk.oracle_risk_monitor", "size scaled down near resolution"),
    RISK_ORACLE_BLOCK: Code("HARD", "risk.oracle_risk_monitor", "frozen, disputed or unclear market"),
    RISK_ORACLE_UNKNOWN: Code("CRITICAL", "risk.oracle_risk_monitor", "resolution state or clarity missing"),
    RISK_LIQ_OK: Code("INFO", "risk.market_quality", "size inside participation limits"),
    RISK_LIQ_TRIMMED: Code("WARN", "risk.market_quality", "size cut to what the book absorbs"),
    RISK_LIQ_INSUFFICIENT: Code("HARD", "risk.market_quality", "spread, depth or toxicity limit broken"),
    RISK_LIQ_UNKNOWN: Code("CRITICAL", "risk.market_quality", "depth or spread input missing"),
    RISK_MODEL_STABLE: Code("INFO", "risk.model_drift_monitor", "distribution and skill in range"),
    RISK_MODEL_DRIFT_WARN: Code("WARN", "risk.model_drift_monitor", "size halved or limited while evidence is thin"),
    RISK_MODEL_DRIFT: Code("HARD", "risk.model_drift_monitor", "drift or negative skill beyond limit"),
    RISK_MODEL_BASELINE_MISSING: Code("CRITICAL", "risk.model_drift_monitor", "no approved baseline for the model_version"),
    RISK_DRAWDOWN_OK: Code("INFO", "risk.drawdown", "losses inside warning levels"),
    RISK_DRAWDOWN_SCALED: Code("WARN", "risk.drawdown", "size scaled by drawdown multiplier"),
    RISK_DAILY_LOSS_GUARD: Code("HARD", "risk.drawdown", "daily loss limit reached"),
    RISK_DRAWDOWN_BREACH: Code("HARD", "risk.drawdown", "drawdown limit reached and latched"),
    RISK_EQUITY_UNKNOWN: Code("CRITICAL", "risk.drawdown", "equity not computable from a fresh PositionState"),
    RISK_ENTRY_ALLOWED: Code("INFO", "risk.entry_policy", "all nine checks passed"),
    RISK_ENTRY_SCALE_IN_ALLOWED: Code("WARN", "risk.entry_policy", "addition to an existing position allowed"),
    RISK_ENTRY_LOW_CONFIDENCE: Code("HARD", "risk.entry_policy", "confidence below minimum"),
    RISK_ENTRY_COOLDOWN: Code("HARD", "risk.entry_policy", "global or symbol cooldown running"),
    RISK_ENTRY_MAX_POSITIONS: Code("HARD", "risk.entry_policy", "total or per-symbol position count reached"),
    RISK_ENTRY_MAX_EXPOSURE: Code("HARD", "risk.entry_policy", "total or per-symbol exposure reached"),
    RISK_ENTRY_SCALE_IN_REFUSED: Code("HARD", "risk.entry_policy", "addition not allowed"),
    RISK_ENTRY_REGIME_RULE: Code("HARD", "risk.entry_policy", "regime count reached"),
    RISK_POLICY_UNAVAILABLE: Code("CRITICAL", "risk.entry_policy", "portfolio state missing"),
    RISK_CAPITAL_GRANTED: Code("INFO", "risk.capital_allocator", "request fits the allocation"),
    RISK_CAPITAL_TRIMMED: Code("WARN", "risk.capital_allocator", "request cut to the allocation"),
    RISK_ENTRY_INSUFFICIENT_CAPITAL: Code("HARD", "risk.capital_allocator", "allocation below the minimum trade"),
    RISK_CAPITAL_UNKNOWN: Code("CRITICAL", "risk.capital_allocator", "available capital or price band missing"),
    RISK_EXPOSURE_OK: Code("INFO", "risk.exposure", "every dimension below its warning level"),
    RISK_EXPOSURE_CAP_NEAR: Code("WARN", "risk.exposure", "trimmed or above the warning level"),
    RISK_EXPOSURE_CAP_HIT: Code("HARD", "risk.exposure", "no room left in a dimension"),
    RISK_EXPOSURE_UNKNOWN: Code("CRITICAL", "risk.exposure", "positions or cluster map missing"),
    RISK_CORR_NORMAL: Code("INFO", "risk.correlation_shock_guard", "diversification at target"),
    RISK_CORR_CONCENTRATED: Code("WARN", "risk.correlation_shock_guard", "size scaled by effective number of bets"),
    RISK_CORR_SHOCK: Code("HARD", "risk.correlation_shock_guard", "correlated shock and intent adds to it"),
    RISK_CORR_UNKNOWN: Code("CRITICAL", "risk.correlation_shock_guard", "too few common samples for held positions"),
    RISK_TAIL_OK: Code("INFO", "risk.tail_loss_simulator", "worst scenario below the warning level"),
    RISK_TAIL_TRIMMED: Code("WARN", "risk.tail_loss_simulator", "size cut to the affordable worst case"),
    RISK_TAIL_LOSS_BREACH: Code("HARD", "risk.tail_loss_simulator", "worst case beyond limit"),
    RISK_TAIL_UNKNOWN: Code("CRITICAL", "risk.tail_loss_simulator", "position or price missing for a scenario"),
    RISK_SELF_TRADE_NONE: Code("INFO", "risk.self_trade_wash_guard", "no own crossing order"),
    RISK_SELF_TRADE_TRIMMED: Code("WARN", "risk.self_trade_wash_guard", "size reduced by the overlap"),
    RISK_SELF_TRADE: Code("HARD", "risk.self_trade_wash_guard", "order would match own resting order"),
    RISK_SELF_TRADE_UNKNOWN: Code("CRITICAL", "risk.self_trade_wash_guard", "own order state not reconciled"),
    RISK_CYCLE_OK: Code("INFO", "risk.rate_limit_governor", "inside cycle and venue budget"),
    RISK_CYCLE_NEAR_CAP: Code("WARN", "risk.rate_limit_governor", "approved above the warning share of a cap"),
    RISK_MAX_ORDERS_PER_CYCLE_GUARD: Code("HARD", "risk.rate_limit_governor", "order count cap reached"),
    RISK_MAX_NOTIONAL_PER_CYCLE_GUARD: Code("HARD", "risk.rate_limit_governor", "notional cap reached"),
    RISK_RATE_BUDGET_EXHAUSTED: Code("HARD", "risk.rate_limit_governor", "venue request budget reached"),
    RISK_RATE_STATE_UNKNOWN: Code("CRITICAL", "risk.rate_limit_governor", "quota state not established"),
    RISK_REVALIDATED: Code("INFO", "risk.execution_revalidation", "drift and edge inside limits"),
    RISK_EDGE_PARTIAL: Code("WARN", "risk.execution_revalidation", "only part of the size keeps the edge"),
    RISK_PRICE_DRIFT: Code("HARD", "risk.execution_revalidation", "price moved beyond the limit"),
    RISK_EDGE_DECAYED: Code("HARD", "risk.execution_revalidation", "net edge below minimum after all costs"),
    RISK_REVALIDATION_BLIND: Code("CRITICAL", "risk.execution_revalidation", "no fresh book or FairValue at signing time"),
    SEC_PERMISSION_OK: Code("INFO", "sec.wallet_permission_guard", "grant covers the plan"),
    SEC_PERMISSION_NEAR_LIMIT: Code("WARN", "sec.wallet_permission_guard", "rolling amount above the warning share"),
    SEC_PERMISSION_DENIED: Code("HARD", "sec.wallet_permission_guard", "no grant or grant exceeded"),
    SEC_PERMISSION_POLICY_MISSING: Code("CRITICAL", "sec.wallet_permission_guard", "grants not loaded or signature invalid"),
    SEC_KEY_OK: Code("INFO", "sec.session_key_manager", "valid key reference bound"),
    SEC_KEY_ROTATE_SOON: Code("WARN", "sec.session_key_manager", "rotation due"),
    SEC_KEY_INVALID: Code("HARD", "sec.session_key_manager", "expired, overused, overdue or shared between environments"),
    SEC_KEY_STATE_MISSING: Code("CRITICAL", "sec.session_key_manager", "key registry unavailable"),
    SEC_CHAIN_QUORUM: Code("INFO", "sec.rpc_failover_manager", "quorum with healthy primary"),
    SEC_CHAIN_DEGRADED: Code("WARN", "sec.rpc_failover_manager", "exactly quorum providers left"),
    SEC_CHAIN_QUORUM_LOST: Code("HARD", "sec.rpc_failover_manager", "fewer than quorum"),
    SEC_CHAIN_NO_VIEW: Code("CRITICAL", "sec.rpc_failover_manager", "no chain snapshot inside budget"),
    SEC_CONTRACT_OK: Code("INFO", "sec.contract_address_guard", "address and domain match"),
    SEC_CONTRACT_MIGRATION: Code("WARN", "sec.contract_address_guard", "matched the outgoing table inside a migration window"),
    SEC_CONTRACT_NOT_ALLOWED: Code("HARD", "sec.contract_address_guard", "unknown address, chain or domain"),
    SEC_CONTRACT_TABLE_MISSING: Code("CRITICAL", "sec.contract_address_guard", "committed table not loaded"),
    SEC_STATE_VERIFIED: Code("INFO", "sec.chain_state_verifier", "sources agree and cover the plan"),
    SEC_STATE_TRIMMED: Code("WARN", "sec.chain_state_verifier", "size cut to spendable balance"),
    SEC_STATE_MISMATCH: Code("HARD", "sec.chain_state_verifier", "sources disagree beyond tolerance"),
    SEC_STATE_UNAVAILABLE: Code("CRITICAL", "sec.chain_state_verifier", "fewer than two sources"),
    SEC_ALLOWANCE_OK: Code("INFO", "sec.allowance_monitor", "allowance sufficient and below ceiling"),
    SEC_ALLOWANCE_EXCESS: Code("WARN", "sec.allowance_monitor", "allowance above ceiling"),
    SEC_ALLOWANCE_BLOCK: Code("HARD", "sec.allowance_monitor", "missing allowance or unknown spender"),
    SEC_ALLOWANCE_UNKNOWN: Code("CRITICAL", "sec.allowance_monitor", "chain view missing"),
    SEC_PAYLOAD_MATCH: Code("INFO", "sec.signature_previewer", "payload equals plan and votes"),
    SEC_PAYLOAD_ROUNDED: Code("WARN", "sec.signature_previewer", "differs only by a documented rounding in our disfavour"),
    SEC_PAYLOAD_MISMATCH: Code("HARD", "sec.signature_previewer", "a field differs or an unknown field is present"),
    SEC_PAYLOAD_UNDECODABLE: Code("CRITICAL", "sec.signature_previewer", "payload could not be decoded"),
    SEC_SIGNED: Code("INFO", "sec.signing_service", "request signed or simulated"),
    SEC_SIGN_DUPLICATE: Code("WARN", "sec.signing_service", "repeat suppressed and stored request returned"),
    SEC_SIGN_REFUSED: Code("HARD", "sec.signing_service", "votes incomplete, expired, rejecting, or builder code wrong"),
    SEC_SIGNER_UNAVAILABLE: Code("CRITICAL", "sec.signing_service", "signer or key reference not reachable"),
    SEC_COMMAND_CONFIRMED: Code("INFO", "sec.command_guard", "command authorised"),
    SEC_COMMAND_CHALLENGED: Code("WARN", "sec.command_guard", "dangerous command waiting for confirmation"),
    SEC_COMMAND_DENIED: Code("HARD", "sec.command_guard", "permission, safety, gate, expiry or override rule failed"),
    SEC_COMMAND_DUPLICATE: Code("WARN", "sec.command_guard", "repeat command_id suppressed"),
    SEC_COMMAND_AUDIT_DOWN: Code("CRITICAL", "sec.command_guard", "audit not provable so command denied"),
    EXEC_COST_ESTIMATED: Code("INFO", "exec.fee_slippage_estimator", "full estimate on a fresh book"),
    EXEC_COST_BEYOND_BOOK: Code("WARN", "exec.fee_slippage_estimator", "size exceeds displayed depth and impact model used"),
    EXEC_COST_PROHIBITIVE: Code("HARD", "exec.fee_slippage_estimator", "cost above half the gross edge"),
    EXEC_COST_UNKNOWN: Code("CRITICAL", "exec.fee_slippage_estimator", "fee model or book missing"),
    EXEC_FILL_ESTIMATED: Code("INFO", "exec.fill_probability_estimator", "probability published"),
    EXEC_FILL_UNLIKELY: Code("WARN", "exec.fill_probability_estimator", "probability below 0.1 over the horizon"),
    EXEC_FILL_HOPELESS: Code("HARD", "exec.fill_probability_estimator", "price outside the reachable band"),
    EXEC_FILL_UNKNOWN: Code("CRITICAL", "exec.fill_probability_estimator", "intensities unknown so probability 0"),
    EXEC_GAS_RUN: Code("INFO", "exec.gas_oracle", "operation economic now"),
    EXEC_GAS_DEFER: Code("WARN", "exec.gas_oracle", "deferred for a cheaper slot"),
    EXEC_GAS_UNECONOMIC: Code("HARD", "exec.gas_oracle", "cost above benefit"),
    EXEC_GAS_UNKNOWN: Code("CRITICAL", "exec.gas_oracle", "no chain view"),
    EXEC_ROUTED: Code("INFO", "exec.smart_router", "plan built"),
    EXEC_ROUTE_PASSIVE_FORCED: Code("WARN", "exec.smart_router", "aggressive style removed by constraints"),
    EXEC_ROUTE_NO_VALUE: Code("HARD", "exec.smart_router", "no style with positive utility"),
    EXEC_ROUTE_INPUT_MISSING: Code("CRITICAL", "exec.smart_router", "cost, fill or book estimate missing"),
    EXEC_SHAPED: Code("INFO", "exec.order_shaper", "legal child orders produced"),
    EXEC_SHAPE_SLICED: Code("WARN", "exec.order_shaper", "order split or quantity rounded"),
    EXEC_SHAPE_BELOW_MIN: Code("HARD", "exec.order_shaper", "size below venue minimum after rounding"),
    EXEC_SHAPE_NO_DEFINITION: Code("CRITICAL", "exec.order_shaper", "tick or lot unknown"),
    EXEC_BUNDLE_COMPLETE: Code("INFO", "exec.leg_coordinator", "all legs filled inside limits"),
    EXEC_BUNDLE_RETRY: Code("WARN", "exec.leg_coordinator", "missing leg re-priced inside the overrun allowance"),
    EXEC_BUNDLE_UNWIND: Code("HARD", "exec.leg_coordinator", "bundle broken and filled legs unwound"),
    EXEC_BUNDLE_STATE_LOST: Code("CRITICAL", "exec.leg_coordinator", "leg state ambiguous so no further leg is sent"),
    EXEC_TOX_KEEP: Code("INFO", "exec.anti_toxic_fill", "quotes kept"),
    EXEC_TOX_WIDEN: Code("WARN", "exec.anti_toxic_fill", "exposed side shifted away"),
    EXEC_TOX_PULL: Code("HARD", "exec.anti_toxic_fill", "quotes cancelled"),
    EXEC_TOX_UNKNOWN: Code("CRITICAL", "exec.anti_toxic_fill", "toxicity inputs missing so quotes are pulled"),
    EXEC_ID_ASSIGNED: Code("INFO", "exec.nonce_shepherd", "new deterministic id"),
    EXEC_ID_REUSED: Code("WARN", "exec.nonce_shepherd", "identical plan maps to an existing live id and is suppressed"),
    EXEC_ID_EXHAUSTED: Code("HARD", "exec.nonce_shepherd", "attempts used up"),
    EXEC_ID_COLLISION: Code("CRITICAL", "exec.nonce_shepherd", "same id with different content"),
    EXEC_ORDER_ADVANCED: Code("INFO", "exec.order_lifecycle_manager", "legal transition"),
    EXEC_ORDER_PROVISIONAL: Code("WARN", "exec.order_lifecycle_manager", "fill matched but not settled"),
    EXEC_ORDER_ILLEGAL_MOVE: Code("HARD", "exec.order_lifecycle_manager", "illegal or overfilled transition"),
    EXEC_ORDER_UNKNOWN: Code("CRITICAL", "exec.order_lifecycle_manager", "no ack inside the timeout"),
    EXEC_PENDING_RESOLVED: Code("INFO", "exec.pending_submit_reconciler", "ambiguity resolved to a venue state"),
    EXEC_PENDING_WAITING: Code("WARN", "exec.pending_submit_reconciler", "evidence incomplete, hold kept"),
    EXEC_PENDING_LOST: Code("HARD", "exec.pending_submit_reconciler", "not at venue twice, marked failed"),
    EXEC_PENDING_TIMEOUT: Code("CRITICAL", "exec.pending_submit_reconciler", "unresolved beyond the maximum wait"),
    EXEC_AMEND_DONE: Code("INFO", "exec.order_amend_cancel_manager", "change confirmed"),
    EXEC_AMEND_SKIPPED: Code("WARN", "exec.order_amend_cancel_manager", "gain below queue value so order kept"),
    EXEC_CANCEL_ESCALATED: Code("HARD", "exec.order_amend_cancel_manager", "cancel retries used up and market cancel sent"),
    EXEC_CANCEL_UNCONFIRMED: Code("CRITICAL", "exec.order_amend_cancel_manager", "order may still be live"),
    EXEC_REST_OK: Code("INFO", "exec.queue_warden", "all resting orders justified"),
    EXEC_REST_TRIMMED: Code("WARN", "exec.queue_warden", "drifted or excess orders cancelled"),
    EXEC_REST_ORPHAN: Code("HARD", "exec.queue_warden", "unknown live order cancelled"),
    EXEC_REST_BLIND: Code("CRITICAL", "exec.queue_warden", "no snapshot so all quotes in the market are cancelled"),
    EXEC_PARTIAL_HOLD: Code("INFO", "exec.partial_fill_handler", "remainder kept resting"),
    EXEC_PARTIAL_CHASE: Code("WARN", "exec.partial_fill_handler", "remainder re-priced inside bound"),
    EXEC_PARTIAL_CANCEL: Code("HARD", "exec.partial_fill_handler", "remainder cancelled"),
    EXEC_PARTIAL_UNKNOWN: Code("CRITICAL", "exec.partial_fill_handler", "fill or book state missing so remainder cancelled"),
    EXEC_POSITION_UPDATED: Code("INFO", "exec.position_keeper", "state consistent"),
    EXEC_POSITION_DRIFT: Code("WARN", "exec.position_keeper", "account snapshot differs beyond tolerance"),
    EXEC_POSITION_NEGATIVE: Code("HARD", "exec.position_keeper", "impossible inventory such as negative tokens"),
    EXEC_POSITION_UNPRICED: Code("CRITICAL", "exec.position_keeper", "held instrument without mark so equity unknown"),
    EXEC_SETTLE_PLANNED: Code("INFO", "exec.inventory_settler", "operation planned"),
    EXEC_SETTLE_DEFERRED: Code("WARN", "exec.inventory_settler", "waiting for gas or size"),
    EXEC_SETTLE_BLOCKED: Code("HARD", "exec.inventory_settler", "dispute or hold on the condition"),
    EXEC_SETTLE_STATE_UNKNOWN: Code("CRITICAL", "exec.inventory_settler", "position drift or resolution unknown"),
    STRAT_MT_QUOTE: Code("INFO", "strat.maker_tight", "two-sided quote intents emitted"),
    STRAT_MT_ONE_SIDED: Code("WARN", "strat.maker_tight", "only the reducing side quoted"),
    STRAT_MT_NO_EDGE: Code("HARD", "strat.maker_tight", "quotes cannot earn the minimum edge or regime excluded"),
    STRAT_MT_INPUT_STALE: Code("CRITICAL", "strat.maker_tight", "required input stale so quotes withdrawn"),
    STRAT_MW_QUOTE: Code("INFO", "strat.maker_wide", "wide quotes emitted"),
    STRAT_MW_CAPPED: Code("WARN", "strat.maker_wide", "inventory cap reached and one side quoted"),
    STRAT_MW_NO_ANCHOR: Code("HARD", "strat.maker_wide", "no model anchor so no quote"),
    STRAT_MW_INPUT_STALE: Code("CRITICAL", "strat.maker_wide", "inputs stale so quotes withdrawn"),
    STRAT_PARITY_BUNDLE: Code("INFO", "strat.sum_to_one_arb", "two-leg bundle emitted"),
    STRAT_PARITY_THIN: Code("WARN", "strat.sum_to_one_arb", "edge exists but size limited by depth"),
    STRAT_PARITY_NONE: Code("HARD", "strat.sum_to_one_arb", "no net edge"),
    STRAT_PARITY_INPUT_STALE: Code("CRITICAL", "strat.sum_to_one_arb", "a leg is stale"),
    STRAT_NEGRISK_BUNDLE: Code("INFO", "strat.neg_risk_sum_arb", "bundle emitted"),
    STRAT_NEGRISK_LEG_SKIPPED: Code("WARN", "strat.neg_risk_sum_arb", "a leg was skipped and the payoff re-verified"),
    STRAT_NEGRISK_NONE: Code("HARD", "strat.neg_risk_sum_arb", "no net edge or set not exhaustive or exclusive"),
    STRAT_NEGRISK_INPUT_STALE: Code("CRITICAL", "strat.neg_risk_sum_arb", "a leg is stale"),
    STRAT_BREGMAN_BUNDLE: Code("INFO", "strat.bregman_projection_arb", "coherent arbitrage bundle emitted"),
    STRAT_BREGMAN_VIEW_ONLY: Code("WARN", "strat.bregman_projection_arb", "incoherent but worst case not positive"),
    STRAT_BREGMAN_COHERENT: Code("HARD", "strat.bregman_projection_arb", "prices coherent within costs"),
    STRAT_BREGMAN_UNSOLVED: Code("CRITICAL", "strat.bregman_projection_arb", "solver did not converge or a leg is stale"),
    STRAT_PAIR_OPEN: Code("INFO", "strat.cross_market_arb", "implication bundle emitted"),
    STRAT_PAIR_CLOSE: Code("WARN", "strat.cross_market_arb", "early close emitted"),
    STRAT_PAIR_NONE: Code("HARD", "strat.cross_market_arb", "no violation after cost or pair not reviewed"),
    STRAT_PAIR_INPUT_STALE: Code("CRITICAL", "strat.cross_market_arb", "a leg or the edge version is stale"),
    STRAT_XVENUE_BUNDLE: Code("INFO", "strat.cross_venue_arb", "cross-venue bundle emitted"),
    STRAT_XVENUE_IMBALANCED: Code("WARN", "strat.cross_venue_arb", "direction paused until cash is rebalanced"),
    STRAT_XVENUE_NONE: Code("HARD", "strat.cross_venue_arb", "no net edge or pair not equivalent"),
    STRAT_XVENUE_INPUT_STALE: Code("CRITICAL", "strat.cross_venue_arb", "one venue stale or degraded"),
    STRAT_FVE_ENTER: Code("INFO", "strat.fair_value_edge", "entry intent emitted"),
    STRAT_FVE_EXIT: Code("WARN", "strat.fair_value_edge", "exit intent emitted"),
    STRAT_FVE_NO_EDGE: Code("HARD", "strat.fair_value_edge", "net edge below minimum"),
    STRAT_FVE_INPUT_STALE: Code("CRITICAL", "strat.fair_value_edge", "FairValue stale or not tradable"),
    STRAT_FLB_ADD: Code("INFO", "strat.favorite_longshot", "basket name added"),
    STRAT_FLB_BASKET_FULL: Code("WARN", "strat.favorite_longshot", "name qualifies but basket or cluster full"),
    STRAT_FLB_INACTIVE: Code("HARD", "strat.favorite_longshot", "bias not significant in the category"),
    STRAT_FLB_INPUT_STALE: Code("CRITICAL", "strat.favorite_longshot", "calibration or snapshot stale"),
    STRAT_NEWS_TRADE: Code("INFO", "strat.news_materiality_trader", "IOC entry emitted"),
    STRAT_NEWS_EXIT: Code("WARN", "strat.news_materiality_trader", "staged or timed exit emitted"),
    STRAT_NEWS_LATE: Code("HARD", "strat.news_materiality_trader", "move already happened, item old or direction absent"),
    STRAT_NEWS_INPUT_STALE: Code("CRITICAL", "strat.news_materiality_trader", "book or news feed stale"),
    STRAT_RFV_BUY: Code("INFO", "strat.resolution_fair_value", "determined outcome bought"),
    STRAT_RFV_DISPUTE_REVIEW: Code("WARN", "strat.resolution_fair_value", "dispute opened and position re-priced"),
    STRAT_RFV_NONE: Code("HARD", "strat.resolution_fair_value", "evidence, clarity or edge insufficient"),
    STRAT_RFV_INPUT_STALE: Code("CRITICAL", "strat.resolution_fair_value", "oracle or book stale"),
    STRAT_LRS_BUY: Code("INFO", "strat.late_resolution_spread", "carry position bought"),
    STRAT_LRS_COOLING: Code("WARN", "strat.late_resolution_spread", "category cooling after an upset"),
    STRAT_LRS_NONE: Code("HARD", "strat.late_resolution_spread", "carry does not pay for upset risk"),
    STRAT_LRS_INPUT_STALE: Code("CRITICAL", "strat.late_resolution_spread", "time, price or calibration stale"),
    STRAT_CURVE_ENTER: Code("INFO", "strat.resolution_curve_trader", "entry against deviation"),
    STRAT_CURVE_EXIT: Code("WARN", "strat.resolution_curve_trader", "deviation closed or time exit"),
    STRAT_CURVE_NONE: Code("HARD", "strat.resolution_curve_trader", "deviation inside the band or claim type not eligible"),
    STRAT_CURVE_INPUT_STALE: Code("CRITICAL", "strat.resolution_curve_trader", "hazard or snapshot stale"),
    STRAT_CAL_OPEN: Code("INFO", "strat.calendar_compression", "calendar bundle emitted"),
    STRAT_CAL_CLOSE: Code("WARN", "strat.calendar_compression", "spread normalised and bundle closed"),
    STRAT_CAL_NONE: Code("HARD", "strat.calendar_compression", "no dislocation or pair not eligible"),
    STRAT_CAL_INPUT_STALE: Code("CRITICAL", "strat.calendar_compression", "a leg stale or one leg near resolution"),
    STRAT_DISPUTE_BUY: Code("INFO", "strat.dispute_risk_pricing", "signed-off dispute position emitted"),
    STRAT_DISPUTE_AWAIT_SIGNOFF: Code("WARN", "strat.dispute_risk_pricing", "edge present, waiting for sign-off"),
    STRAT_DISPUTE_NONE: Code("HARD", "strat.dispute_risk_pricing", "clarity, sample or edge insufficient"),
    STRAT_DISPUTE_INPUT_STALE: Code("CRITICAL", "strat.dispute_risk_pricing", "oracle state stale"),
    STRAT_MR_ENTER: Code("INFO", "strat.mean_reversion_sniper", "fade entry emitted"),
    STRAT_MR_EXIT: Code("WARN", "strat.mean_reversion_sniper", "target, stop or time exit emitted"),
    STRAT_MR_NONE: Code("HARD", "strat.mean_reversion_sniper", "no confirmed setup or news active"),
    STRAT_MR_INPUT_STALE: Code("CRITICAL", "strat.mean_reversion_sniper", "flow or news state unknown"),
    STRAT_BO_STAGE: Code("INFO", "strat.breakout_follower", "entry stage emitted"),
    STRAT_BO_EXIT: Code("WARN", "strat.breakout_follower", "trailing stop or saturation exit"),
    STRAT_BO_NONE: Code("HARD", "strat.breakout_follower", "no confirmation"),
    STRAT_BO_INPUT_STALE: Code("CRITICAL", "strat.breakout_follower", "signals stale"),
    STRAT_OFI_ENTER: Code("INFO", "strat.flow_imbalance_taker", "taker entry emitted"),
    STRAT_OFI_EXIT: Code("WARN", "strat.flow_imbalance_taker", "horizon, flip or stop exit"),
    STRAT_OFI_NONE: Code("HARD", "strat.flow_imbalance_taker", "predicted move below cost or hourly cap"),
    STRAT_OFI_INPUT_STALE: Code("CRITICAL", "strat.flow_imbalance_taker", "flow signals stale"),
    STRAT_PULSE_QUOTE: Code("INFO", "strat.liquidity_pulse", "reward-aware quotes emitted"),
    STRAT_PULSE_PROBATION: Code("WARN", "strat.liquidity_pulse", "size cut to probation cap"),
    STRAT_PULSE_NONE: Code("HARD", "strat.liquidity_pulse", "value below minimum"),
    STRAT_PULSE_INPUT_STALE: Code("CRITICAL", "strat.liquidity_pulse", "reward terms or snapshot stale"),
    STRAT_VH_QUOTE: Code("INFO", "strat.volatility_harvest", "layered quotes emitted"),
    STRAT_VH_REDUCE: Code("WARN", "strat.volatility_harvest", "inventory reduction emitted"),
    STRAT_VH_NONE: Code("HARD", "strat.volatility_harvest", "regime, flow or loss rule excludes quoting"),
    STRAT_VH_INPUT_STALE: Code("CRITICAL", "strat.volatility_harvest", "book or signals stale so quotes withdrawn"),
    STRAT_BASIS_ENTER: Code("INFO", "strat.basis_trader", "binary and hedge bundle emitted"),
    STRAT_BASIS_REHEDGE: Code("WARN", "strat.basis_trader", "hedge adjusted"),
    STRAT_BASIS_NONE: Code("HARD", "strat.basis_trader", "basis inside band, tau too short or delta above cap"),
    STRAT_BASIS_INPUT_STALE: Code("CRITICAL", "strat.basis_trader", "perp or binary stale"),
    STRAT_CARRY_OPEN: Code("INFO", "strat.funding_carry", "carry bundle emitted"),
    STRAT_CARRY_REBALANCE: Code("WARN", "strat.funding_carry", "leg drift or margin adjusted"),
    STRAT_CARRY_NONE: Code("HARD", "strat.funding_carry", "carry below minimum or margin insufficient"),
    STRAT_CARRY_INPUT_STALE: Code("CRITICAL", "strat.funding_carry", "a venue stale or dislocated"),
    STRAT_HEDGE_PLACE: Code("INFO", "strat.portfolio_hedger", "hedge intent emitted"),
    STRAT_HEDGE_TRIM: Code("WARN", "strat.portfolio_hedger", "existing hedge reduced"),
    STRAT_HEDGE_NOT_WORTH: Code("HARD", "strat.portfolio_hedger", "cost exceeds benefit or no eligible hedge"),
    STRAT_HEDGE_INPUT_STALE: Code("CRITICAL", "strat.portfolio_hedger", "position or factor map stale"),
    STRAT_UNWIND_SLICE: Code("INFO", "strat.inventory_unwinder", "reduce-only slice emitted"),
    STRAT_UNWIND_WAIT: Code("WARN", "strat.inventory_unwinder", "waiting for a two-sided book"),
    STRAT_UNWIND_HALTED: Code("HARD", "strat.inventory_unwinder", "market quarantined or compliance block prevents exit"),
    STRAT_UNWIND_STATE_LOST: Code("CRITICAL", "strat.inventory_unwinder", "position unknown so no slice"),
    GOV_API_OK: Code("INFO", "gov.api_degradation_monitor", "surface healthy"),
    GOV_API_DEGRADED: Code("WARN", "gov.api_degradation_monitor", "surface degraded"),
    GOV_API_DOWN: Code("HARD", "gov.api_degradation_monitor", "surface down or in maintenance"),
    GOV_API_PROBE_LOST: Code("CRITICAL", "gov.api_degradation_monitor", "no samples so health is 0"),
    GOV_AUDIT_ACK: Code("INFO", "gov.audit_log", "chain extended and acknowledged"),
    GOV_AUDIT_GAP: Code("WARN", "gov.audit_log", "expected command event missing"),
    GOV_AUDIT_SECRET_BLOCKED: Code("HARD", "gov.audit_log", "record with a secret-like field refused"),
    GOV_AUDIT_SINK_DOWN: Code("CRITICAL", "gov.audit_log", "durable write not confirmed"),
    GOV_ENVELOPE_VALID: Code("INFO", "gov.envelope_validator", "envelope accepted"),
    GOV_ENVELOPE_BUDGET_WARN: Code("WARN", "gov.envelope_validator", "invalid share above warning"),
    GOV_ENVELOPE_INVALID: Code("HARD", "gov.envelope_validator", "envelope refused"),
    GOV_ENVELOPE_REGISTRY_LOST: Code("CRITICAL", "gov.envelope_validator", "registry missing so nothing can be validated"),
    GOV_BUILDER_COVERED: Code("INFO", "gov.builder_attribution", "coverage 1 and drift small"),
    GOV_BUILDER_DRIFT: Code("WARN", "gov.builder_attribution", "statement differs beyond warning"),
    GOV_BUILDER_MISSING: Code("HARD", "gov.builder_attribution", "an order went out without the code"),
    GOV_BUILDER_STATEMENT_LATE: Code("CRITICAL", "gov.builder_attribution", "no statement for two days"),
    GOV_HEARTBEAT_OK: Code("INFO", "gov.heartbeat", "all bots alive"),
    GOV_HEARTBEAT_MISSED: Code("WARN", "gov.heartbeat", "a bot missed beats"),
    GOV_HEARTBEAT_DEAD: Code("HARD", "gov.heartbeat", "a bot or gate is dead"),
    GOV_HEARTBEAT_STALLED: Code("CRITICAL", "gov.heartbeat", "event time not advancing"),
    GOV_SLA_MET: Code("INFO", "gov.sla_reporter", "objective met"),
    GOV_SLA_BURN_SLOW: Code("WARN", "gov.sla_reporter", "slow budget burn"),
    GOV_SLA_BURN_FAST: Code("HARD", "gov.sla_reporter", "fast budget burn"),
    GOV_SLA_NO_DATA: Code("CRITICAL", "gov.sla_reporter", "no eligible events in the window"),
    GOV_PNL_REPORTED: Code("INFO", "gov.pnl_reporter", "identity holds"),
    GOV_PNL_ESTIMATED: Code("WARN", "gov.pnl_reporter", "rebate or settlement estimated"),
    GOV_PNL_IDENTITY_BROKEN: Code("HARD", "gov.pnl_reporter", "components do not sum to equity change"),
    GOV_PNL_INPUT_MISSING: Code("CRITICAL", "gov.pnl_reporter", "fills or marks missing for the window"),
    GOV_RECON_OK: Code("INFO", "gov.reconciler", "no break beyond tolerance"),
    GOV_RECON_TIMING: Code("WARN", "gov.reconciler", "break still inside settlement time"),
    GOV_RECON_BREAK: Code("HARD", "gov.reconciler", "real break"),
    GOV_RECON_SOURCE_MISSING: Code("CRITICAL", "gov.reconciler", "no complete common as-of time"),
    GOV_REPLAY_MATCH: Code("INFO", "gov.replay_simulator", "all decisions equal"),
    GOV_REPLAY_CHANGED: Code("WARN", "gov.replay_simulator", "candidate version changes decisions"),
    GOV_REPLAY_DIVERGED: Code("HARD", "gov.replay_simulator", "recorded version does not reproduce"),
    GOV_REPLAY_INCOMPLETE: Code("CRITICAL", "gov.replay_simulator", "chain gap or missing state snapshot"),
    GOV_BACKTEST_DONE: Code("INFO", "gov.backtester", "run complete and reproducible"),
    GOV_BACKTEST_FRAGILE: Code("WARN", "gov.backtester", "result changes sign under doubled latency or cost"),
    GOV_BACKTEST_OVERFIT: Code("HARD", "gov.backtester", "deflated Sharpe probability below 0.95 given trials"),
    GOV_BACKTEST_DATA_GAP: Code("CRITICAL", "gov.backtester", "book gaps above tolerance"),
    GOV_TCA_REPORTED: Code("INFO", "gov.tca_reporter", "costs within estimate error"),
    GOV_TCA_BIAS: Code("WARN", "gov.tca_reporter", "cost model biased"),
    GOV_TCA_ADVERSE: Code("HARD", "gov.tca_reporter", "30 s markout worse than minus half spread over n_min fills"),
    GOV_TCA_INPUT_MISSING: Code("CRITICAL", "gov.tca_reporter", "decision mid or fills missing"),
    GOV_EXPLAIN_COMPLETE: Code("INFO", "gov.post_trade_explainer", "packet complete"),
    GOV_EXPLAIN_PARTIAL: Code("WARN", "gov.post_trade_explainer", "optional part missing"),
    GOV_EXPLAIN_BROKEN: Code("HARD", "gov.post_trade_explainer", "required link missing"),
    GOV_EXPLAIN_INDEX_LOST: Code("CRITICAL", "gov.post_trade_explainer", "hash index unavailable"),
    GOV_CONFIG_MATCH: Code("INFO", "gov.config_drift_detector", "running equals baseline"),
    GOV_CONFIG_OVERRIDDEN: Code("WARN", "gov.config_drift_detector", "difference covered by a live override"),
    GOV_CONFIG_DRIFT: Code("HARD", "gov.config_drift_detector", "unapproved difference"),
    GOV_CONFIG_BASELINE_MISSING: Code("CRITICAL", "gov.config_drift_detector", "no signed baseline"),
    GOV_INCIDENT_CLOSED: Code("INFO", "gov.incident_commander", "incident closed with cause on file"),
    GOV_INCIDENT_OPEN: Code("WARN", "gov.incident_commander", "incident open and owned"),
    GOV_INCIDENT_P0: Code("HARD", "gov.incident_commander", "halt_all issued"),
    GOV_INCIDENT_UNACKED: Code("CRITICAL", "gov.incident_commander", "nobody acknowledged in time so severity is raised"),
    GOV_LIFECYCLE_MOVED: Code("INFO", "gov.bot_lifecycle", "legal transition applied"),
    GOV_LIFECYCLE_DUPLICATE: Code("WARN", "gov.bot_lifecycle", "repeated command suppressed"),
    GOV_LIFECYCLE_REFUSED: Code("HARD", "gov.bot_lifecycle", "illegal or unauthorised transition"),
    GOV_LIFECYCLE_STUCK: Code("CRITICAL", "gov.bot_lifecycle", "bot stuck in STOPPING or state unknown"),
    GOV_READINESS_SET: Code("INFO", "gov.readiness_scorer", "readiness confirmed or raised by evidence"),
    GOV_READINESS_EXPIRING: Code("WARN", "gov.readiness_scorer", "evidence expires within 3 days"),
    GOV_READINESS_DEMOTED: Code("HARD", "gov.readiness_scorer", "readiness lowered"),
    GOV_READINESS_EVIDENCE_LOST: Code("CRITICAL", "gov.readiness_scorer", "evidence store unreadable so level pending"),
    GOV_STRATEGY_PROMOTED: Code("INFO", "gov.strategy_registry", "stage raised with approvals"),
    GOV_STRATEGY_PENDING: Code("WARN", "gov.strategy_registry", "promotion waits for approval or days"),
    GOV_STRATEGY_DEMOTED: Code("HARD", "gov.strategy_registry", "stage lowered or promotion refused"),
    GOV_STRATEGY_LEDGER_LOST: Code("CRITICAL", "gov.strategy_registry", "ledger not restorable so all strategies in shadow"),
    GOV_EXPERIMENT_RUNNING: Code("INFO", "gov.experiment_tracker", "collecting pairs"),
    GOV_EXPERIMENT_VERDICT: Code("WARN", "gov.experiment_tracker", "WIN, LOSS or FUTILE reached"),
    GOV_EXPERIMENT_GUARDRAIL: Code("HARD", "gov.experiment_tracker", "guardrail breached and experiment stopped"),
    GOV_EXPERIMENT_UNREGISTERED: Code("CRITICAL", "gov.experiment_tracker", "data without pre-registration refused"),
    GOV_REVENUE_MATCHED: Code("INFO", "gov.attribution_revenue_reporter", "received equals expected within tolerance"),
    GOV_REVENUE_DRIFT: Code("WARN", "gov.attribution_revenue_reporter", "drift above warning"),
    GOV_REVENUE_BREAK: Code("HARD", "gov.attribution_revenue_reporter", "drift above hard limit"),
    GOV_REVENUE_STATEMENT_MISSING: Code("CRITICAL", "gov.attribution_revenue_reporter", "no statement for the period"),
    INTEL_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    INTEL_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    INTEL_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    DISC_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    DISC_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    DISC_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    STRAT_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    STRAT_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    STRAT_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    RISK_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    RISK_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    RISK_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    EXEC_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    EXEC_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    EXEC_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    SEC_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    SEC_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    SEC_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    GOV_INPUT_MISSING: Code("CRITICAL", "", "a required reading has never arrived, so the bot is silent or its vote is a refusal"),
    GOV_INPUT_STALE: Code("CRITICAL", "", "a required reading is older than its bound, so the bot is silent or its vote is a refusal"),
    GOV_BOT_FAULT: Code("CRITICAL", "", "the bot raised or answered with the wrong type; its vote is a refusal, otherwise it is quarantined"),
    RISK_GATE_APPROVED: Code("INFO", "", "every required guard approved"),
    RISK_VOTE_MISSING: Code("CRITICAL", "", "a required gate gave no vote, which counts as a refusal"),
    RISK_BELOW_MINIMUM: Code("HARD", "", "the votes left less than the venue's minimum, so the decision became a refusal"),
    RISK_BOT_QUARANTINED: Code("CRITICAL", "", "the guard is quarantined and refuses what it touches"),
    RISK_WITHDRAW_PASSED: Code("INFO", "", "a cancel is never blocked by risk, limits or mode"),
    EXEC_VENUE_ACK: Code("INFO", "", "the venue accepted the order or the cancel"),
    EXEC_VENUE_MATCH: Code("INFO", "", "the venue matched the order"),
    EXEC_VENUE_REJECT: Code("HARD", "", "the venue refused the order or the cancel"),
    EXEC_VENUE_DONE: Code("INFO", "", "the order ended at the venue without a further match"),
    EXEC_SETTLED: Code("INFO", "", "a position was paid at resolution"),
    GOV_DESK_CONFIGURED: Code("INFO", "", "a desk was born from its configuration"),
    GOV_CONFIG_APPLIED: Code("INFO", "", "a bot's configuration took effect"),
    GOV_FACT_RECEIVED: Code("INFO", "", "a fact from outside was appended to the journal"),
    INTEL_FRAME_NOT_JSON: Code("HARD", "", "the frame is not JSON, or torn"),
    INTEL_FRAME_UNKNOWN_KIND: Code("HARD", "", "the frame names no known message type"),
    INTEL_FRAME_BAD_FIELD: Code("HARD", "", "a field is missing, of the wrong type or out of bounds"),
    INTEL_FRAME_BAD_PRICE: Code("HARD", "", "a price is not on the instrument's grid, so it would have to be rounded"),
    INTEL_FRAME_BAD_SIZE: Code("HARD", "", "a size is not a decimal of the instrument's lots"),
    INTEL_FRAME_NO_MARKET: Code("HARD", "", "the frame concerns a market that cannot be known"),
    RISK_ORDER_AUTHORISED: Code("INFO", "", "the order may leave: its intent was approved and every required pre-sign guard agreed"),
}

LEGACY: dict[str, str] = {
    "kill_switch_guard": RISK_KILL_SWITCH_GUARD,
    "daily_loss_guard": RISK_DAILY_LOSS_GUARD,
    "max_orders_per_cycle_guard": RISK_MAX_ORDERS_PER_CYCLE_GUARD,
    "max_notional_per_cycle_guard": RISK_MAX_NOTIONAL_PER_CYCLE_GUARD,
    "BLOCK_LOW_CONFIDENCE": RISK_ENTRY_LOW_CONFIDENCE,
    "BLOCK_COOLDOWN": RISK_ENTRY_COOLDOWN,
    "BLOCK_MAX_POSITIONS": RISK_ENTRY_MAX_POSITIONS,
    "BLOCK_MAX_EXPOSURE": RISK_ENTRY_MAX_EXPOSURE,
    "ALLOW_SCALE_IN": RISK_ENTRY_SCALE_IN_ALLOWED,
    "BLOCK_REGIME_RULE": RISK_ENTRY_REGIME_RULE,
    "ALLOW_NEW_ENTRY": RISK_ENTRY_ALLOWED,
}
# fmt: on
