"""Put a reader that answers at once in the place of the one that opens a store."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

import connectors
from tests.cli.stores import StoreReader, decision, envelope


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    """Put the fake reader in the place of the real one, with two stores, `a` and `b`."""
    module = ModuleType("connectors.reader")
    vars(module)["StoreReader"] = StoreReader
    monkeypatch.setitem(sys.modules, "connectors.reader", module)
    monkeypatch.setattr(connectors, "reader", module, raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text("{}")
    StoreReader.stores = {"a": [envelope(1), decision(1), envelope(2)], "b": [envelope(1), decision(1), envelope(2)]}
    StoreReader.asked, StoreReader.open = [], 0
    return StoreReader.stores
