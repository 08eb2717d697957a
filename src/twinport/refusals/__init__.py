"""The expected 'no' that several modules share, worded: a class each, in the module of its field.

One that a single module raises may stand there. The tree of their kinds is twinport.errors. A door maps kinds and
classes to its protocol's codes (`errors` of `ecr`, `iam` and `oci`; `sts.door`). May import `clock`, `errors`,
`metrics`.
"""
