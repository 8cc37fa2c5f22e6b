"""The words: every type that crosses a wire.

Read `units.py` for the numbers, `base.py` for the form, then the files in the order of a trade:
`market.py`, `signal.py`, `intent.py`, `order.py`, `control.py`, and `envelope.py`, in which all of them travel.
Imports nothing of ours. The JSON Schemas in `schemas/` are generated from these classes.
"""
