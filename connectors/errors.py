"""Draw the tree of what can go wrong at the edge; a refusal is a value, and a broken promise is a bug.

EdgeError
  CaptureError      a recording cannot be used
  StoreError        a store cannot be used (connectors/store.py)
    StoreAway       it does not answer or has no room: the same again may succeed
  BrokerError       a broker cannot be used, or refused
    NoBroker        none can be had here: Java, Maven or the network is missing
  SpoolError        what waits for a broker or a store cannot be kept, or was ruined
  FeedError         a live feed cannot be had as it was asked for, or was refused for good
  SigningError      a key for signatures cannot be made, had or used
  SupervisorError   programs cannot be looked after, as where somebody does so already
"""


class EdgeError(Exception):
    """Something outside did not work: a file, a socket, a store. The message names it, and what to do."""


class CaptureError(EdgeError):
    """A recording cannot be used; the message names the file, what is wrong with it and what is allowed."""


class BrokerError(EdgeError):
    """A broker cannot be used, or refused; the message names it, the topic or file, and what is allowed."""


class NoBroker(BrokerError):
    """No broker can be had on this machine: Java or Maven is missing, or nothing can be fetched."""


class SpoolError(EdgeError):
    """A spool cannot be used; the message names the folder or file, and what is allowed."""


class FeedError(EdgeError):
    """A live feed cannot be had as it was asked for, or was refused for good; the message says what is allowed."""


class SigningError(EdgeError):
    """A key for signatures cannot be made, had or used; the message says which and what is allowed, never the key."""


class SupervisorError(EdgeError):
    """Programs cannot be looked after here; the message names the folder and who does so already."""
