"""The copying of images to other registries, from the outbox to the settled delivery.

Start with `destination`, the port; docs/glossary.md lists the forms of an image on its way. `worker` runs couriers;
`post_office` leases the deliveries of a lane, whose order is in twinport.catalog.regional.outbox; `courier` and
`transfer` carry them to a `destination`. May import `access`, `landing` and lower layers.
"""
