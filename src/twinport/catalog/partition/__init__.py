"""The partition's database: accounts, users, groups, roles, policies, access keys and console sessions (IAM and STS).

Start with `schema`, the tables. The other modules are functions of a connection, one module for a kind of row. They
answer with what is there and refuse nothing: the rules are in `twinport.identities.rules`. May import `engine` and the
layers below the catalog, and nothing of `regional`.
"""
