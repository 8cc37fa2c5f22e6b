"""The mechanisms: pure transforms that the flows are made of.

Read them in the order of a frame: `normalise/` (bytes to facts), `order_book.py`, `freshness.py`, `engine.py`, then the
four stages of a desk. `sequencer.py` stands before them all. No clock, chance or input and output lives here.
Each transform is a value with a `step`: entries in, entries out, the same for every way of cutting the input.
"""
