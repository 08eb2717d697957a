"""What builds a process from its parts: the only package that knows which class stands behind which port.

Start with `app.build`, for a server or a worker: each kind of part has a module beside it. `administration` and `why`
build what a command needs without a server, `databases` opens catalogs, `late` builds parts at their first use. May
import `console`, `control`, `ecr`, `gateway`, `iam`, `oci`, `sts` and lower layers.
"""
