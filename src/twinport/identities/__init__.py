"""The verbs of IAM and of STS: users, groups, roles, policies, keys, providers, sessions, and their reports.

Each class is a verb or a few: it asks the gate (`entities` for users, groups, roles and policies), then calls the
catalog. `assumptions` begins sessions of roles, `deletion` deletes service-linked roles. How sessions and tokens
work is in twinport.access. May import `replication` and lower layers.
"""
