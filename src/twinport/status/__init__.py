"""`twinport status`: what runs, how far behind it is, and what needs a person.

`own_server` asks what answers at an address, and imports little, since health checks run it every few seconds;
`gathering` reads the deployment, and where its servers listen (twinport.processes.listeners); `report` decides what
the facts mean. May import `composition` and lower layers.
"""
