"""The one way out to an address that a tenant named, such as the issuer of an OIDC provider.

`requests` has the rules, as values and pure functions; `client` resolves the name, connects and sends. An HTTP
client may be imported only here, in `login`, in `tour` and in `status`. May import `files`, `processes` and lower
layers.
"""
