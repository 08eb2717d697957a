"""The partition's database: accounts, users, groups, roles, policies, access keys and console sessions (IAM and STS).

Start with `schema`, the tables. The other modules are functions of a connection, one module for a kind of row; the
transaction that adds a row also checks its quota. May import `engine` and the layers below the catalog, and nothing
of `regional`.
"""
