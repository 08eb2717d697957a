"""The door of the OCI distribution protocol, `/v2/`: each handler calls one verb of `registry`.

Start with `door`; `routes` parses paths, `blobs` and `manifests` answer them. `presigned` serves layers by an
address that was signed. May import `identities`, `registry` and lower layers.
"""
