"""Read the limits of entries and sizes from the environment and from a policy file; live, the first may only tighten.

Eleven names, `POLICY_MAX_POSITIONS_TOTAL` and its like, stand for parameters of two guards, so that a limit can be
changed where a desk is started. The environment goes before the file, the file before the desk's own. A name that is
not known is refused: a limit that nobody reads would be believed all the same. A policy file is TOML: such names, or
tables [risk.entry_policy] and [risk.capital_allocator] with parameters as the catalogue names them.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bots.kit import BotConfig, configure
from bots.registry import library
from contracts.base import Refused

PREFIX, LIVE = "POLICY_", "live"
ENTRY, CAPITAL = "risk.entry_policy", "risk.capital_allocator"
LESS, MORE = "at most", "at least"
Overrides = dict[str, dict[str, object]]


class Setting(NamedTuple):
    """One name: which bots' parameter it sets, which way is tighter, and what may be written."""

    parameter: str
    tighter: str
    allowed: str
    bots: tuple[str, ...] = (ENTRY,)


COUNT, PROB = "a whole number, 0 or above", "a decimal from 0 to 1, at most six decimals"
DOLLARS, SECONDS = "dollars, 0 or above, at most six decimals", "whole seconds, 0 to 315360000"
BOTH = (ENTRY, CAPITAL)
SETTINGS: Mapping[str, Setting] = {
    "POLICY_MAX_POSITIONS_TOTAL": Setting("max_total", LESS, COUNT),
    "POLICY_MAX_PER_SYMBOL": Setting("max_per_symbol", LESS, COUNT),
    "POLICY_MAX_PER_REGIME": Setting("max_per_regime", LESS, COUNT),
    "POLICY_MAX_EXPOSURE_TOTAL": Setting("max_exposure_total_usd", LESS, DOLLARS, BOTH),
    "POLICY_MAX_EXPOSURE_PER_SYMBOL": Setting("max_exposure_symbol_usd", LESS, DOLLARS, BOTH),
    "POLICY_ALLOW_SCALE_IN": Setting("allow_scale_in", LESS, "true or false"),
    "POLICY_SCALE_IN_MAX": Setting("scale_in_max", LESS, COUNT),
    "POLICY_SCALE_IN_CONF_DELTA": Setting("conf_delta", MORE, PROB),
    "POLICY_COOLDOWN_SYMBOL": Setting("cooldown_symbol_s", MORE, SECONDS),
    "POLICY_COOLDOWN_GLOBAL": Setting("cooldown_global_s", MORE, SECONDS),
    "POLICY_MIN_CONFIDENCE": Setting("min_confidence", MORE, PROB),
}


def policy_overrides(
    environ: Mapping[str, str] = os.environ,
    file: Path | None = None,
    mode: str = "paper",
    desk: Mapping[str, Mapping[str, object]] | None = None,
) -> Overrides:
    """Return bot id -> parameter -> value as written, of what environment and file set; raises Refused.

    `desk` are the desk's own overrides, which the file goes before, and which the environment of a live desk may not
    widen either. The message of a refusal names the source, the value and what is allowed.
    """
    found = of_file(file) if file is not None else {}
    before = {bot: {**(desk or {}).get(bot, {}), **found.get(bot, {})} for bot in BOTH}
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        setting, text = known(name, "environment: "), environ[name].strip()
        for bot in setting.bots:
            value = checked(bot, setting.parameter, text, f"environment: {name}", setting.allowed)
            if mode == LIVE:
                held = getattr(configure(bot, config_of(bot), before[bot]), setting.parameter)
                written = before[bot].get(setting.parameter, default(bot, setting.parameter))
                _tightens(name, setting, text, value, held, written)
            found.setdefault(bot, {})[setting.parameter] = text
    return found


def of_file(file: Path) -> Overrides:
    """Return what a policy file sets; raises Refused naming the file, the name and what is allowed."""
    try:
        raw = tomllib.loads(file.read_text("utf-8"), parse_float=str)
    except OSError as err:
        raise Refused(f"{file}: cannot be read ({err.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Refused(f"{file}: not TOML ({err})") from None
    found: Overrides = {}
    tables = raw.pop("risk", {})
    if not isinstance(tables, dict):
        raise Refused(f"{file}: risk is {tables!r}; allowed: tables [{ENTRY}] and [{CAPITAL}]")
    for name, value in raw.items():
        setting = known(name, f"{file}: ")
        for bot in setting.bots:
            checked(bot, setting.parameter, value, f"{file}: {name}", setting.allowed)
            found.setdefault(bot, {})[setting.parameter] = value
    for name, values in tables.items():
        bot = f"risk.{name}"
        if bot not in BOTH or not isinstance(values, dict):
            raise Refused(f"{file}: [{bot}] is {values!r}; allowed: tables [{ENTRY}] and [{CAPITAL}]")
        for parameter, value in values.items():
            checked(bot, parameter, value, f"{file}: {bot}.{parameter}", "")
            if found.setdefault(bot, {}).setdefault(parameter, value) != value:
                raise Refused(f"{file}: {bot}.{parameter} is set twice, to {found[bot][parameter]!r} and {value!r}")
    return found


def known(name: str, where: str) -> Setting:
    """Return what a name stands for; raises Refused naming all there are."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise Refused(f"{where}{name} is no policy setting; allowed: {', '.join(SETTINGS)}")
    return setting


def checked(bot: str, parameter: str, value: object, where: str, allowed: str) -> object:
    """Return a written value as the bot holds it; raises Refused naming the value and what is allowed."""
    try:
        return getattr(configure(bot, config_of(bot), {parameter: value}), parameter)
    except Refused as err:
        said = f"; allowed: {allowed}" if allowed else f": {err}"
        raise Refused(f"{where} is {value!r}{said}") from None


def config_of(bot: str) -> type[BotConfig]:
    """Return the configuration of a guard."""
    return library().bot(bot).config


def default(bot: str, parameter: str) -> object:
    """Return the catalogue's value of a parameter, as it is written there."""
    return next(param["default"] for param in library().by_id[bot].params if param["name"] == parameter)


def _tightens(name: str, setting: Setting, text: str, value: object, held: object, written: object) -> None:
    """Refuse a value that allows more than what holds already."""
    assert isinstance(value, int)  # every parameter in SETTINGS is held as an integer
    assert isinstance(held, int)
    if value > held if setting.tighter == LESS else value < held:
        limit = "false" if held is False else f"{setting.tighter} {written}"
        raise Refused(f"environment: {name} is {text!r}, which widens a live desk; allowed: {limit}")
