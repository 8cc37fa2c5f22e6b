"""Name the parts of a policy bundle: who may trade what, with which key, under whose law.

A policy is signed configuration that several guards read. Each guard reads its own part and nothing else; a part that
is empty says that nothing of it was decided, which a guard that needs it answers with a refusal.
"""

from contracts.base import Wire
from contracts.units import Count, Hash, Id, Ns, OptionalId, Text


class DeskRole(Wire):
    """What one desk may be, for risk.isolation_policy. A desk without a row is disabled.

    desk_id              the desk
    role                 live_*, testnet_probe, paper_only or disabled
    desk_mode            the one mode it may run in: paper, shadow, live or testnet_probe
    venues               venues that it may trade at
    symbols              the venues' own ids of markets; empty means every market of its scope
    strategies           bot ids; empty means every strategy
    max_notional_micros  real money that it may expose; 0 means nothing
    in_action_scope      automatic risk actions reach it
    enabled              it may run at all
    account_mode         what the account map says: live, probe, paper_only or disabled
    reconciled           the reconciliation thresholds name it as enabled
    """

    desk_id: Id
    role: Text
    desk_mode: Text
    venues: tuple[Id, ...] = ()
    symbols: tuple[Id, ...] = ()
    strategies: tuple[Id, ...] = ()
    max_notional_micros: Count = 0
    in_action_scope: bool = False
    enabled: bool = False
    account_mode: Text = "disabled"
    reconciled: bool = False


class AccountStanding(Wire):
    """Who stands behind an account, for risk.compliance_gate.

    account      the account
    region       where its holder is; empty unknown, which rejects
    status       VERIFIED, or anything else, which rejects
    insider_of   event ids and series ids on which the holder may know more than the market
    """

    account: Id
    region: Text
    status: Text
    insider_of: tuple[Id, ...] = ()


class LegalRule(Wire):
    """One rule of law or contract, for risk.compliance_gate.

    rule_id      its name; a vote's report lists the rules that fired
    forbids      region, category, market or position
    venue_id     the venue it holds at; empty everywhere
    subject      the region, category (series id or event id), market id it is about
    limit_lots   legal position limit of a market, in lots; only for `position`
    close_only   what is forbidden may still be closed
    """

    rule_id: Id
    forbids: Text
    venue_id: OptionalId
    subject: Text
    limit_lots: Count = 0
    close_only: bool = False


class Grant(Wire):
    """What a strategy may do with an account, for sec.wallet_permission_guard.

    strategy       bot id
    account        the account
    methods        PLACE, CANCEL, MERGE, REDEEM, CONVERT; never a withdrawal, transfer or approval
    targets        venues and contracts it may be done at
    amount_micros  most of one plan
    daily_micros   most of a rolling day
    not_before_ns  from
    not_after_ns   until; 0 for ever
    confirmed      targets whose first use a person has confirmed
    """

    strategy: Id
    account: Id
    methods: tuple[Text, ...]
    targets: tuple[Text, ...]
    amount_micros: Count
    daily_micros: Count
    not_before_ns: Ns = 0
    not_after_ns: Ns = 0
    confirmed: tuple[Text, ...] = ()


class KeyRecord(Wire):
    """One key as the register knows it, for sec.session_key_manager; never the key.

    key_ref           by what name the signer knows it
    account           whose
    venue_id          where
    desk_mode         the mode it may sign in
    environment       dev, stage or prod
    fingerprint       SHA-256 of the public part, or of what identifies it
    issued_ns         begin of this session
    parent_issued_ns  begin of the key it was derived from
    """

    key_ref: Id
    account: Id
    venue_id: Id
    desk_mode: Text
    environment: Text
    fingerprint: Hash
    issued_ns: Ns
    parent_issued_ns: Ns


class ContractRow(Wire):
    """A contract or host that may be signed for, for sec.contract_address_guard.

    venue_id        the venue
    market_type     standard, neg_risk or auth
    operation       order, merge, redeem, convert, approve or auth
    chain_id        the chain; 0 where there is none
    address         checksum form; the host where there is no chain
    domain_name     EIP-712 domain; empty none
    domain_version  EIP-712 domain; empty none
    outgoing_ns     start of the migration in which this row is still accepted; 0 for a row in force
    """

    venue_id: Id
    market_type: Text
    operation: Text
    chain_id: Count
    address: Text
    domain_name: Text = ""
    domain_version: Text = ""
    outgoing_ns: Ns = 0


class Baseline(Wire):
    """The approved distribution of a model's edges, for risk.model_drift_monitor.

    model_version  which model
    counts         intents in each of ten bins of p_model - price, from low to high
    approved_by    who approved it
    """

    model_version: Text
    counts: tuple[Count, ...]
    approved_by: Id


class Slice(Wire):
    """What of the desk's capital a strategy may use, for risk.capital_allocator.

    strategy      bot id
    limit_micros  most that it may expose, resting orders included
    """

    strategy: Id
    limit_micros: Count
