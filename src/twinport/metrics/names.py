"""Every metric. docs/reference/metrics.md is generated from this list; dashboard and alerts are checked against it.

No label ever holds a value that a client chooses: no digests, tags, repositories or host names.
"""

from twinport.metrics.values import Kind, Metric, Series, Snapshot

_FAST = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5)
_SLOW = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0)
UNKNOWN = "unknown"

_all: list[Series] = []


def _counter(name: str, meaning: str, *labels: str) -> Series:
    return _listed(Metric(f"twinport_{name}", Kind.COUNTER, meaning, labels))


def _gauge(name: str, meaning: str, *labels: str) -> Series:
    return _listed(Metric(f"twinport_{name}", Kind.GAUGE, meaning, labels))


def _histogram(name: str, meaning: str, bounds: tuple[float, ...], *labels: str) -> Series:
    return _listed(Metric(f"twinport_{name}", Kind.HISTOGRAM, meaning, labels, bounds))


def _listed(metric: Metric) -> Series:
    series = Series(metric)
    _all.append(series)
    return series


def _shared(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"twinport_{name}", Kind.GAUGE, meaning, labels)


# --- of each process --------------------------------------------------------------------------------------

STARTED = _gauge("process_start_timestamp_seconds", "When the process started, in seconds since 1970.", "version")
REQUESTS = _counter(
    "requests_total",
    "Requests that were answered: ok, redirected and not changed included; refused with a status of 4xx; "
    "failed with 5xx; or cut off.",
    "verb",
    "outcome",
)
REQUEST_SECONDS = _histogram(
    "request_seconds", "Time from the head of a request to the end of its answer.", _SLOW, "verb"
)
IN_PROGRESS = _gauge("requests_in_progress", "Requests that are not answered yet.")
REFUSALS = _counter("refusals_total", "Requests that were refused, by error code.", "door", "code")
REQUEST_BYTES = _counter("request_bytes_total", "Bytes of the bodies of requests.", "door")
RESPONSE_BYTES = _counter("response_bytes_total", "Bytes of the bodies of answers.", "door")
SIGN_INS = _counter("sign_ins_total", "Attempts to sign in to the console.", "by", "outcome")
DATABASE_SECONDS = _histogram(
    "database_seconds", "Time of a query or a transaction, waiting included.", _FAST, "database", "operation"
)
DATABASE_ERRORS = _counter("database_errors_total", "Queries and transactions that the database refused.", "database")
STORE_SECONDS = _histogram(
    "store_seconds", "Time to create, write, sync or remove a file of layers. Reads are left out.", _FAST, "operation"
)
STORE_ERRORS = _counter(
    "store_errors_total", "Files of layers that could not be created, written, synced or removed.", "operation"
)
DELIVERIES = _counter(
    "delivery_attempts_total",
    "Attempts to deliver an image: complete, hindered (and tried again), or the failure code of one that was given up.",
    "destination",
    "outcome",
)
DELIVERED_BYTES = _counter("delivered_bytes_total", "Bytes that deliveries carried.", "destination")
GARBAGE = _counter("garbage_removed_total", "What garbage collection removed, by kind.", "kind")
VERIFIED = _counter("verified_total", "Layers and manifests that were compared with their digests.", "kind")
VERIFIED_BYTES = _counter("verified_bytes_total", "Bytes that were compared with their digests.")
QUARANTINED = _counter("quarantined_total", "Layers that were found damaged and put into quarantine.")
SCANS = _counter("scans_total", "Scans of images that have ended, by type and by what became of them.", "type", "state")
ALARMS = _counter("alarms_total", "Events of level error: a person must act.", "event")

# --- of the deployment, from its database -----------------------------------------------------------------

BACKLOG_READABLE = _shared("backlog_readable", "1 if the figures of the outbox could be read, 0 if they are missing.")
WAITING = _shared("deliveries_waiting", "Deliveries that wait or are under way.", "destination")
OLDEST = _shared("deliveries_oldest_seconds", "Age of the oldest of these, 0 if there is none.", "destination")
ACCOUNT_WAITING = _shared(
    "account_deliveries_waiting",
    "The same by source account, for the hundred accounts with most; the rest is `other`.",
    "account",
)
ACCOUNT_OLDEST = _shared("account_deliveries_oldest_seconds", "Age of the oldest of these, without `other`.", "account")
GARBAGE_OLDEST = _shared(
    "garbage_oldest_seconds", "Age of the oldest note of what may be garbage and was not examined yet.", "region"
)
VERIFICATION_OLDEST = _shared(
    "verification_oldest_seconds",
    "Time since the layer that waits longest was compared with its digest.",
    "region",
)

READ_ONLY = _shared("read_only", "1 while the operator has made the deployment read-only, else 0.")
GARBAGE_PAUSED = _shared("garbage_paused", "1 while the operator has paused garbage collection, else 0.")

OF_PROCESSES = tuple(each.metric for each in _all)
OF_THE_DEPLOYMENT = (
    BACKLOG_READABLE,
    WAITING,
    OLDEST,
    ACCOUNT_WAITING,
    ACCOUNT_OLDEST,
    GARBAGE_OLDEST,
    VERIFICATION_OLDEST,
    READ_ONLY,
    GARBAGE_PAUSED,
)


def snapshot() -> Snapshot:
    """Return the numbers of this process."""
    return {each.metric.name: each.numbers() for each in _all}
