"""The door of AWS STS: each handler parses its input, calls one verb of `identities`, and renders the answer.

Start with `door`, the table of operations. May import `identities`, `registry` and lower layers.
"""
