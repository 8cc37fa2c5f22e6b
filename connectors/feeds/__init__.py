"""Live market data: begin with `session.py`, which runs a feed; `line.py` holds one connection of it.

`venue.py` has the words between them and the modules of the venues, `kalshi.py`, `polymarket.py`, `binance.py` and
`bitget.py`, which say what to send and what a message is, and touch nothing. `judge.py` decides which books need a new
image. Why the venues' own sockets and not a library's: docs/adr/0019-feeds.md.
"""
