"""The verbs of IAM and of STS: users, groups, roles, policies, keys, providers, sessions, and their reports.

Each class is a verb or a few, and asks the gate before it says whether anything is there (`entities` asks about users,
groups, roles and policies). `assumptions` begins sessions of roles; `deletion` deletes service-linked roles, in a loop
of its own. How sessions and tokens work is in twinport.access. May import `replication` and lower layers.
"""
