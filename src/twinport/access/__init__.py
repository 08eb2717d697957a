"""Authentication and authorization: mechanisms that the doors and the verbs share.

`gate` is the port that verbs ask before they say whether anything is there; `policy_gate` answers. `authentication`
finds the caller of a signed request, `signing_in` of a cookie, `tokens` of a registry token. The sessions of roles are
in `sessions` and `role_sessions`. May import `blobs`, `catalog` and lower layers.
"""
