"""Events: facts with fields, one line each, for operators.

`telemetry` writes them and lists their names (`Event`); `table` says of each what it means and what an operator
does; `file` is the bounded file, `text` the form at a terminal. May import `policies` and lower layers.
"""
