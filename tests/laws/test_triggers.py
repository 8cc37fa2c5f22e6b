"""What a bot says reaches every bot that it triggers, wherever the two stand in the library."""

from bots.maths.notional import held_losses
from operators.interpret import interpreted
from tests.laws.engine_stream import desk, frames, run


def test_whoever_is_triggered_stands_after_whoever_triggers() -> None:
    """In the order of work the maker of a statement comes before all that it triggers; feedback is no exception."""
    assembly = desk()
    late = []
    for plan in (assembly.lane.plan, assembly.desk.plan):
        place = {node.key: number for number, node in enumerate(plan.nodes)}
        late += [
            (maker.bot_id, node.bot_id, slot.field)
            for node in plan.nodes
            for slot in node.step.on
            for maker in plan.nodes
            if slot in maker.step.says and maker.bot_id != node.bot_id and place[maker.key] > place[node.key]
        ]
    assert [] == late


def _held(assembly) -> tuple[dict, dict]:
    """What is held, by market: as the positions say, and as the exposure guard counts it."""
    engine = assembly.desk
    rank = next(rank for bot, _, rank, _, _ in engine.plan.bots if bot == "risk.exposure")
    config = next(config for bot, _, _, config, _ in engine.plan.bots if bot == "risk.exposure")
    held = {
        row.MarketDefinition.market_id: held_losses(
            row.MarketDefinition, row.PositionState.size_lots, row.PositionState.cost_micros, config.perp_stress
        )
        for row in engine.rows
        if row.PositionState is not None and row.PositionState.size_lots
    }
    groups = getattr(engine.desk, f"s{rank}").holdings.groups
    counted = {m.market_id: m.held for group in groups for m in group.members if m.held != (0, 0)}
    return held, counted


def test_the_caps_count_what_is_held() -> None:
    """The guard that stands before the keeper of positions counts every one of them, generated and interpreted."""
    given = frames(3_000, 4, seed=11, drop_every=211, trade_every=17)
    for functions in ((), (interpreted,)):
        _, assembly = run(given, 4, assembly=desk(*functions))
        held, counted = _held(assembly)
        assert held and held == counted
