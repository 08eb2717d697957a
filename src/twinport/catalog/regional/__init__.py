"""The database of one Region: repositories, images, layers, uploads, the outbox, arrivals and garbage (ECR).

Start with `schema`, the tables. The other modules are functions of a connection, one module for a kind of row or of
work. May import `engine` and the layers below the catalog, and nothing of `partition`.
"""
