"""The commands of the operator, a module for one or a few: options in, one call, words and an exit code out.

`serving` is `twinport serve`, one process; `working` is `twinport worker`; `options` selects the deployment for all of
them. What `upkeep`, `accounts`, `why` and `status` call is in `status`, `upkeep` and `composition`. May import
`status`, `upkeep` and lower layers.
"""
