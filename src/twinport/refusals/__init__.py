"""Every expected 'no', worded: a class each, in the module of its field.

The tree of their kinds is twinport.errors. A door maps kinds and classes to its protocol's codes (`errors` of
`ecr`, `iam` and `oci`). May import `clock`, `errors`, `metrics`.
"""
