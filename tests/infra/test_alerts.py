"""Alert rules name metrics that exist, lead to a runbook, and are shown firing and silent by Prometheus' own tool."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from connectors.metrics import METRICS
from scripts import promtool
from scripts.promtool import NoPromtool

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "infra" / "prometheus"
SECTIONS = ("Means", "At stake", "Look at", "Do", "Over when")
OWNERS, SEVERITIES = {"platform", "trading", "risk"}, {"critical", "warning"}
ASKED = (
    "ProgramDown LagGrowing DataOld NearLogStart NearEndOfIds DeadLettersRising BrokerTrouble SpoolSafe SpoolFull "
    "EpochStalled UndeliveredGrowing InvalidEnvelopes RefusedRecords Incident StoreErrors MixedVersions NoDecisions "
    "VotesAllRefused"
)
# What a person may be told to run; a verb that is not on this list must not stand in a runbook.
VERBS = {"doctor", "top", "topics", "envelopes", "explain", "why", "replay", "refeed", "schemas", "run", "feed"}


@cache
def rules() -> dict[str, dict[str, object]]:
    """Return the alerts by name."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def shown() -> dict[str, list[bool]]:
    """Return which alerts the tests of the rules ask about, and whether they expect them to fire."""
    found: dict[str, list[bool]] = {}
    for test in yaml.safe_load((FOLDER / "alerts_test.yml").read_text("utf-8"))["tests"]:
        for asked in test["alert_rule_test"]:
            found.setdefault(asked["alertname"], []).append(bool(asked.get("exp_alerts")))
    return found


def section(link: str) -> str:
    """Return the text of a runbook's section."""
    path, _, anchor = link.partition("#")
    parts = re.split(r"^## (.+)$", (ROOT / path).read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip((name.lower() for name in parts[1::2]), parts[2::2], strict=True))[anchor]


def test_every_alert_that_was_asked_for_exists() -> None:
    """None was forgotten, and each name stands once."""
    text = (FOLDER / "alerts.yml").read_text("utf-8")
    assert set() == set(ASKED.split()) - rules().keys()
    assert text.count("- alert:") == len(rules())


@pytest.mark.parametrize("name", rules())
def test_an_alert_rests_on_metrics_that_exist(name: str) -> None:
    """Every metric and label in its expression is on the list, or Prometheus' own; it says who and how bad."""
    rule = rules()[name]
    expr = str(rule["expr"])
    metrics = set(re.findall(r"polytraders_\w+", expr))
    assert metrics <= METRICS.keys()
    assert metrics or "up{" in expr
    labels = {label for metric in metrics for names in METRICS[metric].labels for label in names}
    used = set(re.findall(r"(\w+)=~?\"", expr)) | {
        label for group in re.findall(r"(?:by|on) \(([^)]*)\)", expr) for label in filter(None, group.split(", "))
    }
    assert used <= labels | {"job", "instance", "service", "deployment"}
    said = rule["labels"]
    assert isinstance(said, dict)
    assert (said["owner"] in OWNERS, said["severity"] in SEVERITIES) == (True, True)


@pytest.mark.parametrize("name", rules())
def test_an_alert_leads_to_its_runbook(name: str) -> None:
    """Its page has a section of its name with all five parts, and tells to run nothing but what there is."""
    notes = rules()[name]["annotations"]
    assert isinstance(notes, dict)
    assert {"summary", "mode", "runbook"} == notes.keys()
    assert notes["runbook"].endswith(f"#{name.lower()}")
    text = section(notes["runbook"])
    assert SECTIONS == tuple(re.findall(r"^\*\*([^*]+)\.\*\*", text, flags=re.MULTILINE))
    assert set(re.findall(r"`pt ([a-z]+)", text)) <= VERBS


def test_every_runbook_stands_in_the_index_and_belongs_to_an_alert() -> None:
    """The index names each alert with the severity, owner and page of its rule, and no page has a section too many."""
    index = (ROOT / "docs" / "runbooks" / "README.md").read_text("utf-8")
    for name, rule in rules().items():
        labels, notes = rule["labels"], rule["annotations"]
        assert isinstance(labels, dict)
        assert isinstance(notes, dict)
        page = Path(notes["runbook"]).name
        row = f"| {name} | {labels['severity']} | {labels['owner']} | [{Path(page).stem}]({page}) |"
        assert row in index
    pages = [path for path in (ROOT / "docs" / "runbooks").glob("*.md") if path.name != "README.md"]
    sections = {name for page in pages for name in re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)}
    assert rules().keys() == sections


def test_every_alert_is_shown_firing_and_not_firing() -> None:
    """The tests of the rules expect each alert at least once, and expect it to be silent at least once."""
    assert {name: [False, True] for name in rules()} == {name: sorted(set(fires)) for name, fires in shown().items()}


# ---- Prometheus' own tool -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def tool() -> Path:
    """Return promtool, fetched once where it is not there; skips, with the reason, where none can be had."""
    try:
        return promtool.promtool()
    except NoPromtool as err:
        pytest.skip(f"no promtool: {err}")


def ran(tool: Path, *words: str) -> tuple[int, str]:
    """Run it, and return its code and what it said."""
    ended = subprocess.run([str(tool), *words], capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_prometheus_takes_its_configuration(tool: Path) -> None:
    """The configuration and the rules that it names compile."""
    code, said = ran(tool, "check", "config", str(FOLDER / "prometheus.yml"))
    assert (0, True) == (code, f"{len(rules())} rules found" in said), said


def test_the_rules_pass_their_tests(tool: Path) -> None:
    """Every alert fires where it should, with its labels and words, and nowhere else."""
    code, said = ran(tool, "test", "rules", str(FOLDER / "alerts_test.yml"))
    assert 0 == code, said


@pytest.mark.parametrize("broken", ["vector(0) > 1", "vector(1)"], ids=["never", "always"])
def test_the_tests_of_the_rules_see_each_rule(tool: Path, tmp_path: Path, broken: str) -> None:
    """A rule that never fires, or always does, is found: for every single alert."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))
    for group in groups["groups"]:
        for rule in group["rules"]:
            rule["expr"] = broken
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(groups))
    (tmp_path / "alerts_test.yml").write_text((FOLDER / "alerts_test.yml").read_text("utf-8"))
    code, said = ran(tool, "test", "rules", str(tmp_path / "alerts_test.yml"))
    assert 0 != code
    assert rules().keys() == set(re.findall(r"alertname: ?(\w+)", said))


def test_where_nothing_can_be_fetched_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without promtool and without apt-get the refusal names both; what does not run is not handed out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoPromtool, match="none can be fetched without apt-get and dpkg-deb"):
        promtool.promtool(tmp_path / "prometheus")
    broken = tmp_path / "promtool"
    broken.write_text("not a program")
    broken.chmod(0o755)
    with pytest.raises(NoPromtool, match="promtool: does not run"):
        promtool.promtool(tmp_path / "prometheus")
    assert ["promtool"] == [path.name for path in tmp_path.iterdir()]
