"""Name Binance's error numbers, and read the parameters of its requests."""

from urllib.parse import parse_qsl

from connectors.mocks.core import Denied
from connectors.mocks.wire import Call

WORDS = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests; current limit is 2400 requests per minute.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
    -1013: "Invalid quantity.",
    -1015: "Too many new orders; current limit is 300 orders per 10 SECOND.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1102: "Mandatory parameter was not sent, was empty/null, or malformed.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1121: "Invalid symbol.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2022: "ReduceOnly Order is rejected.",
    -4003: "Quantity less than zero.",
    -4005: "Quantity greater than max quantity.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id length should be less than 36 chars",
    -4046: "No need to change margin type.",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4116: "ClientOrderId is duplicated.",
    -4164: "Order's notional must be no smaller than 50 (unless you choose reduce only).",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be "
    "recorded in the order history",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not "
    "be recorded in the order history",
}


def refused(code: int, status: int = 400, words: str = "") -> Denied:
    """Return a refusal with one of the venue's numbers."""
    return Denied(status, str(code), words or WORDS.get(code, ""))


def fields(call: Call) -> dict[str, str]:
    """Every parameter of a request, from the query and from the body."""
    return call.query | dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
