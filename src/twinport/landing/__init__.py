"""How an image comes into a repository: one set of rules for pushes, copies and restores from the archive.

`pushes`, `copies` and `restores` are the transactions; `rules` decides for all of them, and `terms` says what differs
on purpose. `obligations` owes deliveries, as `planner` plans them. No transaction asks a gate: its caller has done so.
May import `blobs`, `catalog` and lower layers.
"""
