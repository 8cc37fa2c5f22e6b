"""Put the programs of a seed together, and break a guard where the seed says so.

A plan is compiled once per seed and shared by every memory made of it, so that a restart costs what unpickling costs.
A broken guard raises, says nothing, or loses its vote on the way to the gate; which intents it did so to is written
down here, outside the system, so that the referee knows.
"""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from bots.kit import Book, Slot
from contracts.intent import OrderIntent, RiskVote
from contracts.order import AuthorisedOrder, VenueOrderEvent
from flows.assemble import Assembly, assembled
from flows.lane_steps import LaneSteps
from operators.freshness import Freshness
from operators.generate import Compiled, compile_functions
from operators.journal import Addresser, Scope
from operators.normalise import Normaliser, read_instruments
from operators.order_book import OrderBooks
from operators.paper_venue import PaperVenue
from operators.plan import Plan
from tests.sim.gambler import choice
from tests.sim.world import World

RAISES, SILENT, OTHER, LOST = "raises", "silent", "other", "lost"
KEPT = 12
_compiled: dict[Any, Compiled] = {}
_born: dict[Any, bytes] = {}
untrue: set[str] = set()
"""Ids of the intents on which a required guard gave no vote, or whose vote was lost."""


def forget() -> None:
    """Compile everything anew from here on: the code changed."""
    _compiled.clear()
    _born.clear()


@dataclass(frozen=True)
class Functions:
    """What compiles a plan, with one guard broken in one way; picklable."""

    gate: str = ""
    how: str = ""

    def __call__(self, plan: Plan) -> Compiled:
        """Return the functions of a plan."""
        bots = tuple((bot, config, mode) for bot, _, _, config, mode in plan.bots)
        key = (self, plan.where, plan.required_gates, bots)
        if key not in _compiled:
            while len(_compiled) >= KEPT:
                del _compiled[next(iter(_compiled))]
            _compiled[key] = self._broken(plan, compile_functions(plan))
        return _compiled[key]

    def _broken(self, plan: Plan, compiled: Compiled) -> Compiled:
        node = next((node for node in plan.gates if node.bot_id == self.gate), None)
        if node is None:
            return compiled
        names = compiled.handlers[Slot(AuthorisedOrder)].__globals__
        if self.how == LOST:
            names["settle"] = _losing(names["settle"], self.gate)
        else:
            names[f"f{node.key}"] = _failing(names[f"f{node.key}"], self.how)
        return compiled


def _hit(intent: OrderIntent) -> bool:
    if crc32(intent.intent_id.encode()) % 3:
        return False
    untrue.add(intent.intent_id)
    return True


def _failing(decide: Any, how: str) -> Any:
    def failing(*given: Any) -> Any:
        intent = next(each for each in given if type(each) is OrderIntent)
        if not _hit(intent):
            return decide(*given)
        if how == RAISES:
            raise ValueError("broken on purpose")
        return None if how == SILENT else "APPROVE"

    return failing


def _losing(settle: Any, gate: str) -> Any:
    def losing(intent: OrderIntent, votes: list[RiskVote], *rest: Any) -> Any:
        if any(vote.gate == gate for vote in votes) and _hit(intent):
            votes = [vote for vote in votes if vote.gate != gate]
        return settle(intent, votes, *rest)

    return losing


def _again(event: VenueOrderEvent) -> bool:
    return crc32(repr(event).encode()) % (2 if event.event == "MATCH" else 7) == 0


class Echo(PaperVenue):
    """A paper venue that says every other match and every seventh word twice, as venues do."""

    __slots__ = ()

    def due(self, now: int, book_of: Callable[[int], Book]) -> list[tuple[int, int, VenueOrderEvent]]:
        """Return what falls due, some of it twice."""
        said = super().due(now, book_of)
        return [each for one in said for each in ((one, one) if _again(one[2]) else (one,))]


def built(world: World, functions: Functions) -> tuple[LaneSteps, Assembly]:
    """Return the steps of the lane, and the desk before its birth; the same world again is read back from its bytes."""
    key = (world.seed, functions)
    if key not in _born:
        _born.clear()
        _born[key] = pickle.dumps(_built(world, functions))
    made: tuple[LaneSteps, Assembly] = pickle.loads(_born[key])
    return made


def _built(world: World, functions: Functions) -> tuple[LaneSteps, Assembly]:
    assembly = assembled(world.desk, functions=functions, more=[choice(world.seed, world.gambles)], at_ns=None)
    if world.echoes:
        assembly.desk.venue.__class__ = Echo
    normaliser = Normaliser()
    normaliser.declare(read_instruments(world.instruments))
    address = Addresser([Scope(assembly.configured.desk_id)])
    return LaneSteps(normaliser, OrderBooks(), Freshness(assembly.budgets), assembly.lane, address), assembly
