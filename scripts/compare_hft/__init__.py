"""Compare the paper venue with another back-tester, order by order, over one recording and one schedule of orders.

Read `ours` (the schedule and the paper venue), `theirs` (hftbacktest, in an environment of its own), `report`.
"""
