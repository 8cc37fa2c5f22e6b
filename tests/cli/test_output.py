"""What people and scripts see of values, errors and progress."""

import io
import sys

import pytest

from cli import output
from connectors.errors import EdgeError
from contracts.base import Refused


@pytest.mark.parametrize(
    ("micros", "expected"),
    [
        (0, "0.00"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (1_500_000, "1.50"),
        (-25_120_000, "-25.12"),
        (10_000_000_000, "10,000.00"),
        (123_456_789, "123.456789"),
    ],
)
def test_money_is_spelt_exactly(micros: int, expected: str) -> None:
    """Millionths become a decimal with at least two places and no rounding."""
    assert output.dollars(micros) == expected


def test_moments_are_spelt_exactly() -> None:
    """Nanoseconds become ISO 8601 in UTC, without trailing zeros."""
    assert output.moment(1_767_268_800_000_000_000) == "2026-01-01T12:00:00Z"
    assert output.moment(1_767_268_800_000_000_007) == "2026-01-01T12:00:00.000000007Z"
    assert output.moment(1_767_268_800_120_000_000) == "2026-01-01T12:00:00.12Z"


def test_values_are_spelt_for_people() -> None:
    """Thousands stand apart, nothing is a dash, lists have commas."""
    spelt = [output.shown(value) for value in (1234567, 0.5, 2.0, True, None, "", [], ["a", 2], {"APPROVE": 1200})]
    assert spelt == ["1,234,567", "0.5", "2", "yes", "-", "-", "-", "a, 2", "APPROVE 1,200"]


def test_json_refuses_what_json_cannot_say(capsys: pytest.CaptureFixture[str]) -> None:
    """A number that is none never reaches a script; other letters are written as they are."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        output.put_json({"x": float("nan")})
    output.put_json({"é": 1})
    assert capsys.readouterr().out == '{"é": 1}\n'


def test_markup_in_data_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    """A market's name in square brackets, or with an emoji's name, is printed as it is."""
    output.put_table("[bold]x[/bold]", ("name",), [("[red]:smile:[/red]",)])
    assert "[red]:smile:[/red]" in capsys.readouterr().out


def test_an_empty_table_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """No row, no heading."""
    output.put_table("dead letters", ("reason", "count"), [])
    assert capsys.readouterr().out == ""


def test_nested_answers_are_indented(capsys: pytest.CaptureFixture[str]) -> None:
    """A tree shows one value per line, and instants as people read them."""
    output.put_tree({"at_ns": 1_767_268_800_000_000_000, "votes": [{"gate": "a"}], "first": {"n": 1}, "none": {}})
    assert capsys.readouterr().out.split("\n") == [
        "at_ns: 2026-01-01T12:00:00Z",
        "votes:",
        "  gate: a",
        "",
        "first:",
        "  n: 1",
        "none: -",
        "",
    ]


def test_an_error_is_one_line() -> None:
    """A refusal, an edge error, a missing file, and the same wrapped by a dataflow are said in their own words."""
    missing = FileNotFoundError(2, "No such file or directory", "x.jsonl")
    assert output.reason_of(Refused("a\n b")) == "a b"
    assert output.reason_of(EdgeError("held by process 7")) == "held by process 7"
    assert output.reason_of(missing) == "x.jsonl: No such file or directory"
    try:
        try:
            raise Refused("the cause")
        except Refused as err:
            raise RuntimeError("a worker failed") from err
    except RuntimeError as err:
        assert output.reason_of(err) == "the cause"
    assert output.reason_of(KeyError("x")) == "unexpected KeyError: 'x'; --debug shows where"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_moves_on_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard error is a terminal a bar is drawn; elsewhere nothing is, unless lines are wanted."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    with output.progress("running") as bar:
        bar(10, 100, 50)
    drawn = sys.stderr.getvalue()
    quiet, lines = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", quiet)
    with output.progress("running") as bar:
        bar(10, 100, 50)
    monkeypatch.setattr(sys, "stderr", lines)
    with output.progress("running", plain=True) as bar:
        bar(1_000, 100, 50)
        bar(1_001, 100, 51)
        bar(1_002, 0, 51)
    assert "running" in drawn
    assert "10 frames" in drawn
    assert quiet.getvalue() == ""
    assert lines.getvalue() == "running:  50 %, 1,000 frames\n"


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets no colour; a stream that is no terminal gets no escape at all."""
    for stream, env in ((Terminal(), "1"), (io.StringIO(), "")):
        monkeypatch.setenv("NO_COLOR", env)
        monkeypatch.setenv("TERM", "xterm-256color")
        console = output.console(stream)
        console.print("plain", style="red")
        assert "\x1b[3" not in stream.getvalue()


def test_a_console_has_a_width_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets wide lines; COLUMNS still decides where it is set."""
    monkeypatch.delenv("COLUMNS", raising=False)
    assert output.console(io.StringIO()).width == output.PLAIN_WIDTH
    monkeypatch.setenv("COLUMNS", "60")
    assert output.console(io.StringIO()).width == 60
