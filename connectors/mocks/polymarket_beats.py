"""Keep Polymarket's dead man's switch: once a heartbeat came, every order of the key is cancelled when they stop."""

import time
from typing import TYPE_CHECKING

from connectors.mocks.core import Denied, new_id
from connectors.mocks.misbehave import BEAT
from connectors.mocks.wire import Answer, Body, Call, Route

if TYPE_CHECKING:
    from connectors.mocks.polymarket import Polymarket


class Heartbeats:
    """Who has armed it, by account: the id that is expected next, and until when. It cannot be disarmed."""

    def __init__(self, venue: "Polymarket") -> None:
        """Arm nothing."""
        self.venue = venue
        self.armed: dict[str, tuple[str, float]] = {}
        self.expired = 0
        self.routes = [Route("POST", "/v1/heartbeats", BEAT, self.beat)]

    def beat(self, call: Call) -> Answer:
        """Take a beat; a wrong id is answered with the right one, and extends nothing."""
        said = str(call.json().get("heartbeat_id") or "")
        expected = self.armed.get(call.account, ("", 0.0))[0]
        if said != expected:
            raise Denied(400, "heartbeat", expected)
        rules = self.venue.rules
        until = time.monotonic() + float(str(rules["heartbeat_s"])) + float(str(rules["heartbeat_buffer_s"]))
        self.armed[call.account] = (new_id(), until)
        return Answer({"heartbeat_id": self.armed[call.account][0]})

    def tick(self) -> None:
        """Cancel everything of accounts whose time is over."""
        now = time.monotonic()
        for account in [name for name, (_, until) in self.armed.items() if until <= now]:
            del self.armed[account]
            self.expired += 1
            for order in self.venue.exchange.open_orders(account):
                self.venue.exchange.cancel(order, "heartbeat")

    def state(self) -> Body:
        """Who has armed it, and how often it fired."""
        return {"armed": sorted(self.armed), "expired": self.expired}
