"""The door of Amazon ECR's API: each handler parses its input, calls one verb of `registry`, and renders the answer.

Start with `door`, which joins the tables of operations. AWS's names for the refusals are in `errors`; constraints of
the service model were checked before, in twinport.aws.validate. May import `identities`, `registry` and lower layers.
"""
