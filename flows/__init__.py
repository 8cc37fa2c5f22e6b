"""The programs: wiring only, a source, operators in a straight line, a sink.

`market.py` turns bytes into the journal, `desk.py` the journal into decisions; `embedded.py` is the two in one process
over captures, `replay.py` the same over a store. A flow reads like a table of contents; where it needs an `if`, an
operator is missing.
"""
