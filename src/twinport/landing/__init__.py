"""The transaction that stores an image: its rules, and the deliveries that it owes.

Start with `pushes`; `planner` decides which deliveries are owed. A transaction asks no gate: its caller has done so.
May import `blobs`, `catalog` and lower layers.
"""
