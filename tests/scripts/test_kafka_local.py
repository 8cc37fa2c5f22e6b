"""A person starts a broker that stays, finds it again, and stops it."""

from pathlib import Path

import pytest

from connectors.broker import Broker
from scripts import kafka_local


@pytest.mark.kafka
def test_up_twice_then_down(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second `up` finds the first's process; after `down` none runs and the folder is there."""
    assert broker.pid is not None  # where no broker can be had this test is skipped
    folder = tmp_path / "broker"
    monkeypatch.setattr(kafka_local, "FOLDER", folder)
    try:
        assert 0 == kafka_local.main(["up"])
        pid = Broker(folder).pid
        assert (0, pid) == (kafka_local.main(["up"]), Broker(folder).pid)
        assert f"process {pid}, 127.0.0.1:" in capsys.readouterr().out
        assert (0, None) == (kafka_local.main(["down"]), Broker(folder).pid)
    finally:
        Broker(folder).stop()
    assert "does not run" in capsys.readouterr().out
    assert (folder / "broker.json").exists()


@pytest.mark.parametrize("words", [[], ["sideways"], ["up", "down"]])
def test_anything_else_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is none of the three gives the three, and exit code 2."""
    assert 2 == kafka_local.main(words)
    assert "say one of: up, down, status" in capsys.readouterr().err
