"""The verbs of ECR, which `/v2/` and the console call as well: repositories, layers, images, settings, garbage.

Each asks the gate first. Start with `uploads` and `pushes`: a push is one transaction, with immutability, position
and the deliveries that it owes; twinport.catalog.regional.arrivals is the transaction of a copy that arrives. May
import `replication` and lower layers.
"""
