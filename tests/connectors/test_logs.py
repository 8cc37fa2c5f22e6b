"""The log of a program is lines of JSON, bounded in size and number, and holds no secret in any form."""

import json
import logging
import socket
import sys
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest
from confluent_kafka import Consumer

from connectors import logs
from connectors.access import Access
from connectors.certificates import make_certificates
from connectors.errors import EdgeError
from connectors.kafka_health import Trouble, common
from connectors.logs import FIELDS_MAX, HIDDEN, KNOWN_MAX, TEXT_MAX, Log, cleaned, conceal, tell
from contracts.base import Refused

KAFKA = logging.getLogger("polytraders.kafka")
CANARIES = [f"canary-{n}/{'pA55+w0rd' * (1 + n % 3)}?ü&{n}" for n in range(50)]


@pytest.fixture(autouse=True)
def nothing_concealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin without secrets that are known by their value."""
    monkeypatch.setattr(logs, "_concealed", set())


class Said:
    """What stands on standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._text = capsys, ""

    def getvalue(self) -> str:
        """Return all of it."""
        self._text += self._capsys.readouterr().err
        return self._text


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return what stands on standard error."""
    return Said(capsys)


def lines(text: str) -> list[dict[str, object]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_an_event_is_one_line_of_json(said: Said) -> None:
    """Time in UTC, level, program, event and fields stand in every line, whatever the text holds."""
    with Log("market"):
        tell("started", lanes=4, name="two\nlines", part=None, share=0.5, data=b"abc", parts=["a", {"b": 1}])
    assert 1 == said.getvalue().count("\n")
    (line,) = lines(said.getvalue())
    assert ("INFO", "market", "started") == (line["level"], line["program"], line["event"])
    fields = {"lanes": 4, "name": "two\nlines", "part": None, "share": 0.5, "data": "3 bytes", "parts": ["a", {"b": 1}]}
    assert fields == line["fields"]
    assert str(line["ts"]).endswith("Z")
    assert abs(time.time() - logs.datetime.fromisoformat(str(line["ts"])).timestamp()) < 5


def test_the_kafka_client_is_heard_and_others_are_not(said: Said) -> None:
    """Libraries that would log what was sent stay silent, and so does ours once the log is closed."""
    with Log("market"):
        KAFKA.warning("broker %s is away", "b1")
        logging.getLogger("polytraders.feeds.socket").error("headers")
        logging.getLogger("kafka").error("bytes")
    KAFKA.warning("after")
    tell("after")
    (line,) = lines(said.getvalue())
    assert ("WARNING", "kafka", {"text": "broker b1 is away"}) == (line["level"], line["event"], line["fields"])


def test_levels(said: Said) -> None:
    """What is below the level is left out; an unknown level is refused by name."""
    with Log("market", level="WARNING"):
        tell("quiet")
        tell("loud", "ERROR")
    assert ["loud"] == [line["event"] for line in lines(said.getvalue())]
    with pytest.raises(Refused, match="log level 'LOUD'; allowed: DEBUG, INFO, WARNING, ERROR"):
        Log("market", level="LOUD")


def test_an_error_is_told_without_its_traceback(said: Said) -> None:
    """Type and message of an exception stand in a field; its message is cleaned as any text."""
    with Log("market"):
        try:
            raise ValueError("password=hunter2 refused")
        except ValueError:
            KAFKA.exception("failed")
    (line,) = lines(said.getvalue())
    assert {"text": "failed", "error": f"ValueError: password={HIDDEN} refused"} == line["fields"]


# ---- secrets ------------------------------------------------------------------------------------------------------


def forms(secret: str) -> dict[str, str]:
    """Spell a secret as other programs would."""
    raw = secret.encode()
    return {
        "raw": secret,
        "base64": b64encode(raw).decode(),
        "basic": b64encode(b"paper.market:" + raw).decode(),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "url": quote(secret),
        "query": quote(secret, safe=""),
        "json": json.dumps(secret)[1:-1],
    }


def test_no_canary_in_any_form(said: Said, tmp_path: Path) -> None:
    """50 concealed secrets in 8 spellings, in text, fields, names and nested values: none is in what was written."""
    conceal(*CANARIES)
    with Log("market", tmp_path / "log.jsonl", clock=iter(range(10_000_000)).__next__), Log("market"):
        for number, canary in enumerate(CANARIES):
            for form, text in forms(canary).items():
                KAFKA.error("client %d said <%s> of %s", number, text, form)
                tell("odd", what=f"a{text}b", nested={"x": [text, {text: text}]}, form=form)
                tell(f"named {text}", "ERROR")
    written = said.getvalue() + (tmp_path / "log.jsonl").read_text("utf-8")
    assert 3 * 8 * 50 <= written.count("\n")
    whole = [text for canary in CANARIES for name, text in forms(canary).items() if name != "basic" and text in written]
    middles = [form for canary in CANARIES for form in (b64encode(b"paper.market:" + canary.encode()).decode()[20:-4],)]
    assert ([], []) == (whole, [text for text in middles if text in written])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sasl.password=hunter2 next", f"sasl.password={HIDDEN} next"),
        ('{"api_key": "abc def", "n": 1}', f'{{"api_key": {HIDDEN}, "n": 1}}'),
        ("Authorization: Bearer abc.def-1", f"Authorization: {HIDDEN} {HIDDEN}"),
        ("sent Basic dXNlcjpwYXNz== now", f"sent Basic {HIDDEN} now"),
        ("https://user:pass@host/x", f"https://{HIDDEN}@host/x"),
        ("a -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY----- b", f"a {HIDDEN} b"),
        ("cut -----BEGIN PRIVATE KEY-----\nMHcCAQ", f"cut {HIDDEN}"),
        ("desk key lab, partition 3 of paper.journal", "desk key lab, partition 3 of paper.journal"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, expected: str) -> None:
    """Names, headers, addresses and keys give a secret away that nobody concealed."""
    assert expected == cleaned(text)


def test_a_field_named_like_a_secret_is_hidden(said: Said) -> None:
    """The value does not matter, nor how deep it stands."""
    with Log("market"):
        tell("odd", password="a", deep={"apiKey": [1, 2], "token_count": 3}, market_key="b")
    (line,) = lines(said.getvalue())
    deep = {"apiKey": HIDDEN, "token_count": HIDDEN}
    assert {"password": HIDDEN, "deep": deep, "market_key": "b"} == line["fields"]


def test_a_cut_never_leaves_half_a_secret() -> None:
    """A long text is cut after it was cleaned, also where a secret lies across the cut."""
    conceal("canary-across-the-cut")
    for at in (TEXT_MAX - 5, logs.LOOKED_AT - 5):
        found = cleaned("x" * at + "canary-across-the-cut" + "y" * 100)
        assert "canary" not in found
        assert len(found) < TEXT_MAX + 40


def test_a_client_with_a_wrong_password_does_not_say_it(said: Said, tmp_path: Path) -> None:
    """librdkafka, all its debugging on, fails to log in; it is heard, and the password is not in what it said."""
    make_certificates(tmp_path / "ca.pem", tmp_path / "server.pem", "127.0.0.1")
    secret = tmp_path / "password"
    secret.write_text("canary-of-the-client\n")
    secret.chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    access = Access(f"127.0.0.1:{port}", "paper.market", str(secret), str(tmp_path / "ca.pem"))
    with Log("market", level="DEBUG"):
        client = Consumer({**common(access, Trouble()), "group.id": "g", "debug": "all"})
        until = time.monotonic() + 5
        while "Connect" not in said.getvalue() and "SSL" not in said.getvalue() and time.monotonic() < until:
            client.poll(0.05)
        client.close()
    assert {"kafka"} == {line["event"] for line in lines(said.getvalue())}
    assert "canary-of-the-client" not in said.getvalue()


# ---- bounds -------------------------------------------------------------------------------------------------------


def test_a_repeated_message_is_written_once_a_second_with_its_number(said: Said) -> None:
    """10,000 messages that differ in digits only, over 2.5 seconds, are 3 lines and a last one: none uncounted."""
    now = [0.0]
    with Log("market", clock=lambda: now[0]):
        for number in range(10_000):
            now[0] = number / 4_000
            KAFKA.error("connect to 127.0.0.1:%d failed after %d ms", number, number % 7)
    found = lines(said.getvalue())
    assert [None, 4_000, 4_000, 1_999] == [line.get("times") for line in found]
    assert 10_000 == sum(int(str(line.get("times", 1))) for line in found)


def test_other_messages_pass_and_the_silent_ones_are_told(said: Said) -> None:
    """Another field is another message; a count that waits is told at the next message after a second."""
    now = [0.0]
    with Log("market", clock=lambda: now[0]):
        for _ in range(3):
            tell("gap", lane="a")
            tell("gap", lane="b")
        now[0] = 5.0
        tell("other")
        assert 5 == said.getvalue().count("\n")
    told = [(line["event"], line["fields"], line.get("times")) for line in lines(said.getvalue())]
    first = [("gap", {"lane": "a"}, None), ("gap", {"lane": "b"}, None), ("other", {}, None)]
    assert [*first, ("gap", {"lane": "a"}, 2), ("gap", {"lane": "b"}, 2)] == told


def test_memory_is_bounded(said: Said) -> None:
    """More kinds of messages than are remembered are all written, and the memory begins again."""
    with Log("market", clock=lambda: 0.0) as log:
        for number in range(3 * KNOWN_MAX):
            tell("x" * (number % 1_500) + "y" * (number // 1_500))
        assert len(log._handler._held) <= KNOWN_MAX
    assert 3 * KNOWN_MAX == said.getvalue().count("\n")


def test_a_file_is_bounded_and_ours_alone(tmp_path: Path) -> None:
    """Files rotate, the oldest goes, each line stands whole in one of them, and nobody else may read them."""
    path = tmp_path / "log.jsonl"
    with Log("market", path, file_bytes=10_000, files=2, clock=iter(range(10_000_000)).__next__):
        for number in range(1_000):
            tell("event", number=number)
    files = sorted(tmp_path.iterdir())
    assert ["log.jsonl", "log.jsonl.1", "log.jsonl.2"] == [file.name for file in files]
    assert all(file.stat().st_size <= 10_000 and file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert 999 == lines(path.read_text("utf-8"))[-1]["fields"]["number"]  # type: ignore[index]


def test_one_line_is_bounded(said: Said) -> None:
    """Many fields and deep ones are cut."""
    deep: object = "end"
    for _ in range(100):
        deep = [deep]
    with Log("market"):
        tell("wide", **{f"f{n}": n for n in range(10 * FIELDS_MAX)})
        tell("deep", value=deep)
    wide, nested = lines(said.getvalue())
    assert FIELDS_MAX == len(wide["fields"])  # type: ignore[arg-type]
    assert len(json.dumps(nested)) < 1_000


class Gone:
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        """Refuse, as a closed pipe does."""
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        """Refuse as well."""
        raise BrokenPipeError(32, "Broken pipe")


class Unspeakable:
    """A value that cannot be spelt."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_a_log_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe and a value that cannot be spelt lose the line, which is counted, and raise nothing."""
    with Log("market") as log:
        with monkeypatch.context() as gone:
            gone.setattr(sys, "stderr", Gone())
            tell("lost")
        tell("odd", what=Unspeakable())
        assert 2 == log.lost


def test_hostile_text_takes_no_time() -> None:
    """Text that would make a search walk it again and again is cleaned in well under a second."""
    size = logs.LOOKED_AT
    hostile = ["x" * size, "token" * size, 'password="' * size, "://" * size, "-----BEGIN " * size, "basic " * size]
    begun = time.process_time()
    assert all(len(cleaned(text)) < TEXT_MAX + 40 for text in hostile)
    assert time.process_time() - begun < 1.0


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    """The refusal names the file."""
    with pytest.raises(EdgeError, match=r"none/log.jsonl: cannot be written \(No such file or directory\)"):
        Log("market", tmp_path / "none" / "log.jsonl")
