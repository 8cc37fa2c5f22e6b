"""Put a desk together: its plan and its lane's, its first journal entries, its memory.

The first entries of a journal say everything that a replay needs: the desk, and the configuration of every bot of the
lane and of the desk. `assembled` makes them from a desk's file; `recalled` makes the same memories from the entries.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from bots.kit import BotConfig, configure
from bots.registry import library
from contracts.base import Refused
from contracts.control import ConfigApplied, DeskConfigured
from contracts.envelope import Row
from flows.desks import Desk as DeskFile
from operators.birth import POLICY, birth_entries
from operators.engine import Desk, Lane
from operators.freshness import Budgets
from operators.generate import Compiled, compile_functions
from operators.plan import Choice, Plan, compile_plan
from operators.strands import LANES

Functions = Callable[[Plan], Compiled]
FRESHNESS = "operators.freshness"
DEFAULTS = Budgets()
NO_LANES: Mapping[str, Sequence[int]] = {}


class Assembly(NamedTuple):
    """A lane and a desk, ready to run, and the entries that they were born from.

    lanes  lane -> sources of its facts, where the desk hears several
    """

    lane: Lane
    desk: Desk
    configured: DeskConfigured
    applied: tuple[ConfigApplied, ...]
    entries: list[Row]
    budgets: Budgets
    lanes: Mapping[str, Sequence[int]] = NO_LANES


def fingerprint() -> str:
    """Name the platform on which byte-exact replay is promised: architecture, Python minor version, C library."""
    libc = "-".join(platform.libc_ver()) or "unknown"
    return f"{platform.machine()}/py{'.'.join(platform.python_version_tuple()[:2])}/{libc}"


def assembled(
    desk: DeskFile,
    budgets: Budgets = DEFAULTS,
    functions: Functions = compile_functions,
    more: Sequence[Choice] = (),
    at_ns: int | None = 0,
    lanes: Mapping[str, Sequence[int]] = NO_LANES,
) -> Assembly:
    """Make the memories of a desk from its file, born at `at_ns`; None: to be born when its journal begins.

    `more` bots are for benchmarks. `lanes` names the sources of each lane where a desk hears several. Raises Refused.
    """
    configs = {
        bot_id: configure(bot_id, _config(bot_id), desk.overrides.get(bot_id, {}))
        for bot_id in desk.bots
        if library().by_id[bot_id].runs_in != "govern"
    }
    applied = (*(_applied(bot_id, config) for bot_id, config in configs.items()), _budgeted(budgets))
    if desk.policy is not None:
        applied = (*applied, _said(POLICY, msgspec.json.encode(desk.policy)))
    if len(lanes) > 1:
        applied = (*applied, _said(LANES, msgspec.json.encode({name: list(own) for name, own in lanes.items()})))
    configured = DeskConfigured(
        desk_id=desk.desk_id,
        desk_mode=desk.mode,
        account=desk.account,
        bots=tuple(configs),
        bot_modes=tuple((bot_id, desk.bot_modes[bot_id]) for bot_id in configs),
        required_gates=desk.required_gates,
        presign_gates=desk.presign_gates,
        scope=desk.scope,
        start_micros=desk.start_micros,
        order_latency_ms=desk.order_latency_ms,
        cancel_latency_ms=desk.cancel_latency_ms,
        ack_latency_ms=desk.ack_latency_ms,
        builder_code=desk.builder_code,
        boot_mode=desk.boot_mode,
        plan_hash="",
        fingerprint=fingerprint(),
        overrides=tuple(
            (f"{bot_id}.{name}", str(value))
            for bot_id, values in desk.overrides.items()
            for name, value in values.items()
        ),
        queue_model=desk.queue_model,
        outages=desk.outages,
    )
    return _born(configured, applied, configs, budgets, at_ns, functions, more)


def recalled(
    configured: DeskConfigured, applied: Sequence[ConfigApplied], at_ns: int, twin: Choice | None = None
) -> Assembly:
    """Make the same memories from the first entries of a journal; raises Refused when a bot is no longer there.

    A `twin` votes beside the desk's guards, without effect.
    """
    configs, budgets, lanes = {}, Budgets(), NO_LANES
    for said in applied:
        if said.bot_id == LANES:
            lanes = msgspec.json.decode(said.values, type=dict[str, list[int]])
            continue
        if said.bot_id == POLICY:
            continue
        if said.bot_id == FRESHNESS:
            budgets = msgspec.json.decode(said.values, type=Budgets)
            continue
        try:
            configs[said.bot_id] = msgspec.json.decode(said.values, type=_config(said.bot_id))
        except msgspec.ValidationError as err:
            raise Refused(f"journal: the configuration of {said.bot_id} no longer fits its bot: {err}") from None
    made = _born(configured, tuple(applied), configs, budgets, at_ns, compile_functions, twin=twin)
    return made._replace(lanes=lanes)


def _config(bot_id: str) -> type[BotConfig]:
    return library().bot(bot_id).config


def _applied(bot_id: str, config: BotConfig) -> ConfigApplied:
    values = msgspec.json.encode(config)
    return ConfigApplied(bot_id, library().version(bot_id), sha256(values).hexdigest()[:16], values.decode())


def _budgeted(budgets: Budgets) -> ConfigApplied:
    return _said(FRESHNESS, msgspec.json.encode(budgets))


def _said(operator: str, values: bytes) -> ConfigApplied:
    return ConfigApplied(operator, "1", sha256(values).hexdigest()[:16], values.decode())


def _born(
    configured: DeskConfigured,
    applied: tuple[ConfigApplied, ...],
    configs: Mapping[str, BotConfig],
    budgets: Budgets,
    at_ns: int | None,
    functions: Functions,
    more: Sequence[Choice] = (),
    twin: Choice | None = None,
) -> Assembly:
    books, modes = library(), dict(configured.bot_modes)
    choices = [Choice(bot_id, books.bot(bot_id), config, modes[bot_id]) for bot_id, config in configs.items()]
    choices += more
    lane_choices = [choice for choice in choices if books.by_id[choice.bot_id].runs_in == "lane"]
    desk_choices = [choice for choice in choices if books.by_id[choice.bot_id].runs_in != "lane"]
    lane_plan = compile_plan(books, "lane", lane_choices)
    required = configured.required_gates, configured.presign_gates
    desk_plan = compile_plan(books, "desk", desk_choices, lane_choices, *required, twin)
    lane, desk = Lane(lane_plan, functions), Desk(desk_plan, configured, functions)
    plan_hash = sha256(f"{lane.plan_hash}|{desk.plan_hash}".encode()).hexdigest()[:16]
    if not configured.plan_hash:
        configured = msgspec.structs.replace(configured, plan_hash=plan_hash)
    entries = [] if at_ns is None else birth_entries(configured, applied, at_ns)
    if entries:
        desk.birth(entries)
    return Assembly(lane, desk, configured, applied, entries, budgets)
