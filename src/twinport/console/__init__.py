"""The door for browsers, `/console/`: pages rendered on the server, which call the same verbs as the other doors.

Start with `door`, which finds visitor and page; each page is a class in the module of its subject, as `images` or
`roles`, and templates/ has its HTML. May import `identities`, `registry` and lower layers.
"""
