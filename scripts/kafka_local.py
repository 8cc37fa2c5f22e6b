"""Start and stop a local Apache Kafka that stays: `python -m scripts.kafka_local up | down | status`.

For a person who tries things by hand. Tests and the demonstration start brokers of their own, and end them.
"""

import sys
from pathlib import Path

from connectors.broker import Broker
from connectors.errors import EdgeError
from connectors.kafka_jars import CACHE
from connectors.topic_layout import layout, principals, read_layout
from connectors.topics import administration, create

FOLDER = CACHE / "broker"
MODE = "paper"


def up(folder: Path) -> None:
    """Start it, make the topics of paper, and say how to reach it; one that runs is left running."""
    file = read_layout()
    broker = Broker(folder, principals(file, MODE))
    if broker.pid is None:
        broker.start()
    with administration(broker.access("admin")) as client:
        create(client, layout(file, MODE), MODE)
    status(folder)


def down(folder: Path) -> None:
    """Stop it; its topics and data stay in the folder."""
    Broker(folder).stop()
    status(folder)


def status(folder: Path) -> None:
    """Say whether it runs, and how to reach it."""
    broker = Broker(folder)
    if broker.pid is None:
        print(f"kafka: does not run; its folder is {folder}")
        return
    print(f"kafka {broker.made.version}: process {broker.pid}, {broker.plain.bootstrap} (asks nobody)")
    print(f"  as a program: pt topics verify --prefix {MODE} --access {folder / 'access' / 'admin.json'}")


def main(words: list[str]) -> int:
    """Do one thing; returns the exit code: 2 for bad input, or a broker that cannot be had."""
    verbs = {"up": up, "down": down, "status": status}
    if len(words) != 1 or words[0] not in verbs:
        print(f"say one of: {', '.join(verbs)}", file=sys.stderr)
        return 2
    try:
        verbs[words[0]](FOLDER)
    except EdgeError as err:
        print(f"kafka: {err}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
