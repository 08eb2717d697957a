"""`twinport run` and `twinport demo`: a server, and a client that pushes, waits for the copies and verifies them.

Start with `guide`, the steps. The client uses the public doors, as any other would. May import `commands` and lower
layers.
"""
