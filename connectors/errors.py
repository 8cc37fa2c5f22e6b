"""Draw the tree of what can go wrong at the edge; a refusal is a value, and a broken promise is a bug.

EdgeError
  CaptureError      a recording cannot be used
  StoreError        a store cannot be used (connectors/store.py)
"""


class EdgeError(Exception):
    """Something outside did not work: a file, a socket, a store. The message names it, and what to do."""


class CaptureError(EdgeError):
    """A recording cannot be used; the message names the file, what is wrong with it and what is allowed."""
