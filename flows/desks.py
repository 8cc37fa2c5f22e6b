"""Read a desk from its file and refuse whatever the library does not know or allow.

A desk is data: who trades, in which mode, behind which guards, with which differences from the catalogue. Everything is
checked before anything runs, and every refusal names the file, the value and what is allowed. `lab` is the desk of the
laboratory: its name can never mean real money.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args, get_type_hints

from msgspec import Meta

from bots.kit import MILLION, BotConfig, configure
from bots.registry import LAYERS, Library, library
from connectors.policy_settings import policy_overrides
from contracts.base import Refused
from contracts.control import DEGRADED, NORMAL, SAFE, PolicyBundle
from flows.policies import load_policy
from flows.rails import RAILS, ScopeLists, railed, scoped
from operators.queue_models import CONSERVATIVE, QUEUE_MODELS

LAB = "lab"
MODES = ("paper", "shadow")
BOT_MODES = ("off", "shadow", "advisory", "enforced", "quarantine")
BOOT_MODES = (NORMAL, DEGRADED, SAFE)
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
TEXTS = {
    "desk_id": "", "mode": "", "account": "", "builder_code": "", "boot_mode": NORMAL, "bots": "enforced",
    "queue_model": CONSERVATIVE,
}  # fmt: skip
LATENCIES = ("order_latency_ms", "cancel_latency_ms", "ack_latency_ms")
LATENCY_MS, LATENCY_MAX_MS = 250, 60_000
CAPITAL_MAX_MICROS = 10**18
OUTAGES_MAX, OUTAGE_MAX_S = 1_000, 315_360_000
KEYS = (
    *TEXTS, "start_micros", *LATENCIES, "outages", "required_gates", "presign_gates", "scope", "policy", "modes",
    "trading", "execution", *LAYERS,
)  # fmt: skip

Overrides = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Desk:
    """One running trading instance, as its file and the command line say.

    desk_id         its name
    mode            paper or shadow
    account         the account; a paper account here
    start_micros    paper capital
    order_latency_ms, cancel_latency_ms, ack_latency_ms   latencies of the paper venue
    builder_code    whose flow this is
    boot_mode       safety mode at birth
    required_gates  guards whose vote must exist, in order
    bot_modes       bot id -> off, shadow, advisory, enforced or quarantine; every built bot is named, in rank order
    scope           the venues' market ids; empty means everything in the capture
    overrides       bot id -> parameter -> value as written, where it differs from the catalogue
    queue_model     what the paper venue believes of queues: conservative or calibrated
    outages         (start, length) in seconds from birth: when the paper venue is out of reach
    presign_gates   guards whose vote on a plan must exist, in order
    policy          what its guards are told of roles, law, grants, keys and contracts; None nothing
    """

    desk_id: str
    mode: str
    account: str
    start_micros: int
    builder_code: str
    required_gates: tuple[str, ...]
    bot_modes: Mapping[str, str]
    order_latency_ms: int = LATENCY_MS
    cancel_latency_ms: int = LATENCY_MS
    ack_latency_ms: int = LATENCY_MS
    boot_mode: str = NORMAL
    scope: tuple[str, ...] = ()
    overrides: Overrides = field(default_factory=dict)
    queue_model: str = CONSERVATIVE
    outages: tuple[tuple[int, int], ...] = ()
    presign_gates: tuple[str, ...] = ()
    policy: PolicyBundle | None = None

    @property
    def bots(self) -> tuple[str, ...]:
        """Bots that run, in rank order."""
        return tuple(bot for bot, mode in self.bot_modes.items() if mode != "off")


def load_desk(
    name: str,
    config_dir: Path,
    sets: Sequence[str] = (),
    scope: ScopeLists | None = None,
    environ: Mapping[str, str] | None = None,
    policy_file: Path | None = None,
) -> Desk:
    """Return the desk `name` of `config_dir`/desks with each `BOT.PARAM=VALUE` of `sets` on top; raises Refused.

    `scope` lists go before those of the file. `POLICY_*` names of `environ` go before those of a `policy_file`, and
    both before the desk's own (connectors/policy_settings.py).
    """
    file = _file(name, config_dir)
    try:
        raw = tomllib.loads(file.read_text("utf-8"), parse_float=str)
    except OSError as err:
        raise Refused(f"{file}: cannot be read ({err.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"{file}: not TOML ({err})") from None
    for key in raw:
        if key not in KEYS:
            raise Refused(f"{file}: unknown key {key!r}; allowed: {', '.join(KEYS)}")
    books = library()
    rails, lists = railed(raw, str(file))
    overrides = _overrides(books, raw, file)
    for rail, value in rails.items():
        bot, parameter = RAILS[rail]
        check(books, bot, parameter, value, f"{file}: {rail}: ")
        overrides.setdefault(bot, {})[parameter] = value
    texts = _texts(raw, file, name)
    for bot, found in policy_overrides(environ or {}, policy_file, texts["mode"], overrides).items():
        overrides.setdefault(bot, {}).update(found)
    _apply(books, overrides, sets)
    modes = _modes(books, raw.get("modes", {}), texts["bots"], file)
    desk = Desk(
        desk_id=texts["desk_id"],
        mode=texts["mode"],
        account=texts["account"],
        builder_code=texts["builder_code"],
        boot_mode=texts["boot_mode"],
        start_micros=_whole(raw, "start_micros", None, CAPITAL_MAX_MICROS, file),
        order_latency_ms=_latency(raw, "order_latency_ms", file),
        cancel_latency_ms=_latency(raw, "cancel_latency_ms", file),
        ack_latency_ms=_latency(raw, "ack_latency_ms", file),
        required_gates=_gates(books, raw, modes, file, "required_gates"),
        presign_gates=_gates(books, raw, modes, file, "presign_gates"),
        policy=scoped(_policy(raw, config_dir, file), lists if scope is None else scope, texts["desk_id"]),
        bot_modes=modes,
        scope=_names(raw, "scope", file),
        overrides=overrides,
        queue_model=texts["queue_model"],
        outages=_outages(raw, file),
    )
    return _lawful(desk, file)


def _file(name: str, config_dir: Path) -> Path:
    folder = config_dir / "desks"
    if not config_dir.is_dir():
        raise Refused(f"--config {config_dir}: no such folder; it holds desks/NAME.toml")
    if not folder.is_dir():
        raise Refused(f"--config {config_dir}: has no folder desks; it holds one NAME.toml per desk")
    file = folder / f"{name}.toml"
    if not NAME.fullmatch(name) or not file.is_file():
        known = ", ".join(sorted(item.stem for item in folder.glob("*.toml"))) or "none"
        raise Refused(f"--desk {name!r}: unknown desk; available in {folder}: {known}")
    return file


def _texts(raw: Mapping[str, object], file: Path, name: str) -> dict[str, str]:
    texts = {}
    for key, default in TEXTS.items():
        value = raw.get(key, default)
        if not isinstance(value, str) or not 0 < len(value) <= 64:
            said = "missing" if value == "" else f"{value!r}"
            raise Refused(f"{file}: {key} is {said}; allowed: a text of 1 to 64 characters")
        texts[key] = value
    if texts["desk_id"] != name:
        raise Refused(f"{file}: desk_id is {texts['desk_id']!r}; allowed: {name!r}, the name of the file")
    return texts


def _whole(raw: Mapping[str, object], key: str, default: int | None, most: int, file: Path, within: str = "") -> int:
    value = raw.get(key, default)
    if type(value) is not int or not 0 <= value <= most:
        said = "missing" if value is None else f"{value!r}"
        raise Refused(f"{file}: {within}{key} is {said}; allowed: a whole number of 0 to {most}")
    return value


def _latency(raw: Mapping[str, object], key: str, file: Path) -> int:
    return _whole(raw, key, LATENCY_MS, LATENCY_MAX_MS, file)


def _names(raw: Mapping[str, object], key: str, file: Path) -> tuple[str, ...]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise Refused(f"{file}: {key} is {value!r}; allowed: a list of texts")
    if len(set(value)) < len(value):
        raise Refused(f"{file}: {key} names something twice: {', '.join(value)}")
    return tuple(value)


def _outages(raw: Mapping[str, object], file: Path) -> tuple[tuple[int, int], ...]:
    """Read the windows of the paper venue's outages: in order, none into the next."""
    value = raw.get("outages", [])
    if not isinstance(value, list) or len(value) > OUTAGES_MAX:
        raise Refused(f"{file}: outages is {value!r}; allowed: at most {OUTAGES_MAX} tables of start_s and seconds")
    windows, free_s = [], 0
    for number, table in enumerate(value):
        if not isinstance(table, dict) or set(table) != {"start_s", "seconds"}:
            raise Refused(f"{file}: outages[{number}] is {table!r}; allowed: a table of start_s and seconds")
        start = _whole(table, "start_s", None, OUTAGE_MAX_S, file, f"outages[{number}].")
        seconds = _whole(table, "seconds", None, OUTAGE_MAX_S, file, f"outages[{number}].")
        if start < free_s or not seconds:
            raise Refused(
                f"{file}: outages[{number}] is {table!r}; allowed: at least 1 second, from second {free_s} on, where "
                "the one before has ended"
            )
        windows.append((start, seconds))
        free_s = start + seconds
    return tuple(windows)


def _modes(books: Library, raw: object, common: str, file: Path) -> dict[str, str]:
    """Return the mode of every built bot, in rank order: the common one unless the file names another."""
    if not isinstance(raw, dict):
        raise Refused(f"{file}: modes is {raw!r}; allowed: a table of bot id = mode")
    for bot, mode in (("bots", common), *raw.items()):
        if mode not in BOT_MODES:
            raise Refused(f"{file}: {bot} has mode {mode!r}; allowed: {', '.join(BOT_MODES)}")
    named = {_resolve(books, bot, f"{file}: modes"): mode for bot, mode in raw.items()}
    for bot, mode in named.items():
        if mode != "off" and not books.has_module(bot):
            raise Refused(f"{file}: modes: {bot} is pending and may not be {mode!r}; allowed: 'off'")
    return {row.id: named.get(row.id, common) for row in books.rows if books.has_module(row.id)}


def _gates(
    books: Library, raw: Mapping[str, object], modes: Mapping[str, str], file: Path, key: str
) -> tuple[str, ...]:
    """Read the list of required guards on intents, or on plans."""
    where = f"{file}: {key}"
    known = books.intent_gates if key == "required_gates" else books.presign_gates
    gates = tuple(_resolve(books, gate, where) for gate in _names(raw, key, file))
    if not gates and key == "required_gates":
        raise Refused(f"{where} is empty; a desk without a guard would approve anything")
    for gate in gates:
        if gate not in known:
            kind = "intent gate" if key == "required_gates" else "pre-sign gate"
            raise Refused(f"{where}: {gate!r} is no {kind}; allowed: {', '.join(known)}")
        if gate not in modes:
            raise Refused(f"{where}: {gate!r} is pending (a row without a module), so the desk refuses to start")
        if modes[gate] not in ("enforced", "quarantine"):
            raise Refused(f"{where}: {gate!r} is {modes[gate]!r}; allowed: 'enforced'")
    ordered = tuple(gate for gate in known if gate in gates)
    if gates != ordered:
        raise Refused(f"{where} stand in another order than the library's; allowed: {', '.join(ordered)}")
    return gates


def _policy(raw: Mapping[str, object], config_dir: Path, file: Path) -> PolicyBundle | None:
    """Read the policy that the file names."""
    name = raw.get("policy", "")
    if not isinstance(name, str):
        raise Refused(f"{file}: policy is {name!r}; allowed: the name of a file in policies, as a text")
    return load_policy(name, config_dir) if name else None


def _lawful(desk: Desk, file: Path) -> Desk:
    if desk.desk_id == LAB and (desk.mode, desk.account) != ("paper", "paper"):
        raise Refused(
            f"{file}: {LAB!r} is reserved for the laboratory; mode is {desk.mode!r} and account {desk.account!r}; "
            "allowed: 'paper' and 'paper'"
        )
    if desk.mode not in MODES:
        raise Refused(f"{file}: mode is {desk.mode!r}; allowed over a capture: {', '.join(MODES)}")
    if desk.queue_model not in QUEUE_MODELS:
        raise Refused(f"{file}: queue_model is {desk.queue_model!r}; allowed: {', '.join(QUEUE_MODELS)}")
    if desk.boot_mode not in BOOT_MODES:
        raise Refused(f"{file}: boot_mode is {desk.boot_mode!r}; allowed: {', '.join(BOOT_MODES)}")
    return desk


# ---- overrides ----------------------------------------------------------------------------------------------------


def _resolve(books: Library, name: str, where: str) -> str:
    try:
        return books.resolve(name)
    except Refused as err:
        raise Refused(f"{where}: {err}") from None


def _overrides(books: Library, raw: Mapping[str, object], file: Path) -> Overrides:
    """Read the tables [layer.bot] of a file, and check each value against the bot's own bounds."""
    overrides: Overrides = {}
    for layer in (layer for layer in LAYERS if layer in raw):
        bots = raw[layer]
        if not isinstance(bots, dict):
            raise Refused(f"{file}: [{layer}] is {bots!r}; allowed: [{layer}.NAME] with its parameters")
        for bot, values in bots.items():
            if f"{layer}.{bot}" in RAILS:
                continue
            if not isinstance(values, dict):
                raise Refused(f"{file}: {layer}.{bot} is {values!r}; allowed: [{layer}.NAME] with its parameters")
            found = _resolve(books, f"{layer}.{bot}", f"{file}")
            for parameter, value in values.items():
                check(books, found, parameter, value, f"{file}: ")
                overrides.setdefault(found, {})[parameter] = value
    return overrides


def overridden(sets: Sequence[str]) -> Overrides:
    """Return each `BOT.PARAM=VALUE` as written, checked; raises Refused."""
    overrides: Overrides = {}
    _apply(library(), overrides, sets)
    return overrides


def _apply(books: Library, overrides: Overrides, sets: Sequence[str]) -> None:
    for text in sets:
        name, equals, value = text.partition("=")
        bot, dot, parameter = name.strip().rpartition(".")
        if not (equals and dot and bot and parameter and value.strip()):
            raise Refused(f"--set {text!r}: not of the form BOT.PARAM=VALUE, as in strat.maker_tight.clip_usd=25")
        bot, parameter = RAILS.get(name.strip(), (bot, parameter))
        found = _resolve(books, bot, f"--set {text}")
        check(books, found, parameter, value.strip(), f"--set {text}: ")
        overrides.setdefault(found, {})[parameter] = value.strip()


def check(books: Library, bot_id: str, parameter: str, value: object, where: str) -> None:
    """Refuse a parameter that the bot does not have, or a value outside its bounds, and say what is allowed."""
    try:
        config = books.bot(bot_id).config
    except Refused as err:
        raise Refused(f"{where}{err}") from None
    known = config.__struct_fields__
    if parameter not in known:
        raise Refused(f"{where}{bot_id} has no parameter {parameter!r}; allowed: {', '.join(known) or 'none'}")
    try:
        configure(bot_id, config, {parameter: value})
    except Refused:
        raise Refused(f"{where}{bot_id}.{parameter} is {value!r}; allowed: {allowed(config, parameter)}") from None


def allowed(config: type[BotConfig], parameter: str) -> str:
    """Say in words what a parameter may be: its bounds as they are written, and its unit."""
    hint = get_type_hints(config, include_extras=True)[parameter]
    kind, *marks = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    meta = next((mark for mark in marks if isinstance(mark, Meta)), Meta())
    written = meta.description or ""
    scale = MILLION if "millionths" in written else 1
    limits = (("above", meta.gt), ("from", meta.ge), ("below", meta.lt), ("to", meta.le))
    bounds = [f"{word} {limit / scale:,.15g}" for word, limit in limits if limit is not None]
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    name = "a decimal" if scale == MILLION else words.get(kind, str(kind))
    return ", ".join(part for part in (name, " ".join(bounds), written.partition(";")[0]) if part)
