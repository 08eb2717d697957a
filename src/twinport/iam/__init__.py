"""The door of AWS IAM: each handler parses its input, calls one verb of `identities`, and renders the answer.

Start with `door`, the table of operations; what several handlers share on the wire is in `requests`. AWS's names
for the refusals are in `errors`. May import `identities`, `registry` and lower layers.
"""
