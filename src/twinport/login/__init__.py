"""Programs on a client's machine: the credential helpers for docker and for the kubelet.

Start with `docker` or `kubelet`; both request a token with `tokens`. They start at every pull, and so import `aws`,
`model`, `errors` and nothing else of twinport.
"""
