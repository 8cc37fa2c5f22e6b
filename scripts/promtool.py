"""Find promtool, or fetch it into build/prometheus without installing anything: `python -m scripts.promtool [ARGS]`.

Alert rules are code, and Prometheus' own tool is what compiles and tests them. It is taken from the PATH where it is
there; else from the system's package `prometheus`, unpacked beside the other things that targets make. No root is
needed: where the system's lists of packages are missing, lists of our own are kept beside it. apt verifies what it
fetches against the keys of the system.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from connectors.errors import EdgeError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "prometheus"
PACKAGE = "prometheus"
SECONDS = 120


class NoPromtool(EdgeError):
    """No promtool can be had on this machine; the message says what is missing."""


def promtool(folder: Path = FOLDER) -> Path:
    """Return a promtool that runs, fetched once where there is none; raises NoPromtool."""
    there = shutil.which("promtool")
    path = Path(there) if there else folder / "usr" / "bin" / "promtool"
    if not path.exists():
        fetch(folder)
    try:
        _run([str(path), "--version"], folder.parent)
    except (EdgeError, OSError) as err:
        raise NoPromtool(f"{path}: does not run ({err})") from None
    return path


def fetch(folder: Path) -> None:
    """Download the package and unpack it into a folder that appears whole; raises NoPromtool."""
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing:
        raise NoPromtool(f"no promtool on the PATH, and none can be fetched without {' and '.join(missing)}")
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        package = _download(part)
        _run(["dpkg-deb", "-x", str(package), str(part / "unpacked")], part)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if not folder.exists():
            (part / "unpacked").replace(folder)
    except (EdgeError, OSError) as err:
        raise NoPromtool(f"no promtool on the PATH, and the package {PACKAGE} cannot be fetched ({err})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _download(part: Path) -> Path:
    """Fetch the package with the lists of the system, or else with lists of our own."""
    try:
        _run(["apt-get", "download", PACKAGE], part)
    except EdgeError:
        own = [f"Dir::State::lists={part}/lists", f"Dir::Cache={part}/cache"]
        for folder in ("lists/partial", "cache/archives/partial"):
            (part / folder).mkdir(parents=True)
        options = [word for each in own for word in ("-o", each)]
        _run(["apt-get", *options, "update"], part)
        _run(["apt-get", *options, "download", PACKAGE], part)
    return next(part.glob(f"{PACKAGE}_*.deb"))


def _run(words: list[str], folder: Path) -> None:
    """Run a program to its end; raises EdgeError with its last word."""
    try:
        ended = subprocess.run(
            words, cwd=folder if folder.is_dir() else ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise EdgeError(f"{words[0]} did not end within {SECONDS} s") from None
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise EdgeError(f"{words[0]} ended with {ended.returncode}: {said[-1] if said else 'no word'}")


def main(words: list[str]) -> int:
    """Say where promtool is, or run it with the words; returns its exit code, 2 where none can be had."""
    try:
        path = promtool()
    except EdgeError as err:
        print(f"promtool: {err}", file=sys.stderr)
        return 2
    if not words:
        print(path)
        return 0
    return subprocess.run([str(path), *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
