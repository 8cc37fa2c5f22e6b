"""Serve a misbehaving venue: inside an event loop with `serve`, beside a blocking test with `served`.

Begin with README.md: what the servers do, how to ask for a misbehaviour, what may be compared with the true book.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from tests.feeds.servers.binance import Binance
from tests.feeds.servers.bitget import Bitget
from tests.feeds.servers.books import TrueBook
from tests.feeds.servers.deeds import Arg, Deed, Script
from tests.feeds.servers.kalshi import Kalshi
from tests.feeds.servers.polymarket import Polymarket
from tests.feeds.servers.settings import Settings
from tests.feeds.servers.venue import Venue

VENUES: dict[str, type[Venue]] = {venue.name: venue for venue in (Kalshi, Polymarket, Binance, Bitget)}
_T = TypeVar("_T")


@asynccontextmanager
async def serve(
    venue: str,
    *,
    seed: int = 0,
    markets: Sequence[str] = (),
    script: Script | None = None,
    settings: Settings | None = None,
) -> AsyncIterator[Venue]:
    """Serve a venue until the block ends; raises ValueError for an unknown one, and what failed in the server."""
    if venue not in VENUES:
        raise ValueError(f"venue: {venue!r}; allowed: {sorted(VENUES)}")
    server = VENUES[venue](seed, markets, settings or Settings(), script)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Served:
    """A server in a thread of its own; every question is asked in its loop."""

    def __init__(self, server: Venue, loop: asyncio.AbstractEventLoop) -> None:
        """Remember the addresses, which do not change."""
        self.server = server
        self.url = server.url
        self.rest = server.rest
        self._loop = loop

    def call(self, ask: Callable[[Venue], _T], seconds: float = 10.0) -> _T:
        """Return what `ask` returns for the server: `served.call(lambda server: list(server.did))`."""

        async def asked() -> _T:
            return ask(self.server)

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(seconds)

    def book(self, market: str, at: object = None) -> TrueBook:
        """Return the true book, as `Venue.book` does."""
        return self.call(lambda server: server.book(market, at))

    @property
    def did(self) -> list[Deed]:
        """The misbehaviours done so far."""
        return self.call(lambda server: list(server.did))

    def do(self, kind: str, *, within_s: float = 10.0, **args: Arg) -> Deed:
        """Misbehave, and return once it is done; raises TimeoutError where there was no occasion."""
        doing = self.server.do(kind, within_s=within_s, **args)  # type: ignore[arg-type]
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(within_s + 5)

    def settle(self) -> None:
        """Pause the books, and wait until everything queued has been written."""
        asyncio.run_coroutine_threadsafe(self.server.settle(), self._loop).result(10)

    def wait(self, holds: Callable[[Venue], bool], seconds: float = 10.0, what: str = "the condition") -> None:
        """Wait until something holds of the server; raises TimeoutError."""
        waiting = self.server.until(lambda: holds(self.server), seconds, what)
        asyncio.run_coroutine_threadsafe(waiting, self._loop).result(seconds + 5)


@contextmanager
def served(
    venue: str,
    *,
    seed: int = 0,
    markets: Sequence[str] = (),
    script: Script | None = None,
    settings: Settings | None = None,
) -> Iterator[Served]:
    """Serve a venue from a thread until the block ends, for tests that start feeds as processes."""
    ready: list[Served] = []
    failures: list[BaseException] = []
    opened, ends = threading.Event(), asyncio.Event()

    async def main() -> None:
        async with serve(venue, seed=seed, markets=markets, script=script, settings=settings) as server:
            ready.append(Served(server, asyncio.get_running_loop()))
            opened.set()
            await ends.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as failure:
            failures.append(failure)
        finally:
            opened.set()

    thread = threading.Thread(target=run, name=f"{venue} server", daemon=True)
    thread.start()
    opened.wait(10)
    try:
        if ready:
            yield ready[0]
    finally:
        if ready:
            ready[0].call(lambda server: ends.set())
        thread.join(10)
    if failures:
        raise failures[0]
