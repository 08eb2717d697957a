"""The verbs of IAM and of STS: users, groups, roles, policies, keys, providers, sessions, and their reports.

Each class asks the gate before it says whether anything is there; `entities` asks about users, groups, roles, policies.
`rules` refuses what the stored state forbids, `assumptions` begins sessions of roles, `deletion` deletes service-linked
roles in a loop. How sessions and tokens work is in twinport.access. May import `replication` and lower layers.
"""
