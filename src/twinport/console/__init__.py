"""The door for browsers, `/console/`: pages rendered on the server, which call the same verbs as the other doors.

Start with `door`, which finds visitor and page; each page is a class in the module of its subject, and templates/ has
its HTML. `repository_settings`, `creation` and `deletion` are those of a repository; `private_registry` leads to a
registry's settings, and the deployment's have no page. May import `identities`, `registry` and lower layers.
"""
