"""The decisions: one module per bot, found by its id (`risk.stale_book` is bots/risk/stale_book.py).

`library.toml` is the frozen table of 109 rows; `kit.py` is all that an author needs; `registry.py` loads a row's
module; `maths/` holds shared formulas. Bots import contracts, kit and maths, and never each other.
"""
