"""Name, sign and spell the orders of one wallet on Polymarket: the digest is known before anything is sent.

What is public about both keys (address, wallet, key id) is asked of the signer once; the rest of an order follows from
its plan (`contracts/payloads.py`). The signer must name an order as we do, or it is not sent.
"""

from collections.abc import Mapping

from connectors.polymarket_signing import ClobOrder, hashed, where_of
from connectors.signer_client import SignerClient, SignerRefused, SignerUnavailable
from connectors.venue import Final, Retryable, Terms
from connectors.venues.polymarket_words import Ours
from contracts import polymarket
from contracts.base import Refused
from contracts.order import PlannedOrder
from contracts.payloads import Value, payload_of

VENUE_ID = polymarket.VENUE_ID
FLAGS = ("orderType", "deferExec", "postOnly")
RETRY_S = 1.0


class Spelled:
    """An order of the wallet: what its plan says, what is signed, and its name."""

    __slots__ = ("clob", "digest", "fields", "neg_risk")

    def __init__(self, fields: Mapping[str, Value], clob: ClobOrder, *, neg_risk: bool) -> None:
        """Take the fields of the payload and of the signed order."""
        self.fields, self.clob, self.neg_risk = fields, clob, neg_risk
        self.digest = "0x" + hashed(clob, where_of(neg_risk)).digest.hex()

    @property
    def is_buy(self) -> bool:
        """True for an order that gives collateral."""
        return self.clob.side == polymarket.BUY

    @property
    def share_micros(self) -> int:
        """Its size in millionths of a share."""
        return self.clob.taker_amount if self.is_buy else self.clob.maker_amount

    def wire(self, signature: str, owner: str) -> dict[str, object]:
        """Return the body of POST /order: what the plan says, and what belongs to the account."""
        fields, clob = self.fields, self.clob
        order = {
            "salt": clob.salt,
            "maker": clob.maker,
            "signer": clob.signer,
            "tokenId": fields["tokenId"],
            "makerAmount": fields["makerAmount"],
            "takerAmount": fields["takerAmount"],
            "side": fields["side"],
            "expiration": fields["expiration"],
            "signatureType": clob.signature_type,
            "timestamp": fields["timestamp"],
            "metadata": fields["metadata"],
            "builder": fields["builder"],
            "signature": signature,
        }
        return {"order": order, "owner": owner, **{name: fields[name] for name in FLAGS}}


class Wallet:
    """One wallet, its key for orders and its key for calls."""

    def __init__(self, signer: SignerClient, key_ref: str, wallet_ref: str, mode: str) -> None:
        """Ask the signer who we are; raises Retryable where it is away, Final where it refuses or the keys differ."""
        self._signer, self._key, self._ref, self._mode = signer, key_ref, wallet_ref, mode
        try:
            call, own = signer.about(key_ref, mode), signer.about(wallet_ref, mode)
        except SignerUnavailable as err:
            raise Retryable(f"{VENUE_ID}: {err}", "signer_unavailable", RETRY_S) from None
        except SignerRefused as err:
            raise Final(f"{VENUE_ID}: {err}", "signer_refused") from None
        if "owner" not in call or "maker" not in own or call["address"] != own["address"]:
            raise Final(f"{VENUE_ID}: {key_ref} and {wallet_ref} are no pair of keys of one address", "signer_refused")
        self.maker, self.owner = own["maker"], call["owner"]
        self._signs, self.signature_type = own["signer"], int(own["signature_type"])

    @property
    def ours(self) -> Ours:
        """By what our part of a trade is known."""
        return Ours(self.owner, self.maker)

    def headers(self, at_s: int, method: str, path: str, body: str) -> dict[str, str]:
        """Return the headers of a call."""
        return self._signer.clob(self._key, self._mode, at_s, method, path, body)

    def spelled(self, order: PlannedOrder, terms: Terms) -> Spelled:
        """Return an order as it will be signed; raises Final for one that cannot be spelled."""
        try:
            fields = payload_of(order, terms).body()
        except Refused as err:
            raise Final(f"{VENUE_ID}: {err}", "unspellable") from None
        side = polymarket.BUY if fields["side"] == "BUY" else polymarket.SELL
        clob = ClobOrder(
            order.salt,
            self.maker,
            self._signs,
            int(fields["tokenId"]),
            int(fields["makerAmount"]),
            int(fields["takerAmount"]),
            side,
            self.signature_type,
            order.venue_ts_ms,
            str(fields["metadata"]),
            str(fields["builder"]),
        )
        return Spelled(fields, clob, neg_risk=terms.neg_risk)

    def signature(self, what: str, spelled: Spelled) -> str:
        """Return the signature of an order; raises Retryable without the signer, Final where it says no."""
        try:
            answer = self._signer.order(self._ref, self._mode, spelled.clob, neg_risk=spelled.neg_risk)
        except SignerUnavailable as err:
            raise Retryable(f"{what}: {err}", "signer_unavailable", RETRY_S) from None
        except SignerRefused as err:
            raise Final(f"{what}: {err}", "signer_refused") from None
        if answer.digest != spelled.digest:
            raise Final(f"{what}: the signer names it {answer.digest[:80]}, we {spelled.digest}", "digest")
        return answer.signature
