"""Limits from the environment and from a file: which goes first, what is known, and what live allows."""

from pathlib import Path

import pytest

from bots.registry import library
from connectors.policy_settings import CAPITAL, ENTRY, LESS, SETTINGS, default, policy_overrides
from contracts.base import Refused

SEED = """
POLICY_MAX_POSITIONS_TOTAL=10              # Max 10 open positions across all symbols
POLICY_MAX_PER_SYMBOL=3
POLICY_MAX_PER_REGIME=5
POLICY_MAX_EXPOSURE_TOTAL=5000.0           # Total capital at risk
POLICY_MAX_EXPOSURE_PER_SYMBOL=1000.0
POLICY_ALLOW_SCALE_IN=true
POLICY_SCALE_IN_MAX=2
POLICY_SCALE_IN_CONF_DELTA=0.05
POLICY_COOLDOWN_SYMBOL=300
POLICY_COOLDOWN_GLOBAL=60
POLICY_MIN_CONFIDENCE=0.7
"""


def written(folder: Path, text: str) -> Path:
    """Return a policy file."""
    file = folder / "policy.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_eleven_names_say_the_catalogues_values(tmp_path: Path) -> None:
    """The first policy's own list is a policy file, and changes nothing: its values are the defaults."""
    found = policy_overrides({}, written(tmp_path, SEED))
    assert 11 == len(SETTINGS)
    assert {setting.parameter for setting in SETTINGS.values()} == set(found[ENTRY])
    assert {"max_exposure_total_usd", "max_exposure_symbol_usd"} == set(found[CAPITAL])
    for bot, values in found.items():
        for name, value in values.items():
            assert float(default(bot, name)) == float(str(value).replace("True", "1"))  # type: ignore[arg-type]


def test_environment_over_file_over_nothing(tmp_path: Path) -> None:
    """What the environment says counts, then the file; a shared cap reaches both guards; other names are nobody's."""
    file = written(tmp_path, "POLICY_MAX_EXPOSURE_TOTAL = 4000\nPOLICY_COOLDOWN_GLOBAL = 90\n")
    found = policy_overrides({"POLICY_MAX_EXPOSURE_TOTAL": " 3000.50 ", "PATH": "/bin"}, file)
    assert {ENTRY: {"max_exposure_total_usd": "3000.50", "cooldown_global_s": 90}, CAPITAL: {
        "max_exposure_total_usd": "3000.50"}} == found  # fmt: skip
    assert {} == policy_overrides({})


def test_tables_of_the_two_guards(tmp_path: Path) -> None:
    """A file may name any parameter of the two, as the catalogue does."""
    file = written(
        tmp_path, "[risk.capital_allocator]\nbase_frac = 0.1\nleverage = 2\n[risk.entry_policy]\nmax_total = 4\n"
    )
    assert {CAPITAL: {"base_frac": "0.1", "leverage": 2}, ENTRY: {"max_total": 4}} == policy_overrides({}, file)


EDGES = [
    ("POLICY_MAX_POSITIONS_TOTAL", "10", "11", "at most 10"),
    ("POLICY_MAX_PER_SYMBOL", "3", "4", "at most 3"),
    ("POLICY_MAX_PER_REGIME", "5", "6", "at most 5"),
    ("POLICY_MAX_EXPOSURE_TOTAL", "5000", "5000.000001", "at most 5000"),
    ("POLICY_MAX_EXPOSURE_PER_SYMBOL", "1000", "1000.000001", "at most 1000"),
    ("POLICY_SCALE_IN_MAX", "2", "3", "at most 2"),
    ("POLICY_SCALE_IN_CONF_DELTA", "0.05", "0.049999", "at least 0.05"),
    ("POLICY_COOLDOWN_SYMBOL", "300", "299", "at least 300"),
    ("POLICY_COOLDOWN_GLOBAL", "60", "59", "at least 60"),
    ("POLICY_MIN_CONFIDENCE", "0.7", "0.699999", "at least 0.7"),
]


@pytest.mark.parametrize(("name", "at", "wide", "allowed"), EDGES)
def test_live_only_tightens(name: str, at: str, wide: str, allowed: str) -> None:
    """On a live desk the limit passes and the least widening is refused, naming value and what is allowed."""
    assert at in policy_overrides({name: at}, None, "live")[ENTRY].values()
    with pytest.raises(Refused, match=rf"environment: {name} is '{wide}'.*allowed: {allowed}$"):
        policy_overrides({name: wide}, None, "live")
    for mode in ("paper", "shadow", "testnet_probe"):
        assert wide in policy_overrides({name: wide}, None, mode)[ENTRY].values()


def test_live_measures_against_what_holds(tmp_path: Path) -> None:
    """The file goes before the desk's own value, the desk's before the catalogue's: the environment may widen none."""
    file, desk = written(tmp_path, "POLICY_MAX_PER_SYMBOL = 2\n"), {ENTRY: {"max_total": 4, "max_per_symbol": 1}}
    assert "2" == policy_overrides({"POLICY_MAX_PER_SYMBOL": "2"}, file, "live", desk)[ENTRY]["max_per_symbol"]
    for name, value, allowed in (("POLICY_MAX_PER_SYMBOL", "3", "at most 2"), ("POLICY_MAX_POSITIONS_TOTAL", "5", "4")):
        with pytest.raises(Refused, match=allowed):
            policy_overrides({name: value}, file, "live", desk)


def test_the_switch() -> None:
    """Scale-ins may be switched off on a live desk, and not on again."""
    off = {ENTRY: {"allow_scale_in": False}}
    assert "false" == policy_overrides({"POLICY_ALLOW_SCALE_IN": "false"}, None, "live")[ENTRY]["allow_scale_in"]
    assert "true" == policy_overrides({"POLICY_ALLOW_SCALE_IN": "true"}, None, "live")[ENTRY]["allow_scale_in"]
    with pytest.raises(Refused, match=r"'true', which widens a live desk; allowed: false$"):
        policy_overrides({"POLICY_ALLOW_SCALE_IN": "true"}, None, "live", off)


@pytest.mark.parametrize("name", sorted(SETTINGS))
@pytest.mark.parametrize("value", ["", "NaN", "-1", "much", "1e400"])
def test_what_is_no_value_is_refused(name: str, value: str) -> None:
    """An empty text, no number, a negative or an endless one: refused in every mode, naming it."""
    for mode in ("paper", "live"):
        with pytest.raises(Refused, match=f"environment: {name} is '{value}'; allowed: {SETTINGS[name].allowed}"):
            policy_overrides({name: value}, None, mode)


def test_a_name_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    """A misspelt limit would be believed all the same: refused in the environment, in a file and in a table."""
    with pytest.raises(Refused, match="POLICY_MAX_POSTIONS is no policy setting; allowed: POLICY_MAX_POSITIONS_TOTAL"):
        policy_overrides({"POLICY_MAX_POSTIONS": "3"})
    for text in ("max_total = 3", "[risk.exposure]\ncap_total_usd = 1", "[risk.entry_policy]\nmax_all = 3", "risk = 3"):
        with pytest.raises(Refused, match=r"policy.toml.*allowed"):
            policy_overrides({}, written(tmp_path, text))


@pytest.mark.parametrize(
    "text", ["POLICY_MAX_PER_SYMBOL = true", "POLICY_MIN_CONFIDENCE = nan", "x = [", "POLICY_SCALE_IN_MAX = 1.5"]
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, tmp_path: Path) -> None:
    """A value of another kind, or no TOML, is refused with the file."""
    with pytest.raises(Refused, match=r"policy\.toml"):
        policy_overrides({}, written(tmp_path, text))


def test_twice_with_two_values_is_refused(tmp_path: Path) -> None:
    """A name and its parameter may agree and not differ."""
    table = "\n[risk.entry_policy]\nmax_total = 3"
    assert 3 == policy_overrides({}, written(tmp_path, f"POLICY_MAX_POSITIONS_TOTAL = 3{table}"))[ENTRY]["max_total"]
    with pytest.raises(Refused, match="set twice"):
        policy_overrides({}, written(tmp_path, f"POLICY_MAX_POSITIONS_TOTAL = 4{table}"))
    with pytest.raises(Refused, match="cannot be read"):
        policy_overrides({}, tmp_path / "none.toml")


def test_the_settings_name_parameters_that_there_are() -> None:
    """Each name stands for a parameter of its guards, and says which way is tighter."""
    for setting in SETTINGS.values():
        for bot in setting.bots:
            assert setting.parameter in library().bot(bot).config.__struct_fields__
    assert {"conf_delta", "cooldown_symbol_s", "cooldown_global_s", "min_confidence"} == {
        setting.parameter for setting in SETTINGS.values() if setting.tighter != LESS
    }
