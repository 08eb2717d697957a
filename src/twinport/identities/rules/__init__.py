"""The rules of IAM about what is stored: what must exist, what must be unique, how many there may be, what is in use.

Each function takes a transaction, calls the statements of `catalog.partition`, and refuses. The verbs of `identities`
call these. No module here asks the gate. Start with `users`.
"""
