"""Be a venue on this machine: real HTTP and websocket servers that match orders and misbehave on command.

Begin with server.py (one request, from bytes to bytes), then core.py (accounts, books, matching) and one venue, such
as kalshi.py. Each dialect is written from the venue's documentation alone and shares no encoder with the connectors
that speak to the real venues: two authors must agree before a test passes. Loopback only, development keys only.
"""
