"""The door for operators, `/_twinport/`: health, metrics, pages of deliveries, and the reset for tests.

Start with `door`. Nothing here belongs to AWS's or OCI's interface. May import `identities`, `registry` and lower
layers.
"""
