"""One database of either engine: connections, threads, deadlines, dialects, and the runner of the migrations.

Start with `sqlite`; `postgres` is the other engine. Both implement `ports.Database`. May import the
layers below the catalog, and nothing of `partition` or `regional`: of all tables it knows that of leases alone.
"""
