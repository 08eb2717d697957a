"""The door of the OCI distribution protocol, `/v2/`: each handler calls one verb of `registry`.

Start with `door`; `routes` parses paths, `blobs` and `manifests` answer them. `presigned` serves layers by signed
addresses, which twinport.registry.download_links writes and checks. May import `identities`, `registry` and lower
layers.
"""
