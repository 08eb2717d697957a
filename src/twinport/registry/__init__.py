"""The verbs of ECR, which `/v2/` and the console call as well: repositories, layers, images, settings, garbage.

Each verb asks the gate first. Start with `uploads` and `images`; `pushes` is the transaction of a push (of a copy:
twinport.catalog.regional.arrivals). `garbage`, `lifecycle_runs`, `orphans`, `scan_runs` and `verification` are loops,
which ask no gate. May import `replication` and lower layers.
"""
