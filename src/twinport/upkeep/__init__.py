"""What `twinport gc`, `twinport verify` and `twinport replication list` do, beside a server or without one.

Start with `sites`, which opens a deployment; the work itself is the server's own code in twinport.registry and
twinport.replication. May import `composition` and lower layers.
"""
