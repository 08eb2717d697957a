"""The verbs of ECR, which `/v2/` and the console call as well: repositories, layers, images, settings, garbage.

Each verb asks the gate first. Start with `uploads` and `images`; `pushes` is the transaction of a push, with
immutability, position and the deliveries that it owes (of a copy: twinport.catalog.regional.arrivals). `garbage`,
`orphans` and `verification` are loops, which ask no gate. May import `replication` and lower layers.
"""
