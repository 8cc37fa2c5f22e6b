"""What a desk's file may say, and that everything else is refused in a line that names it."""

from dataclasses import replace
from pathlib import Path

import pytest

from bots.kit import Bot, BotConfig, Frac, Seconds, Usd
from bots.registry import Library, library
from contracts.base import Refused
from flows import desks
from flows.desks import load_desk

GATES = ("risk.kill_switch", "risk.stale_book")
BUILT = ("intel.resolution_rule_parser", "strat.maker_tight", *GATES)


class Config(BotConfig):
    """A configuration with one parameter of each form."""

    clip_usd: Usd = 25_000_000
    share: Frac = 250_000
    wait_s: Seconds = 60
    loud: bool = False
    tiers: str = "A"


class Shelf(Library):
    """The real rows, of which a few are built."""

    def has_module(self, bot_id: str) -> bool:
        return bot_id in BUILT

    def bot(self, bot_id: str) -> Bot:
        if bot_id not in BUILT:
            raise Refused(f"bot {bot_id!r} is pending: it has a row but no module yet")
        return Bot((), Config, None, "market", frozenset(), bot_id)


@pytest.fixture(autouse=True)
def shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the library of a few built bots in the place of the real one."""
    real = library()
    made = Shelf(
        real.rows, real.intent_gates, real.presign_gates, real.reduce_only_skips, real.may_emit, real.references
    )
    monkeypatch.setattr(desks, "library", lambda: made)


HEAD = """
desk_id = "lab"
mode = "paper"
account = "paper"
builder_code = "lab"
start_micros = 10_000_000_000
required_gates = ["risk.kill_switch", "risk.stale_book"]
"""


def config(folder: Path, text: str = HEAD, name: str = "lab") -> Path:
    """Write a desk's file and return the configuration folder."""
    (folder / "desks").mkdir(exist_ok=True)
    (folder / "desks" / f"{name}.toml").write_text(text)
    return folder


def refusal(folder: Path, text: str = HEAD, *sets: str, name: str = "lab") -> str:
    """Return the one line with which a desk is refused."""
    with pytest.raises(Refused) as caught:
        load_desk(name, config(folder, text, name), sets)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_a_desk_is_read_with_its_defaults(tmp_path: Path) -> None:
    """What the file leaves out is 250 ms of latency, NORMAL at boot, everything in scope, every built bot enforced."""
    desk = load_desk("lab", config(tmp_path))
    assert (desk.desk_id, desk.mode, desk.account, desk.builder_code) == ("lab", "paper", "paper", "lab")
    assert (desk.start_micros, desk.boot_mode, desk.scope, desk.overrides) == (10_000_000_000, "NORMAL", (), {})
    assert (desk.order_latency_ms, desk.cancel_latency_ms, desk.ack_latency_ms) == (250, 250, 250)
    assert desk.required_gates == GATES
    assert desk.bot_modes == dict.fromkeys(
        ("intel.resolution_rule_parser", "strat.maker_tight", "risk.kill_switch", "risk.stale_book"), "enforced"
    )
    assert list(desk.bot_modes) == [row.id for row in library().rows if row.id in BUILT]


def test_overrides_keep_what_was_written(tmp_path: Path) -> None:
    """Values of the file and of --set stay as they were written, under the bot's own id, the command line last."""
    text = HEAD + "[strat.maker-tight]\nclip_usd = 12.50\nloud = true\nwait_s = 5\n"
    desk = load_desk("lab", config(tmp_path, text), ["strat.maker_tight.wait_s=7", "risk.stale_book.share=0.1"])
    assert desk.overrides == {
        "strat.maker_tight": {"clip_usd": "12.50", "loud": True, "wait_s": "7"},
        "risk.stale_book": {"share": "0.1"},
    }


def test_an_alias_resolves_on_the_command_line(tmp_path: Path) -> None:
    """A spelling of the alias table means the bot that it stands for."""
    desk = load_desk("lab", config(tmp_path), ["intel.resolutionruleparser.loud=true"])
    assert desk.overrides == {"intel.resolution_rule_parser": {"loud": "true"}}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("strat.maker_tigt.clip_usd=1", ("strat.maker_tigt", "unknown")),
        ("strat.maker_tight.clip=1", ("'clip'", "clip_usd, share, wait_s, loud, tiers")),
        ("strat.maker_tight.share=1.5", ("strat.maker_tight.share is '1.5'", "a decimal, from 0 to 1, fraction")),
        ("strat.maker_tight.share=-0.1", ("'-0.1'", "from 0 to 1")),
        ("strat.maker_tight.share=NaN", ("'NaN'", "from 0 to 1")),
        ("strat.maker_tight.clip_usd=0.0000001", ("'0.0000001'", "a decimal, from 0 to 1,000,000,000,000, dollars")),
        ("strat.maker_tight.wait_s=soon", ("'soon'", "a whole number, from 0 to 315,360,000, seconds")),
        ("strat.maker_tight.wait_s=1.5", ("'1.5'", "a whole number")),
        ("strat.maker_tight.loud=perhaps", ("'perhaps'", "true or false")),
        ("strat.maker_wide.clip_usd=1", ("strat.maker_wide", "pending")),
        ("clip_usd=1", ("'clip_usd=1'", "BOT.PARAM=VALUE")),
        ("strat.maker_tight.clip_usd", ("BOT.PARAM=VALUE",)),
        ("strat.maker_tight.clip_usd=", ("BOT.PARAM=VALUE",)),
    ],
)
def test_a_bad_override_names_what_is_allowed(tmp_path: Path, given: str, named: tuple[str, ...]) -> None:
    """An unknown bot or parameter and a value out of bounds are refused with the option, the value and the bounds."""
    line = refusal(tmp_path, HEAD, given)
    assert line.startswith("--set ")
    assert [word for word in named if word not in line] == []


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('mode = "paper"', 'mode = "live"', "'lab' is reserved"),
        ('mode = "paper"', 'mode = "shadow"', "'lab' is reserved"),
        ('account = "paper"', 'account = "0xabc"', "'lab' is reserved"),
        ('account = "paper"', 'account = "paper"\napi_key = "k"', "unknown key 'api_key'"),
        ('account = "paper"', 'account = "paper"\nkey_ref = "k"', "unknown key 'key_ref'"),
        ('desk_id = "lab"', 'desk_id = "bot1"', "desk_id is 'bot1'"),
        ('builder_code = "lab"\n', "", "builder_code is missing"),
        ("start_micros = 10_000_000_000", "start_micros = -1", "start_micros is -1"),
        ("start_micros = 10_000_000_000", "start_micros = 1.5", "start_micros is '1.5'"),
        ("start_micros = 10_000_000_000", "start_micros = true", "start_micros is True"),
        ("start_micros = 10_000_000_000", "", "start_micros is missing"),
        ('account = "paper"', 'account = "paper"\norder_latency_ms = 60_001', "of 0 to 60000"),
        ('account = "paper"', 'account = "paper"\nboot_mode = "EMERGENCY_STOP"', "allowed: NORMAL, DEGRADED, SAFE"),
        ('account = "paper"', 'account = "paper"\nbots = "loud"', "allowed: off, shadow, advisory"),
        ('account = "paper"', 'account = "paper"\nscope = "M1"', "scope is 'M1'"),
        ('["risk.kill_switch", "risk.stale_book"]', "[]", "is empty"),
        ('"risk.stale_book"]', '"risk.exposure"]', "'risk.exposure' is pending"),
        ('"risk.stale_book"]', '"risk.execution_revalidation"]', "is no intent gate"),
        ('"risk.stale_book"]', '"risk.stail_book"]', "'risk.stail_book' is unknown"),
        ('["risk.kill_switch", "risk.stale_book"]', '["risk.stale_book", "risk.kill_switch"]', "another order"),
        ('"risk.stale_book"]', '"risk.stale_book", "risk.stale_book"]', "names something twice"),
        ('desk_id = "lab"', 'desk_id = "lab', "not TOML"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    """The line names the file and what is wrong in it; `lab` can have no mode, account or key of real money."""
    assert old in HEAD
    line = refusal(tmp_path, HEAD.replace(old, new))
    assert line.startswith(str(tmp_path / "desks" / "lab.toml"))
    assert named in line


def test_the_paper_venue_of_a_desk(tmp_path: Path) -> None:
    """By default cancels stood behind us and the venue is always in reach; the file may say otherwise."""
    plain = load_desk("lab", config(tmp_path))
    assert (plain.queue_model, plain.outages) == ("conservative", ())
    windows = "outages = [{ start_s = 60, seconds = 5 }, { start_s = 65, seconds = 1 }]\n"
    desk = load_desk("lab", config(tmp_path, HEAD + 'queue_model = "calibrated"\n' + windows))
    assert (desk.queue_model, desk.outages) == ("calibrated", ((60, 5), (65, 1)))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('queue_model = "hopeful"', "queue_model is 'hopeful'; allowed: conservative, calibrated"),
        ("queue_model = 1", "queue_model is 1"),
        ("outages = 60", "outages is 60; allowed: at most 1000 tables of start_s and seconds"),
        ("outages = [60]", "outages[0] is 60; allowed: a table of start_s and seconds"),
        ("outages = [{ start_s = 60 }]", "outages[0] is {'start_s': 60}"),
        ("outages = [{ start_s = 1, seconds = 1, why = 1 }]", "allowed: a table of start_s and seconds"),
        ("outages = [{ start_s = -1, seconds = 5 }]", "outages[0].start_s is -1; allowed: a whole number of 0 to"),
        ("outages = [{ start_s = 1, seconds = 1.5 }]", "outages[0].seconds is '1.5'"),
        ("outages = [{ start_s = 1, seconds = 0 }]", "at least 1 second, from second 0 on"),
        ("outages = [{ start_s = 9, seconds = 2 }, { start_s = 10, seconds = 1 }]", "outages[1] is {'start_s': 10"),
    ],
)
def test_a_paper_venue_that_cannot_be_is_refused(tmp_path: Path, text: str, named: str) -> None:
    """The line names the key, the value and what is allowed."""
    assert named in refusal(tmp_path, HEAD + text + "\n")


def test_a_required_guard_must_be_enforced(tmp_path: Path) -> None:
    """A guard whose vote is required may not be off or only watching."""
    line = refusal(tmp_path, HEAD + '[modes]\n"risk.stale_book" = "shadow"\n')
    assert "'risk.stale_book' is 'shadow'" in line


def test_a_pending_bot_has_no_mode_but_off(tmp_path: Path) -> None:
    """What is not built cannot run; saying that it is off is harmless."""
    assert "is pending" in refusal(tmp_path, HEAD + '[modes]\n"strat.maker_wide" = "enforced"\n')
    desk = load_desk(
        "lab", config(tmp_path, HEAD + '[modes]\n"strat.maker_wide" = "off"\n"strat.maker_tight" = "off"\n')
    )
    assert "strat.maker_tight" not in desk.bots
    assert "strat.maker_wide" not in desk.bot_modes


def test_another_desk_may_watch_but_not_trade_over_a_capture(tmp_path: Path) -> None:
    """Outside the laboratory paper and shadow are modes of a capture; live and testnet are not."""
    text = HEAD.replace('desk_id = "lab"', 'desk_id = "bot4"')
    assert (
        load_desk("bot4", config(tmp_path, text.replace('mode = "paper"', 'mode = "shadow"'), "bot4")).mode == "shadow"
    )
    for mode in ("live", "testnet_probe", "PAPER"):
        line = refusal(tmp_path, text.replace('mode = "paper"', f'mode = "{mode}"'), name="bot4")
        assert f"mode is {mode!r}; allowed over a capture: paper, shadow" in line


def test_an_unknown_desk_names_the_known_ones(tmp_path: Path) -> None:
    """A name without a file, also one that would leave the folder, is answered with the names that there are."""
    config(tmp_path)
    config(tmp_path, HEAD, "bot4")
    for name in ("labb", "../lab", "Lab", "", "lab.toml"):
        with pytest.raises(Refused, match=r"unknown desk; available in .*: bot4, lab$"):
            load_desk(name, tmp_path)


def test_missing_configuration_is_named(tmp_path: Path) -> None:
    """A configuration folder that is missing, a file, or has no desks is refused by its path."""
    for folder, what in ((tmp_path / "none", "no such folder"), (tmp_path, "has no folder desks")):
        with pytest.raises(Refused, match=f"--config .*{what}"):
            load_desk("lab", folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match="no such folder"):
        load_desk("lab", tmp_path / "file")


def test_a_folder_instead_of_a_desk_is_unknown(tmp_path: Path) -> None:
    """A folder with a desk's name is no desk."""
    (tmp_path / "desks" / "lab.toml").mkdir(parents=True)
    with pytest.raises(Refused, match="unknown desk"):
        load_desk("lab", tmp_path)


def test_equal_files_make_equal_desks(tmp_path: Path) -> None:
    """A desk is a value: read twice it is the same, and a changed copy is another."""
    first, second = load_desk("lab", config(tmp_path)), load_desk("lab", config(tmp_path))
    assert first == second
    assert first != replace(first, mode="shadow")
