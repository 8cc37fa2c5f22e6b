"""`pt topics` makes, shows and verifies, in words and as one JSON document, with the exit codes of `pt`."""

import json
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from typer.testing import CliRunner

from cli.main import app
from connectors import namespace
from connectors.access import kafka_python
from connectors.broker import Broker

PREFIX = "paper.refeed.pt"


def pt(*words: str) -> tuple[int, str, str]:
    """Run `pt topics` and return its exit code, its answer and what it said."""
    shown = CliRunner().invoke(app, ["topics", *words])
    return shown.exit_code, shown.stdout, shown.stderr


@pytest.mark.kafka
def test_create_show_verify(broker: Broker) -> None:
    """A new prefix is made and verified with 0; a topic that is lost ends `verify` with 1, in words and in JSON."""
    access = ("--access", str(broker.folder / "access" / "admin.json"))
    plain = ("--bootstrap", broker.plain.bootstrap)
    code, out, _ = pt("create", "--prefix", "paper", *plain, "--json")  # the rights over all refeeds are the mode's
    assert (True, True) == (code in (0, 1), json.loads(out)["prefix"] == "paper")
    code, out, _ = pt("create", "--prefix", PREFIX, *access, "--json")
    told = json.loads(out)
    assert (0, True, [], 9) == (code, told["same"], told["differences"], len(told["created"]))
    code, out, _ = pt("show", "--prefix", PREFIX, *plain, "--json")
    assert (0, told["created"]) == (code, [topic["name"] for topic in json.loads(out)["topics"]])
    code, out, _ = pt("verify", "--prefix", PREFIX, *access)
    assert (0, True) == (code, "9 topics and" in out and "0 differences" in out)

    lost = namespace.topic(PREFIX, "outbox")
    with KafkaAdminClient(**kafka_python(broker.plain)) as client:
        client.delete_topics([lost])
    code, out, _ = pt("verify", "--prefix", PREFIX, *plain, "--json")
    row = {"what": "topic", "name": lost, "field": "exists", "wanted": "yes", "seen": "no"}
    assert (1, False, [row]) == (code, json.loads(out)["same"], json.loads(out)["differences"])
    code, out, _ = pt("verify", "--prefix", PREFIX, *plain)
    assert (1, True) == (code, lost in out and "1 differences" in out)
    code, out, _ = pt("show", "--prefix", PREFIX, *plain)
    assert (0, True) == (code, "paper.refeed.pt.journal" in out and "8 topics" in out)


@pytest.mark.kafka
def test_a_program_is_no_administrator(broker: Broker) -> None:
    """The broker's refusal is one line with the principal's name, and exit code 2."""
    access = str(broker.folder / "access" / "live.market.json")
    code, out, err = pt("create", "--prefix", "live.refeed.pt", "--access", access)
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert "as live.market: " in err


@pytest.mark.parametrize("verb", ["create", "show", "verify"])
@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "Missing option '--prefix'"),
        (["--prefix", "paper"], "--bootstrap or --access: name the broker with one of them"),
        (["--prefix", "paper", "--bootstrap", "a:1", "--access", "f"], "name the broker with one of them"),
        (["--prefix", "demo", "--bootstrap", "127.0.0.1:1"], "mode 'demo' is unknown; allowed: paper, shadow"),
        (["--prefix", "paper", "--access", "none.json"], "none.json: cannot be read"),
        (["--prefix", "paper", "--bootstrap", "127.0.0.1:1"], "127.0.0.1:1: as nobody: nobody listens there"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, verb: str, words: list[str], named: str
) -> None:
    """The line names the option, the value and what is allowed; standard output stays empty."""
    monkeypatch.setattr("connectors.topics.REACH_MS", 200)
    code, out, err = pt(verb, *words)
    assert (2, "", 1) == (code, out, err.count("\n"))
    assert named in err


@pytest.mark.parametrize("verb", ["create", "verify"])
def test_a_wrong_layout_is_refused(tmp_path: Path, verb: str) -> None:
    """The file is named before any broker is asked."""
    path = tmp_path / "layout.toml"
    path.write_text("[defaults]\n")
    code, out, err = pt(verb, "--prefix", "paper", "--bootstrap", "127.0.0.1:1", "--layout", str(path))
    assert (2, "", True) == (code, out, "layout.toml: " in err)


@pytest.mark.parametrize("verb", ["create", "show", "verify"])
def test_each_has_help(verb: str) -> None:
    """`--help` says what it does, with 0."""
    code, out, err = pt(verb, "--help")
    assert (0, "", True) == (code, err, f"Usage: pt topics {verb}" in out)
