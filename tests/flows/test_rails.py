"""Rails under the names that operators know: one value, one owner, and scope lists that reach the guard."""

from pathlib import Path

import pytest

from contracts.base import Refused
from flows.desk_files import set_allowed
from flows.desks import load_desk
from flows.rails import RAILS, ScopeLists, railed, scoped
from tests import world

DESK = """
desk_id = "house"
mode = "paper"
account = "paper"
builder_code = "house"
start_micros = 1_000_000
required_gates = ["risk.kill_switch"]  # the least
"""


def written(folder: Path, more: str) -> Path:
    """A configuration with the desk `house`."""
    (folder / "desks").mkdir(exist_ok=True)
    (folder / "desks" / "house.toml").write_text(DESK + more)
    return folder


def test_each_rail_is_a_parameter_of_one_guard(tmp_path: Path) -> None:
    """The name of the operator and the guard's own set the same value, in the file and on the command line."""
    more = (
        "[trading]\nrequire_scope_in_live = true\n[risk]\nmax_orders_per_cycle = 7\ndaily_loss_limit_fraction = 0.05\n"
    )
    desk = load_desk("house", written(tmp_path, more + "[risk.exposure]\ncap_total_usd = 5\n"))
    assert {
        "risk.scope_guard": {"require_scope_in_live": True},
        "risk.rate_limit_governor": {"max_orders_per_cycle": 7},
        "risk.drawdown": {"daily_loss_limit_fraction": "0.05"},
        "risk.exposure": {"cap_total_usd": 5},
    } == desk.overrides
    typed = load_desk("house", tmp_path, ["execution.max_price_drift=0.01", "risk.max_orders_per_cycle=3"])
    assert "0.01" == typed.overrides["risk.execution_revalidation"]["max_price_drift"]
    assert "3" == typed.overrides["risk.rate_limit_governor"]["max_orders_per_cycle"]
    assert len(RAILS) == len(set(RAILS.values()))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[trading]\nallowed_markets = []", "unknown key 'trading.allowed_markets'; allowed: trading.require_scope"),
        ("[execution]\nspeed = 1", "unknown key 'execution.speed'; allowed: execution.max_price_drift"),
        ("[risk]\nmax_orders = 1", "unknown key 'risk.max_orders'; allowed: risk.max_orders_per_cycle"),
        (
            "[risk]\nmax_orders_per_cycle = -1",
            "max_orders_per_cycle: risk.rate_limit_governor.max_orders_per_cycle is -1",
        ),
        ("[trading]\nallowed_market_ids = [3]", "trading.allowed_market_ids holds 3"),
        ('[trading]\nallowed_market_ids = ["A", "A"]', "names something twice: A, A"),
        ('[trading]\nallowed_market_ids = "A"', "is 'A'; allowed: a list"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, more: str, words: str) -> None:
    """The file, the key, and what is allowed."""
    with pytest.raises(Refused) as found:
        load_desk("house", written(tmp_path, more))
    assert words in str(found.value)
    assert "house.toml" in str(found.value)


def test_lists_become_the_desk_s_policy(tmp_path: Path) -> None:
    """Those typed go before those of the file; a policy with lists of its own is not silently joined."""
    folder = written(tmp_path, '[trading]\nallowed_series_tickers = ["S1"]\n')
    policy = load_desk("house", folder).policy
    assert policy is not None
    assert (("S1",), (), "config:house") == (policy.series_tickers, policy.market_ids, policy.signed_by)
    typed = load_desk("house", folder, scope=ScopeLists(market_ids=("M1",))).policy
    assert typed is not None
    assert (("M1",), ()) == (typed.market_ids, typed.series_tickers)
    with pytest.raises(Refused, match="allowed: one of both"):
        scoped(policy, ScopeLists(event_tickers=("E",)), "house")
    assert (None, policy) == (scoped(None, ScopeLists(), "house"), scoped(policy, ScopeLists(), "house"))


def test_a_list_is_written_and_taken_away(tmp_path: Path) -> None:
    """The rest of the file stays as its owner wrote it; what cannot be loaded is not written."""
    file = written(tmp_path, "\n# nothing more\n") / "desks" / "house.toml"
    desk = set_allowed("house", tmp_path, "allowed_event_tickers", ["E1", "E2"])
    assert desk.policy is not None
    assert ("E1", "E2") == desk.policy.event_tickers
    kept = file.read_text()
    assert kept.startswith(DESK)
    assert "# nothing more" in kept
    for key, values in (("allowed_event_tickers", ["a b\n"]), ("allowed_things", ["A"])):
        with pytest.raises(Refused):
            set_allowed("house", tmp_path, key, values)
    assert kept == file.read_text()
    assert set_allowed("house", tmp_path, "allowed_event_tickers", []).policy is None
    assert world.ROOT / "config" / "desks" != file.parent


def test_the_environment_goes_before_the_file_and_the_file_before_the_desk(tmp_path: Path) -> None:
    """Of the limits of entries; what is typed goes before all; an unknown name is refused."""
    folder = written(tmp_path, "[risk.entry_policy]\nmax_total = 7\nmin_confidence = 0.5\n")
    file = tmp_path / "entries.toml"
    file.write_text("POLICY_MAX_POSITIONS_TOTAL = 5\nPOLICY_COOLDOWN_GLOBAL = 30\n")
    environ = {"POLICY_COOLDOWN_GLOBAL": "90", "HOME": "x"}
    desk = load_desk("house", folder, ["risk.entry_policy.conf_delta=0.1"], None, environ, file)
    found = {name: str(value) for name, value in desk.overrides["risk.entry_policy"].items()}
    assert {"max_total": "5", "min_confidence": "0.5", "cooldown_global_s": "90", "conf_delta": "0.1"} == found
    with pytest.raises(Refused, match="POLICY_MAX"):
        load_desk("house", folder, environ={"POLICY_MAX": "1"})


def test_no_rails_are_no_values() -> None:
    """A file without the tables sets nothing."""
    assert ({}, ScopeLists()) == railed({}, "x")
