"""HTTP for every door: the listener, TLS, and the way of each request to its door.

Start with `application`, which gives the request its id, lets `admission` refuse foreign hosts and pages, and chooses
the door; `messages` has the request that a door gets and the kinds of answers; `memory` is a budget for bodies, whose
sizes twinport.gateway sets. May import `settings` and lower layers.
"""
