"""The verbs of ECR, which `/v2/` and the console call as well: repositories, layers, images, settings, garbage.

Each verb asks the gate first. Start with `uploads` and `images`; the transaction of a push is twinport.landing.pushes.
`garbage`, `lifecycle_runs`, `orphans`, `scan_runs`, `storage_moves` and `verification` are loops, which ask no
gate. May import `replication` and lower layers.
"""
