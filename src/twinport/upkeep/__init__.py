"""What `twinport gc`, `twinport read-only`, `twinport verify` and `twinport replication list` do, server or not.

Start with `sites`, which opens a deployment; the work itself is the server's own code in twinport.registry and
twinport.replication. May import `composition` and lower layers.
"""
