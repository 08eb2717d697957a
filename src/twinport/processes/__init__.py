"""What a process is made of beside its requests: threads, loops, signals, and the other processes of the host.

`pools` has the threads for each kind of work, `loops` runs and restarts background work, `supervisor` is the parent
of `serve --workers N`, `peers` and `wakeups` reach the other processes. May import `logs` and lower layers.
"""
