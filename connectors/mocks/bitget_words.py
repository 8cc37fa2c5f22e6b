"""Name Bitget's error codes."""

from connectors.mocks.core import Denied

WORDS = {
    "22001": "No order to cancel",
    "22002": "No position to close",
    "40008": "Request timestamp expired",
    "40009": "sign signature error",
    "40012": "apikey/password is incorrect",
    "40017": "Parameter verification failed",
    "40037": "Apikey does not exist",
    "40099": "exchange environment is incorrect",
    "40109": "The data of the order cannot be found, please confirm the order number",
    "40200": "Server upgrade, please try again later",
    "40404": "Request URL NOT FOUND",
    "40725": "service return an error",
    "40762": "The order amount exceeds the balance",
    "40768": "Order does not exist",
    "40774": "The order type for unilateral position must also be the unilateral position type.",
    "40786": "Duplicate clientOid",
    "40808": "Parameter verification exception",
    "45110": "less than the minimum amount 5 USDT",
    "429": "Too Many Requests",
}


def refused(code: str, words: str = "", status: int = 400) -> Denied:
    """Return a refusal with one of the venue's codes."""
    return Denied(status, code, words or WORDS.get(code, ""))
