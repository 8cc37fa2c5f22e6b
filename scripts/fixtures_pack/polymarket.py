"""Say what happens in the words of Polymarket's CLOB V2: totals, both tokens, no sequence, best quotes claimed.

Source: the venue's market channel; key order and spacing as in recorded frames. Every action of a book reaches both
tokens, mirrored; the claims describe the state after the last frame of the action.
"""

import json
from dataclasses import dataclass
from hashlib import sha256

from scripts.fixtures_pack.ladder import ASK, BID, WHOLE, Change, Deal, Ladder
from scripts.fixtures_pack.recorder import Actor, Recorder

Level = dict[str, str]
Told = tuple[int, int]


def price_text(mills: int) -> str:
    """Write a price as this venue does: no zeros at the end."""
    if mills in (0, WHOLE):
        return str(mills // WHOLE)
    return f"0.{mills:03d}".rstrip("0")


def size_text(hundredths: int) -> str:
    """Write a size as this venue does: no zeros at the end."""
    whole, part = divmod(hundredths, 100)
    return f"{whole}.{part:02d}".rstrip("0") if part else str(whole)


def condition(name: str) -> str:
    """Derive a condition id from a name."""
    return "0x" + sha256(f"condition|{name}".encode()).hexdigest()


def token(name: str, outcome: str) -> str:
    """Derive a token id, the decimal of a 256-bit number, from a name and an outcome."""
    return str(int.from_bytes(sha256(f"token|{name}|{outcome}".encode()).digest(), "big") >> 1 | 1 << 254)


@dataclass(slots=True)
class PolymarketWire:
    """One connection to the market channel."""

    recorder: Recorder
    trades: int = 0

    def send(self, kind: str, frame: object) -> str:
        """Write a frame down and return its text."""
        text = json.dumps(frame, separators=(", ", ":"), ensure_ascii=False)
        self.recorder.take(kind, text)
        return text

    def ids(self, actor: Actor) -> tuple[str, str]:
        """Return the YES and the NO token."""
        return token(actor.name, "Yes"), token(actor.name, "No")

    def digest(self, outcome: str) -> str:
        """Make the text that stands where the venue has its book hash; equal for one action, new for the next."""
        return f"{self.recorder.venue_ms:039d}{'a' if outcome == 'Yes' else 'b'}"

    def books(self, actor: Actor, book: Ladder) -> list[dict[str, object]]:
        """Build the full books of both tokens: best level last on both sides."""
        bids = [{"price": price_text(p), "size": size_text(s)} for p, s in sorted(book.bids.items())]
        asks = [{"price": price_text(p), "size": size_text(s)} for p, s in sorted(book.asks.items(), reverse=True)]
        return [self._book(actor, "Yes", bids, asks),
                self._book(actor, "No", _mirror(asks), _mirror(bids))]  # fmt: skip

    def send_books(self, actor: Actor, book: Ladder) -> None:
        """Send the full books of both tokens, one frame each."""
        for frame in self.books(actor, book):
            self.send("book", frame)

    def change_frame(
        self, actor: Actor, book: Ladder, change: Change, venue_ms: int | None = None
    ) -> dict[str, object]:
        """Build a level's new total for both tokens, with the best quotes after it."""
        bid, ask = book.best(BID), book.best(ASK)
        yes = (change.price, "BUY" if change.side == BID else "SELL", bid, ask)
        no = (WHOLE - change.price, "SELL" if change.side == BID else "BUY", WHOLE - ask, WHOLE - bid)
        entries = [
            {"asset_id": asset, "price": price_text(price), "size": size_text(change.total), "side": side,
             "hash": self.digest(outcome), "best_bid": price_text(best_bid), "best_ask": price_text(best_ask)}
            for asset, outcome, (price, side, best_bid, best_ask)
            in zip(self.ids(actor), ("Yes", "No"), (yes, no), strict=True)
        ]  # fmt: skip
        at_ms = self.recorder.venue_ms if venue_ms is None else venue_ms
        return {"market": condition(actor.name), "price_changes": entries, "timestamp": str(at_ms),
                "event_type": "price_change"}  # fmt: skip

    def change(self, actor: Actor, book: Ladder, change: Change) -> str:
        """Send a level's new total."""
        return self.send("price_change", self.change_frame(actor, book, change))

    def old_change(self, actor: Actor, change: Change, listed: bool) -> None:
        """Send the older generation: one asset a frame, no claims; flat, or with a list of changes."""
        for asset, outcome in zip(self.ids(actor), ("Yes", "No"), strict=True):
            own = outcome == "Yes"
            level = {"price": price_text(change.price if own else WHOLE - change.price),
                     "size": size_text(change.total),
                     "side": "BUY" if (change.side == BID) == own else "SELL"}  # fmt: skip
            frame: dict[str, object] = {"asset_id": asset, "event_type": "price_change", "hash": self.digest(outcome),
                                        "market": condition(actor.name)}  # fmt: skip
            frame |= {"changes": [level]} if listed else level
            self.send("price_change", frame | {"timestamp": str(self.recorder.venue_ms)})

    def quotes(self, actor: Actor, book: Ladder) -> None:
        """Send the best quotes of both tokens when they moved; this venue says them before the change itself."""
        bid, ask = book.best(BID), book.best(ASK)
        if actor.told == (bid, ask):
            return
        actor.told = (bid, ask)
        for asset, low, high in zip(self.ids(actor), (bid, WHOLE - ask), (ask, WHOLE - bid), strict=True):
            self.send("best_bid_ask", {
                "market": condition(actor.name), "asset_id": asset, "best_bid": price_text(low),
                "best_ask": price_text(high), "spread": price_text(abs(high - low)),
                "timestamp": str(self.recorder.venue_ms), "event_type": "best_bid_ask"})  # fmt: skip

    def trade(self, actor: Actor, deal: Deal, minted: bool) -> None:
        """Send a public trade; minted: the taker bought the other token instead of selling this one."""
        self.trades += 1
        yes, no = self.ids(actor)
        asset, price, side = yes, deal.price, "BUY" if deal.taker == BID else "SELL"
        if minted:
            asset, price, side = no, WHOLE - deal.price, "SELL" if deal.taker == BID else "BUY"
        self.send("last_trade_price", {
            "market": condition(actor.name), "asset_id": asset, "price": price_text(price),
            "size": size_text(deal.size), "fee_rate_bps": "0", "side": side,
            "timestamp": str(self.recorder.venue_ms), "event_type": "last_trade_price",
            "transaction_hash": f"0x{self.trades:064x}"})  # fmt: skip

    def tick_size(self, actor: Actor, old: str, new: str) -> None:
        """Send a change of the price step for both tokens."""
        for asset in self.ids(actor):
            self.send("tick_size_change", {"asset_id": asset, "event_type": "tick_size_change",
                                           "market": condition(actor.name), "new_tick_size": new,
                                           "old_tick_size": old, "timestamp": str(self.recorder.venue_ms)})  # fmt: skip

    def new_market(self, actor: Actor, number: int) -> None:
        """Send the birth of a market, with its rules."""
        ids = list(self.ids(actor))
        self.send("new_market", {
            "id": str(900_000 + number), "market": condition(actor.name), "condition_id": condition(actor.name),
            "question": actor.title, "slug": actor.name, "description": actor.rules, "assets_ids": ids,
            "clob_token_ids": ids, "outcomes": ["Yes", "No"], "event_message": self._event(actor, number),
            "timestamp": str(self.recorder.venue_ms), "tags": ["synthetic"], "active": True,
            "sports_market_type": "", "line": "", "game_start_time": "", "order_price_min_tick_size": "0.01",
            "group_item_title": "", "taker_base_fee": "0", "fees_enabled": True,
            "fee_schedule": {"exponent": "1", "rate": "0.04", "taker_only": True, "rebate_rate": "0.25"},
            "event_type": "new_market"})  # fmt: skip

    def metadata(self, actor: Actor, number: int) -> dict[str, object]:
        """Build the REST answer about a market: what the market channel leaves out is when trading ends."""
        return {
            "id": str(900_000 + number), "question": actor.title, "conditionId": condition(actor.name),
            "slug": actor.name, "endDate": "2026-12-31T23:59:00Z", "description": actor.rules,
            "outcomes": '["Yes", "No"]', "clobTokenIds": json.dumps(list(self.ids(actor))), "active": True,
            "closed": False, "archived": False, "enableOrderBook": True, "acceptingOrders": True, "negRisk": False,
            "orderPriceMinTickSize": 0.01, "orderMinSize": 5, "feesEnabled": True,
            "feeSchedule": {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0.25},
            "events": [{"id": str(7_000 + number), "slug": actor.name, "title": actor.title}]}  # fmt: skip

    def resolved(self, actor: Actor, number: int, winner: str) -> None:
        """Send the result of a market."""
        yes, no = self.ids(actor)
        self.send("market_resolved", {
            "id": str(900_000 + number), "market": condition(actor.name), "assets_ids": [yes, no],
            "outcomes": ["Yes", "No"], "winning_asset_id": yes if winner == "Yes" else no, "winning_outcome": winner,
            "event_message": self._event(actor, number), "timestamp": str(self.recorder.venue_ms),
            "tags": ["synthetic"], "event_type": "market_resolved"})  # fmt: skip

    def _event(self, actor: Actor, number: int) -> dict[str, str]:
        return {"id": str(7_000 + number), "ticker": actor.name, "slug": actor.name, "title": actor.title,
                "description": actor.rules}  # fmt: skip

    def _book(self, actor: Actor, outcome: str, bids: list[Level], asks: list[Level]) -> dict[str, object]:
        return {"market": condition(actor.name), "asset_id": token(actor.name, outcome), "bids": bids, "asks": asks,
                "hash": self.digest(outcome), "timestamp": str(self.recorder.venue_ms),
                "event_type": "book"}  # fmt: skip


def _mirror(levels: list[Level]) -> list[Level]:
    """Turn one token's side into the other's: the same sizes at one minus the price, best still last."""
    return [{"price": price_text(WHOLE - _mills(level["price"])), "size": level["size"]} for level in levels]


def _mills(text: str) -> int:
    return int((text.partition(".")[2] + "000")[:3])
