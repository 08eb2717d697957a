"""`twinport status`: what runs, how far behind it is, and what needs a person.

`own_server` asks the running server and imports little, since health checks run it every few seconds; `gathering`
reads the deployment beside it; `report` decides what the facts mean. May import `composition` and lower layers.
"""
