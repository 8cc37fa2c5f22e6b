"""Find what outcome tokens can be given back for collateral, and what that is worth.

    MERGE    m = min(yes, no), each less what is promised to resting sales       frees m
    REDEEM   what a resolved token holds                                         frees its value, at most 1 each
    CONVERT  q of NO in k outcomes of one event  ->  (k - 1) q and q of YES in each other outcome

A conversion changes no payoff: if one of the k comes true the k NO pay (k - 1) q, else k q; afterwards (k - 1) q is
cash, and the YES of the others pay q exactly in the second case. So it cannot lower a worst case, and only the capital
that it frees speaks for it. Benefit of freeing early: freed * rate * days / 365, in micros.
Source: Polymarket's neg-risk adapter; catalogue rule of exec.inventory_settler.
"""

from msgspec import Struct
from msgspec.structs import replace

from bots.maths.ordered import find, put
from contracts.market import MarketDefinition
from contracts.order import CONVERT, MERGE, REDEEM
from contracts.units import MAX_INT

MILLION = 1_000_000
DAY_NS = 86_400 * 10**9
YEAR_DAYS = 365
OPS_KEPT = 64


class Token(Struct, frozen=True, gc=False):
    """What the desk holds of one outcome token: its pair and event, lots held, promised to sales, resolved and due."""

    complement_id: str
    event_id: str
    is_no: bool
    neg_risk: bool
    lot_micros: int
    expiry_ns: int
    held_lots: int = 0
    promised_lots: int = 0
    due_lots: int = 0
    drift: bool = False


class Operation(Struct, frozen=True, gc=False):
    """One operation: its id, the tokens that go, how many lots of each, what it frees, and until when it is asked."""

    op_id: str
    action: str
    market_ids: tuple[str, ...]
    size_lots: int
    freed_micros: int
    sent: bool = False
    rest_until_ns: int = 0


class Tokens(Struct, frozen=True, gc=False):
    """Tokens by market id, in order; what is asked, sent or rests after a refusal; the chain's own count, if known."""

    keys: tuple[str, ...] = ()
    items: tuple[Token, ...] = ()
    operations: tuple[Operation, ...] = ()
    chain: tuple[tuple[str, int], ...] | None = None

    def token(self, market_id: str) -> Token | None:
        """Return what is held of a token; None for one never held."""
        place = find(self.keys, market_id)
        return self.items[place] if place >= 0 else None

    def operation(self, market_id: str) -> Operation | None:
        """Return the operation that a token takes part in, or None."""
        return next((op for op in self.operations if market_id in op.market_ids), None)


def noted(
    tokens: Tokens,
    definition: MarketDefinition,
    held_lots: int | None = None,
    promised_lots: int | None = None,
    due_lots: int = 0,
    drift: bool = False,
) -> Tokens:
    """Return the tokens with what was learnt of one; a short of a token is a holding of none of it."""
    place = find(tokens.keys, definition.market_id)
    known = tokens.items[place] if place >= 0 else _token(definition)
    fresh = replace(
        known,
        held_lots=known.held_lots if held_lots is None else max(0, held_lots),
        promised_lots=known.promised_lots if promised_lots is None else promised_lots,
        due_lots=known.due_lots + due_lots,
        drift=known.drift if held_lots is None else drift,
    )
    keys = tokens.keys if place >= 0 else put(tokens.keys, place, definition.market_id)
    return replace(tokens, keys=keys, items=put(tokens.items, place, fresh))


def mergeable(tokens: Tokens, market_id: str) -> int:
    """Return how many lots of a token make pairs with its complement's, beyond what is promised to sales."""
    mine = tokens.token(market_id)
    other = tokens.token(mine.complement_id) if mine is not None else None
    if mine is None or other is None or mine.lot_micros != other.lot_micros:
        return 0
    return max(0, min(_free(tokens, market_id, mine), _free(tokens, mine.complement_id, other)))


def redeemable(tokens: Tokens, market_id: str) -> int:
    """Return how many lots of a resolved token are due."""
    mine = tokens.token(market_id)
    return min(mine.due_lots, _on_chain(tokens, market_id)) if mine is not None else 0


def convertible(tokens: Tokens, market_id: str) -> tuple[tuple[str, ...], int]:
    """Return the NO tokens of a neg-risk event, this one among them, whose conversion frees most; and lots of each."""
    mine = tokens.token(market_id)
    if mine is None or not (mine.neg_risk and mine.is_no and mine.event_id):
        return (), 0
    sized = []
    for key, item in zip(tokens.keys, tokens.items, strict=True):
        if item.event_id == mine.event_id and item.is_no and item.neg_risk and item.lot_micros == mine.lot_micros:
            sized.append((-_free(tokens, key, item), key))
    sized.sort()
    names: tuple[str, ...] = ()
    lots = freed = 0
    for k in range(2, len(sized) + 1):
        q, chosen = -sized[k - 1][0], tuple(key for _, key in sized[:k])
        if market_id in chosen and (k - 1) * q > freed:
            names, lots, freed = chosen, q, (k - 1) * q
    return names, lots


def proposed(
    tokens: Tokens, market_id: str, op_id: str, is_resolved: bool, pairs_min_micros: int, free_min_micros: int
) -> tuple[Operation | None, int]:
    """Return the operation that a token is good for, and the micros of contracts that were too few for one."""
    mine = tokens.token(market_id)
    if mine is None:
        return None, 0
    due = redeemable(tokens, market_id)
    if is_resolved and due:
        return Operation(op_id, REDEEM, (market_id,), due, due * mine.lot_micros), 0
    pairs = mergeable(tokens, market_id)
    if pairs and pairs * mine.lot_micros >= pairs_min_micros:
        return Operation(op_id, MERGE, (market_id, mine.complement_id), pairs, pairs * mine.lot_micros), 0
    names, q = convertible(tokens, market_id)
    freed = (len(names) - 1) * q * mine.lot_micros if q else 0
    if q and freed >= free_min_micros:
        return Operation(op_id, CONVERT, names, q, freed), 0
    return None, max(pairs * mine.lot_micros, freed)


def benefit_micros(operation: Operation, token: Token, rate_micros: int, now: int) -> int:
    """Return what freeing the capital now earns, in micros: until expiry, or for a year where nothing else frees it."""
    left = -(-(token.expiry_ns - now) // DAY_NS) if token.expiry_ns else 1
    days = YEAR_DAYS if operation.action == REDEEM else min(max(1, left), YEAR_DAYS)
    return operation.freed_micros * rate_micros * days // (YEAR_DAYS * MILLION)


def asked(tokens: Tokens, operation: Operation) -> Tokens:
    """Return the tokens with an operation in the place of those that its tokens took part in."""
    rest = tuple(op for op in tokens.operations if not set(op.market_ids) & set(operation.market_ids))
    return replace(tokens, operations=(*rest[1 - OPS_KEPT :], operation))


def ended(tokens: Tokens, market_id: str, done: bool, rest_until_ns: int) -> Tokens:
    """Return the tokens after an operation ended: gone when it was done, else at rest for a while."""
    found = tokens.operation(market_id)
    if found is None or not found.sent:
        return tokens
    if not done:
        return asked(tokens, replace(found, sent=False, rest_until_ns=rest_until_ns))
    left = replace(tokens, operations=tuple(op for op in tokens.operations if op is not found))
    place = find(left.keys, market_id)
    if found.action != REDEEM or place < 0:
        return left
    item = left.items[place]
    return replace(left, items=put(left.items, place, replace(item, due_lots=max(0, item.due_lots - found.size_lots))))


def _token(definition: MarketDefinition) -> Token:
    head = (definition.complement_id, definition.event_id, definition.outcome.upper() == "NO", definition.neg_risk)
    return Token(*head, definition.lot_micros, definition.expiry_ns)


def _on_chain(tokens: Tokens, market_id: str) -> int:
    """Return what the chain shows of a token; no bound before it was ever read."""
    if tokens.chain is None:
        return MAX_INT
    return next((lots for key, lots in tokens.chain if key == market_id), 0)


def _free(tokens: Tokens, market_id: str, item: Token) -> int:
    return max(0, min(item.held_lots, _on_chain(tokens, market_id)) - item.promised_lots)
