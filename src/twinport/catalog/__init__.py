"""The rows, on SQLite or PostgreSQL; verbs and doors know no SQL.

Start with `ports`; `embedded` has their form on SQLite, `postgres` the other form. `partition` has the tables of IAM
and STS, `regional` those of ECR, `engine` what any database needs; a module stands beside them only if it serves both
kinds of databases. May import `http` and lower layers.
"""
