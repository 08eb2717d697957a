"""The nouns, as frozen values: names, digests, images, manifests, replication rules, callers, IAM's entities.

A value checks its own form when it is parsed, so `names` decides what a repository or an account may be called. No
I/O, no clock. Start with `names` and `images`. May import `refusals` and lower layers.
"""
