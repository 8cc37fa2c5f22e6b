"""`pt signer` is a process of its own that says where it listens, signs, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from connectors.signer_client import SignerClient
from tests.connectors.keyring import ADDRESS, canaries, keys_file


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """The first line names the socket; SIGTERM ends it with 0 and takes the socket away; no secret in what it wrote."""
    keys = keys_file(tmp_path)
    with tempfile.TemporaryDirectory(prefix="pt") as folder:
        path = Path(folder) / "s"
        words = [sys.executable, "-m", "cli.main", "signer", "--keys", str(keys), "--socket", str(path)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert f"listening: {path}\n" == process.stdout.readline()
            asks = SignerClient(path)
            assert ADDRESS == asks.about("eoa", "live")["address"]
            line = Path(f"/proc/{process.pid}/cmdline").read_text() + Path(f"/proc/{process.pid}/environ").read_text()
            os.kill(process.pid, signal.SIGTERM)
            out, err = process.communicate(timeout=10)
        assert (0, False) == (process.returncode, path.exists())
        assert not [canary for canary in canaries() if canary in out + err + line]


def test_what_it_cannot_use_ends_with_2(tmp_path: Path) -> None:
    """No keys file, a wrong entry, a path that is taken: one line, and no socket."""
    keys, path = keys_file(tmp_path), tmp_path / "s"

    def pt(*words: str) -> tuple[int, int]:
        shown = CliRunner().invoke(app, ["signer", *words])
        return shown.exit_code, shown.stderr.count("\n")

    assert (2, 1) == pt("--keys", str(tmp_path / "none"), "--socket", str(path))
    path.write_text("mine")
    assert (2, 1) == pt("--keys", str(keys), "--socket", str(path))
    keys.write_text('[keys.a]\nkind="pgp"\nvenue="x"\nmode="live"\naccount="a"\nrefs={}\n')
    assert (2, 1) == pt("--keys", str(keys), "--socket", str(tmp_path / "t"))
    assert ("mine", False) == (path.read_text(), (tmp_path / "t").exists())
