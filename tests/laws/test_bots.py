"""Hold every bot to its row and to the promises of the kit, without being asked: a new module is under these laws.

Rows are the words, code is the deed: the laws compare them name by name. Values come from tests/world.py where a bot
reads something ordinary, and are the plainest that a contract allows otherwise.
"""

import copy
import pickle
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from bots.kit import Book, Bot, BotConfig, Cause, ConfirmedAt, DeskContext, Read, Slot, State, Step, configure
from bots.registry import LAYERS, library
from contracts import control, intent, market, order, signal
from contracts.base import Wire
from contracts.intent import BotNote, OrderIntent, RiskVote
from contracts.order import ExecutionPlan
from contracts.reasons import REGISTRY
from scripts.makers.signals import ASPECTS, SIGNALS
from tests import world

HERE = Path(__file__).parent
LIBRARY = library()
BUILT = [row.id for row in LIBRARY.rows if LIBRARY.has_module(row.id)]
EXTRA: dict[str, dict[str, str]] = tomllib.loads((HERE / "extra_params.toml").read_text("utf-8"))
# What a class may say beyond the catalogue's table, because the house added it (house rules, decisions §2).
HOUSE_ADDS = {
    "Signal Service": {"BookQuality"},
    "Execution Utility": {"OwnOrders"},
    "Guardrail": {"GuardReport"},
}
SUBJECTS = {OrderIntent, ExecutionPlan, order.PlannedOrder, order.AuthorisedOrder, control.ControlCommand}
EACH = pytest.mark.parametrize("bot_id", BUILT)


def bot_of(bot_id: str) -> Bot:
    """Load a bot as the registry does."""
    return LIBRARY.bot(bot_id)


# ---- the row and the code ------------------------------------------------------------------------------------------


@EACH
def test_a_module_declares_one_bot_with_its_sentence(bot_id: str) -> None:
    """The module declares BOT, and opens with what it says, why and from which source."""
    module = import_module(f"bots.{bot_id}")
    assert isinstance(module.BOT, Bot)
    text = module.__doc__ or ""
    missing = [word for word in ("Says", "Why", "Source") if f"\n{word} " not in text]
    assert missing == [], f"{bot_id}: the docstring lacks the paragraph(s) {', '.join(missing)}"


def test_every_module_has_a_row() -> None:
    """A module without a row does not exist for anybody, so there is none."""
    modules = {f"{layer}.{path.stem}" for layer in LAYERS for path in (world.ROOT / "bots" / layer).glob("[!_]*.py")}
    assert modules - LIBRARY.by_id.keys() == set()


@EACH
def test_reasons_are_those_of_the_row(bot_id: str) -> None:
    """A bot declares exactly its row's codes, and beyond them only codes of its layer's mechanisms."""
    declared, own = bot_of(bot_id).reasons, {code["code"] for code in LIBRARY.by_id[bot_id].reasons}
    layer = bot_id.partition(".")[0].upper()
    mechanisms = {code for code, entry in REGISTRY.items() if not entry.owner and code.startswith(f"{layer}_")}
    assert own - declared == set(), f"{bot_id}: codes of its row that it does not declare"
    assert declared - own - mechanisms == set(), f"{bot_id}: codes that are not its row's"


@EACH
def test_parameters_are_those_of_the_row(bot_id: str) -> None:
    """A parameter has the catalogue's name and default; one that the catalogue lacks is excused by name."""
    fields = {field.name: field.default for field in msgspec.structs.fields(bot_of(bot_id).config)}
    params = {param["name"]: param["default"] for param in LIBRARY.by_id[bot_id].params}
    extra = EXTRA.get(bot_id, {})
    assert params.keys() - fields.keys() == set(), f"{bot_id}: parameters of its row that Config lacks"
    assert fields.keys() - params.keys() - extra.keys() == set(), "list it in tests/laws/extra_params.toml, with why"
    assert extra.keys() - fields.keys() == set(), f"{bot_id}: excused in extra_params.toml, and not there"
    for name, written in params.items():
        held = getattr(configure(bot_id, bot_of(bot_id).config, {name: written}), name)
        assert held == fields[name], f"{bot_id}.{name}: the row says {written}"


@EACH
def test_the_default_configuration_is_inside_its_own_bounds(bot_id: str) -> None:
    """What a bot is born with would be accepted if somebody wrote it."""
    config = bot_of(bot_id).config
    assert issubclass(config, BotConfig)
    assert msgspec.convert(msgspec.to_builtins(config()), config) == config()


@EACH
def test_a_class_says_only_what_it_may(bot_id: str) -> None:
    """Authority is what a bot may say: five classes, told apart by their answers."""
    bot, row = bot_of(bot_id), LIBRARY.by_id[bot_id]
    said = {slot.type.__name__ for step in bot.steps for slot in step.says}
    said |= {"RiskVote"} if any(step.form == "vote" for step in bot.steps) else set()
    assert said <= {*LIBRARY.may_emit[row.class_], *HOUSE_ADDS.get(row.class_, ())}
    if "RiskVote" in row.outputs:
        voting = [step for step in bot.steps if step.form == "vote"]
        assert voting, f"{bot_id}: a guardrail that never votes"
        triggers = {slot.type for step in voting for slot in step.on}
        assert triggers <= SUBJECTS, f"{bot_id}: votes without a subject, on {triggers - SUBJECTS}"


@EACH
def test_signals_are_read_and_said_by_known_names(bot_id: str) -> None:
    """A signal's name is in the vocabulary, and only its producer says it."""
    for kind, names in ((signal.SignalReport, SIGNALS), (signal.MarketCandidate, ASPECTS)):
        for step in bot_of(bot_id).steps:
            for slot in (*step.on, *(read.slot for read in step.reads)):
                assert slot.type is not kind or slot.name in names, f"{slot}: not in scripts/makers/signals.py"
            for slot in step.says:
                if slot.type is kind:
                    assert names[slot.name].producer == bot_id, f"{slot.name} is said by {names[slot.name].producer}"


# ---- state ---------------------------------------------------------------------------------------------------------

PLAIN = (int, float, str, bool, bytes, type(None))


def mutable_in(hint: Any, seen: frozenset[type] = frozenset()) -> list[str]:
    """Return the types inside a hint that could change, or hold something that does."""
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    origin = get_origin(hint)
    if origin in (tuple, frozenset, Union) or type(hint).__name__ == "UnionType":
        return [bad for part in get_args(hint) if part is not Ellipsis for bad in mutable_in(part, seen)]
    if hint is Book or not isinstance(hint, type):
        return [str(hint)]
    if issubclass(hint, PLAIN) or hint in seen:
        return []
    if hint in (tuple, frozenset):
        return [f"{hint.__name__} without saying of what"]
    frozen = issubclass(hint, msgspec.Struct) and hint.__struct_config__.frozen
    if not frozen and not (issubclass(hint, tuple) and hasattr(hint, "_fields")):
        return [hint.__name__]
    inner = get_type_hints(hint, include_extras=True)
    fields = hint.__struct_fields__ if frozen else hint._fields
    return [bad for name in fields for bad in mutable_in(inner[name], seen | {hint})]


@EACH
def test_state_is_frozen_all_the_way_down(bot_id: str) -> None:
    """A state holds numbers, texts, tuples and frozen structs: no list, no dictionary, and never the book."""
    state = bot_of(bot_id).state
    if state is None:
        assert not any(step.stateful for step in bot_of(bot_id).steps)
        return
    assert issubclass(state, State)
    assert [(name, bad) for name, hint in get_type_hints(state).items() for bad in mutable_in(hint)] == []
    assert pickle.loads(pickle.dumps(state())) == state()


# ---- calls ---------------------------------------------------------------------------------------------------------

MADE: dict[type, Any] = {
    Book: world.book,
    # The engine hands over plain integers here; the names exist for whoever reads a signature.
    ConfirmedAt: lambda: int(world.CONFIRMED),
    Cause: lambda: world.FACT,
    DeskContext: world.desk,
    market.VenueInstrumentRecord: world.record,
    market.MarketDefinition: world.definition,
    market.Touch: world.touch,
    market.VenueTrade: world.trade,
    market.VenueStatus: world.status,
    market.ClockTick: world.tick,
    market.BookQuality: world.quality,
    market.MarketSnapshot: world.snapshot,
    market.TradePrint: world.trade_print,
    signal.FairValue: world.fair,
    control.DeskConfigured: world.configured,
    control.SafetyState: world.safety,
    intent.OrderIntent: world.intent,
    intent.ApprovedIntent: world.approved,
    order.PlannedOrder: world.child,
    order.ExecutionPlan: world.plan,
    order.VenueOrderEvent: world.order_event,
    order.OrderUpdate: world.order_update,
    order.OwnOrders: lambda: world.own_orders(world.order_update()),
    order.Fill: world.fill,
    order.PositionState: world.position,
    order.Account: world.account,
}


def value_of(slot: Slot) -> Any:
    """Return an ordinary value of a slot, equal each time."""
    if slot.type is signal.SignalReport:
        meaning = SIGNALS[slot.name]
        parts = tuple((name, 0.25) for name in meaning.parts)
        refs = (world.HASH, world.HASH)
        return world.signal(signal=slot.name, label=next(iter(meaning.labels), "NORMAL"), parts=parts, refs=refs)
    if slot.type is signal.MarketCandidate:
        return world.candidate(aspect=slot.name)
    if slot.type in MADE:
        return MADE[slot.type]()
    assert issubclass(slot.type, Wire), f"tests/laws/test_bots.py: say in MADE what a {slot.type.__name__} looks like"
    return world.plainest(slot.type)


def calls(step: Step, bot: Bot, without: tuple[Read, ...] = ()) -> Iterator[list[Any]]:
    """Yield the arguments of one call per trigger of a step, each reading present except `without`."""
    for slot in step.on:
        arguments: list[Any] = [bot.config()]
        if step.stateful:
            assert bot.state is not None
            arguments.append(bot.state())
        arguments.append(value_of(slot))
        arguments += [None if read in without else value_of(read.slot) for read in step.reads]
        yield [*arguments, int(world.NOW)]


def answers(step: Step, result: Any) -> list[Any]:
    """Return what a step said, without its state."""
    if step.form == "silent":
        return []
    answer = result[1] if step.remembers and isinstance(result, tuple) else result
    if isinstance(answer, State):
        return []
    parts = answer if isinstance(answer, tuple) else (answer,)
    return [part for part in parts if part is not None]


def spoken(bot_id: str, said: list[Any]) -> None:
    """Check what a bot said: of its form, its own reasons, inside the bounds of its contract."""
    bot = bot_of(bot_id)
    for value in said:
        assert world.checked(value) == value
        reasons = getattr(value, "reasons", None) or ([value.reason] if getattr(value, "reason", "") else [])
        if not isinstance(value, ExecutionPlan):  # a plan carries the codes of everybody who worked on it
            assert set(reasons) <= bot.reasons | set(LEFT_OVER.get(type(value).__name__, ())), (
                f"{bot_id} said {reasons}"
            )
        if isinstance(value, RiskVote):
            assert value.gate == bot_id


# A few values carry the code of what they pass on, not of who says them.
LEFT_OVER: dict[str, tuple[str, ...]] = {}


@EACH
def test_equal_arguments_give_equal_answers_and_nothing_is_touched(bot_id: str) -> None:
    """A bot is a function: called twice it says the same, and its arguments are as they were."""
    bot = bot_of(bot_id)
    for step in bot.steps:
        for first, second in zip(calls(step, bot), calls(step, bot), strict=True):
            books = [(copy.deepcopy(arg.bids), copy.deepcopy(arg.asks)) for arg in first if isinstance(arg, Book)]
            once = step.fn(*first)
            assert once == step.fn(*second)
            assert once == step.fn(*first)
            assert books == [(arg.bids, arg.asks) for arg in first if isinstance(arg, Book)]
            spoken(bot_id, answers(step, once))
            if step.remembers:
                state = once[0] if isinstance(once, tuple) else once
                assert isinstance(state, State)
                assert pickle.loads(pickle.dumps(state)) == state
            if step.form == "vote":
                voted = [type(said) for said in answers(step, once)]
                assert voted in ([RiskVote], [BotNote], [RiskVote, intent.GuardReport])


@EACH
def test_a_missing_optional_reading_never_raises_and_never_silences_a_vote(bot_id: str) -> None:
    """Whoever marks a reading optional has an answer for its absence; a vote is a vote all the same."""
    bot = bot_of(bot_id)
    for step in bot.steps:
        optional = tuple(read for read in step.reads if read.optional)
        for without in (*((read,) for read in optional), optional):
            for arguments in calls(step, bot, without):
                result = step.fn(*arguments)
                spoken(bot_id, answers(step, result))
                if step.form == "vote":
                    assert isinstance(answers(step, result)[0], RiskVote)


def test_the_library_is_the_frozen_one() -> None:
    """109 rows in seven layers, no name used twice, every gate a guardrail of the library."""
    counts = {layer: sum(row.layer == layer for row in LIBRARY.rows) for layer in LAYERS}
    assert counts == {"intel": 17, "disc": 6, "strat": 24, "risk": 19, "exec": 15, "sec": 9, "gov": 19}
    assert sum(counts.values()) == 109
    names = [name for row in LIBRARY.rows for name in (row.id, *row.aliases, *row.absorbs)]
    assert sorted(set(names)) == sorted(names)
    gates = (*LIBRARY.intent_gates, *LIBRARY.presign_gates)
    assert (len(LIBRARY.intent_gates), len(LIBRARY.presign_gates)) == (18, 8)
    assert {LIBRARY.by_id[gate].class_ for gate in gates} == {"Guardrail"}
    assert set(LIBRARY.intent_gates) >= LIBRARY.reduce_only_skips


@pytest.mark.parametrize(
    ("hint", "bad"),
    [(list[int], 1), (dict[str, int], 1), (tuple[list[int], ...], 1), (Book, 1), (tuple[int, ...], 0), (int | None, 0)],
)
def test_the_law_of_frozen_states_can_fail(hint: Any, bad: int) -> None:
    """A list, a dictionary or the book inside a state is found, however deep; what is frozen passes."""
    assert len(mutable_in(hint)) == bad
