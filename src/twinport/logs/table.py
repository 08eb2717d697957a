"""Each event's meaning, levels and fields, and what an operator does about it.

docs/reference/events.md is generated from this table, and tests/logs/test_event_table.py compares it with every call
that writes an event. No server imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.logs.levels import LogLevel
from twinport.logs.telemetry import Event

DEBUG, INFO, WARNING, ERROR = LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR
NOTHING = "Nothing."


@dataclass(frozen=True, slots=True)
class Described:
    """`levels` and `fields` cover all calls that write the event. A single call may leave some out."""

    levels: tuple[LogLevel, ...]
    meaning: str
    action: str = NOTHING
    fields: tuple[str, ...] = ()


# Fields that any event may have.
COMMON: Mapping[str, str] = {
    "at": "when it happened, in UTC",
    "level": "`debug`, `info`, `warning` or `error`",
    "event": "its name",
    "request_id": "the request that caused it; the client was told this id. Absent outside requests",
    "lines_lost": "how many lines before this one could be written nowhere, at most. Absent unless there were any",
}

FIELDS: Mapping[str, str] = {
    "account": "a twelve-digit account id",
    "accounts": "for which clients accounts are open",
    "action": "the action that was asked for, such as `ecr:PutImage`",
    "address": "the address and port that the process listens on",
    "arrivals": "how many arrivals were forgotten",
    "attempt": "which attempt it is; the first is 1",
    "blobs": "how many blobs",
    "by": "`key` or `password`",
    "bytes": "how many bytes",
    "bytes_in": "how many bytes of the request's body were read",
    "bytes_out": "how many bytes of the answer's body were sent",
    "caller": "the ARN of the caller, or `anonymous`",
    "code": "an exit code, or the number of a signal below zero",
    "create_one": "the command that makes the first account",
    "data": "the data folder",
    "database": "`sqlite` or `postgresql`; of a damaged database its file",
    "deliveries": "how many deliveries",
    "delivery": "the id of the delivery",
    "destination": "the registry that a copy goes to: ACCOUNT/REGION",
    "digest": "the digest of a blob or manifest",
    "encryption_at_rest": "the setting `encryption_at_rest`",
    "archived": "how many images were moved to the archive",
    "exception": "the traceback",
    "expired": "how many images were deleted",
    "file": "the file that `log_file` names",
    "findings": "how many findings; null after a failure",
    "holder": "the process, as leases name it",
    "issuer": "the address of the identity provider",
    "key": "the name under which the store keeps the bytes",
    "keys": "how many names of stored bytes",
    "layers": "how many layers of repositories",
    "listen": "the setting `listen`",
    "manifests": "how many manifests",
    "method": "the method of the request",
    "milliseconds": "the time from the head of the request to the last byte of the answer",
    "open_all": "the command that opens all accounts",
    "operation": "the operation of AWS, such as `ecr:PutImage`; null at other doors and where the caller is not known",
    "outcome": "what became of it: `complete`, or the failure code",
    "part": "the part that it is about, such as `database` or `store`",
    "path": "the path of a request, without its query; of `folder.holds_others` the data folder, of "
    "`folder.open_to_others` the first file or folder",
    "paths": "how many files and folders the warning is about",
    "pause": "how many seconds the replacement waits",
    "positions": "how many applied positions were forgotten",
    "priority": "the priority of the rule; null where none applied",
    "process": "a process id",
    "pushed_at": "when the image was pushed, in UTC",
    "reason": "why, in words",
    "region": "a Region",
    "registry": "ACCOUNT/REGION",
    "repositories": "the repositories that hold it, or how many deleted repositories were emptied; of "
    "`encryption.not_applied` the ARNs of the first of them",
    "repository": "the name of the repository",
    "resource": "the ARN of what was asked for",
    "role": "the name of the role",
    "scan_type": "`BASIC` or `ENHANCED`",
    "source": "the client's address",
    "state": "the status that DescribeImageScanFindings shows",
    "statement": "the statement that denied it; null where none allowed it",
    "status": "the status of the answer; null where none was sent",
    "tag": "the tag; null for an image without one",
    "tags": "the tags, separated by commas",
    "target": "the header `X-Amz-Target`",
    "task": "the id of the deletion task",
    "template": "the prefix of the repository creation template",
    "tls": "whether https is served",
    "until": "when the certificate ends",
    "uploads": "how many uploads",
    "version": "the version of twinport",
    "worker": "which loop it is",
}

_DELIVERY = ("delivery", "destination", "repository", "digest", "tag")
_IMAGE = ("account", "region", "repository", "digest")
_HEAL = "Push the image again, which heals it; look at the disk. See how-to/garbage.md."
_REPORT = "Report the traceback as a defect of twinport, with the request's id if there is one."

TABLE: Mapping[Event, Described] = {
    Event.SERVER_STARTED: Described(
        (INFO,),
        "A process listens and answers.",
        fields=(
            "version",
            "listen",
            "address",
            "tls",
            "accounts",
            "database",
            "data",
            "layers",
            "encryption_at_rest",
            "process",
        ),
    ),
    Event.SERVER_STOPPED: Described((INFO,), "A process of the server has ended in order."),
    Event.SERVER_READY: Described((INFO,), "A part that was away is there again.", fields=("part",)),
    Event.DRAIN_BEGUN: Described(
        (INFO,),
        "The process drains: it is not ready, and takes on no work beside the requests.",
        "End it when `twinport drain --wait` returns, or undo it.",
        (),
    ),
    Event.DRAIN_UNDONE: Described((INFO,), "The process takes on work again.", "", ()),
    Event.SERVER_UNREADY: Described(
        (WARNING,),
        "`/_twinport/health/ready` answers 503 because of a part.",
        "Put the part right: the reason names what is wrong with the database or the store.",
        ("part", "reason"),
    ),
    Event.FOLDER_OPEN: Described(
        (WARNING,),
        "Other users of this machine can read files or folders, and twinport may not change that.",
        "Take the others' permissions away, as the owner of the data folder.",
        ("path", "reason", "paths"),
    ),
    Event.ACCOUNTS_OPEN_TO_OTHERS: Described(
        (WARNING,),
        "Any client that reaches the server is root of every account.",
        'Leave `open_accounts = "everywhere"` away unless that is meant.',
        ("listen", "reason"),
    ),
    Event.ENCRYPTION_NOT_APPLIED: Described(
        (WARNING,),
        "Repositories show keys of KMS, and `encryption_at_rest` is `refuse`: nothing here encrypts with these keys.",
        'Encrypt the volumes and set `encryption_at_rest = "volume"`, or create the repositories again with AES256. '
        "See how-to/encryption.md.",
        ("repositories", "reason"),
    ),
    Event.FOLDER_SHARED: Described(
        (WARNING,),
        "twinport begins in a data folder that already holds other files. It changes none of them.",
        "Choose an empty folder if that was not meant.",
        ("path", "reason", "paths"),
    ),
    Event.ACCOUNTS_NONE_YET: Described(
        (INFO,),
        "There is no account yet, and accounts are closed, so no client can call.",
        "Run one of the two commands.",
        ("create_one", "open_all"),
    ),
    Event.ACCOUNTS_NOT_OPENED: Described(
        (WARNING,),
        "`open_accounts = true` opens nothing, since the listening address is no loopback address.",
        "Create an account, or listen on a loopback address.",
        ("listen", "reason"),
    ),
    Event.OPEN_ACCOUNT_REFUSED: Described(
        (WARNING,),
        "A client used a twelve-digit key where accounts are closed (told once in ten minutes), or is not on this "
        "machine, as far as its request shows.",
        "Give the client a real key, or open accounts if that is meant; `reason` says how.",
        ("account", "source", "reason"),
    ),
    Event.CERTIFICATE_SHOWN: Described((INFO,), "A renewed certificate is shown after SIGHUP.", fields=("until",)),
    Event.CERTIFICATE_REFUSED: Described(
        (WARNING,),
        "A renewed certificate cannot be used; the old one is still shown.",
        "Put the files right and send SIGHUP again.",
        ("reason",),
    ),
    Event.REQUEST_ANSWERED: Described(
        (INFO,),
        "A request was answered: the access log (`access_log`).",
        fields=(
            *("method", "path", "operation", "status", "caller", "source"),
            *("bytes_in", "bytes_out", "milliseconds"),
        ),
    ),
    Event.REQUEST_FAILED: Described(
        (ERROR,),
        "A request met a defect; the client got 500 and the id.",
        _REPORT,
        ("method", "path", "target", "exception"),
    ),
    Event.ANSWER_CUT_OFF: Described(
        (WARNING,),
        "The client left before it had the whole answer, or the answer's file ended early.",
        "Nothing, if clients end by themselves; otherwise look at the network between.",
        ("path", "reason"),
    ),
    Event.ACCESS_ALLOWED: Described(
        (DEBUG,), "Policies allow an action. One request may ask for several.", fields=("caller", "action", "resource")
    ),
    Event.ACCESS_DENIED: Described(
        (INFO,),
        "Policies do not allow an action.",
        "If it should be allowed, `twinport why` says which statement decides.",
        ("caller", "action", "resource", "reason", "statement"),
    ),
    Event.ISSUER_UNREACHABLE: Described(
        (WARNING,),
        "The keys of an identity provider cannot be fetched, so its tokens are refused.",
        "See explanation/going-out.md, or give the keys with `oidc_keys`.",
        ("issuer", "reason"),
    ),
    Event.SIGN_IN_DONE: Described((INFO,), "A user signed in to the console.", fields=("caller", "source")),
    Event.SIGN_IN_REFUSED: Described(
        (WARNING,),
        "No active key or user matches what was typed at the console. What was typed is not logged.",
        "Many of them from one address may be an attack; attempts are slowed down by themselves.",
        ("by", "source"),
    ),
    Event.ROLE_CREATED: Described((INFO,), "A service-linked role was created.", fields=("account", "role", "caller")),
    Event.ROLE_DELETED: Described((INFO,), "A service-linked role was deleted.", fields=("account", "role")),
    Event.DELETION_SETTLED: Described(
        (INFO,),
        "A task that deletes a service-linked role ended.",
        "After a failure, put right what the reason names and delete the role again.",
        ("task", "outcome", "reason"),
    ),
    Event.DATABASE_DAMAGED: Described(
        (ERROR,),
        "A database cannot be read as a database.",
        "Stop the server and restore the file from a copy.",
        ("database", "reason"),
    ),
    Event.DATABASE_REFUSED: Described(
        (WARNING,),
        "PostgreSQL refused something; clients got 503.",
        "Put right what the reason names: rights, connections, disk.",
        ("reason",),
    ),
    Event.BLOB_DAMAGED: Described(
        (ERROR,), "Bytes that were asked for are damaged or missing.", _HEAL, ("digest", "repository", "registry")
    ),
    Event.BLOB_QUARANTINED: Described(
        (ERROR,),
        "A blob is damaged and is not served any more.",
        _HEAL,
        ("region", "digest", "reason", "repositories", "key"),
    ),
    Event.BLOB_RELEASED: Described(
        (INFO,), "A blob in quarantine was found whole and is served again.", fields=("region", "digest")
    ),
    Event.BLOB_HEALED: Described(
        (INFO,), "Bytes that arrived have replaced damaged ones.", fields=("region", "digest", "key")
    ),
    Event.BLOBS_VERIFIED: Described((INFO,), "Blobs were compared with their digests.", fields=("region", "blobs")),
    Event.MANIFEST_DAMAGED: Described((ERROR,), "A manifest is not what was pushed, and is not served.", _HEAL, _IMAGE),
    Event.MANIFEST_HEALED: Described((INFO,), "A push has replaced a damaged manifest.", fields=(*_IMAGE, "tags")),
    Event.MANIFESTS_VERIFIED: Described(
        (INFO,), "Manifests were compared with their digests.", fields=("region", "manifests")
    ),
    Event.GARBAGE_SWEPT: Described(
        (INFO,),
        "Garbage was collected.",
        fields=("region", "repositories", "uploads", "layers", "blobs", "keys"),
    ),
    Event.ORPHANS_FOUND: Described(
        (INFO,),
        "Orphaned files were found, which no row knows, as a crash can leave them; they go after `orphan_age`.",
        fields=("region", "keys", "bytes"),
    ),
    Event.UNFINISHED_REMOVED: Described(
        (INFO,),
        "The object store kept parts of blobs that a killed process had begun; they were removed after `orphan_age`.",
        fields=("region", "blobs"),
    ),
    Event.REPOSITORY_CREATED_ON_PUSH: Described(
        (INFO,),
        "A push created its repository, as a repository creation template says.",
        fields=("registry", "repository", "template", "caller"),
    ),
    Event.IMAGE_PUT: Described((INFO,), "An image was pushed, or a tag was moved.", fields=(*_IMAGE, "tags")),
    Event.SCAN_ENDED: Described(
        (INFO,),
        "The scan of an image has ended. `state` is `FAILED` if nothing is known about the image.",
        "After a failure: the reason says which document is missing or wrong. See how-to/scan-findings.md.",
        (*_IMAGE, "scan_type", "state", "findings", "reason"),
    ),
    Event.IMAGE_EXPIRED: Described(
        (INFO,),
        "A lifecycle policy deleted an image. After a crash the line may be there twice.",
        fields=(*_IMAGE, "tags", "priority", "pushed_at"),
    ),
    Event.IMAGE_ARCHIVED: Described(
        (INFO,),
        "An image was moved to the archive: by a lifecycle policy, by UpdateImageStorageClass, or after its subject. "
        "After a crash the line may be there twice.",
        fields=(*_IMAGE, "tags", "priority", "pushed_at"),
    ),
    Event.IMAGE_RESTORED: Described((INFO,), "An image was restored from the archive.", fields=_IMAGE),
    Event.LIFECYCLE_APPLIED: Described(
        (INFO,),
        "A lifecycle policy was applied to a repository, and did something.",
        fields=("account", "region", "repository", "expired", "archived"),
    ),
    Event.DELIVERY_BEGUN: Described((DEBUG,), "An attempt to copy an image begins.", fields=(*_DELIVERY, "attempt")),
    Event.DELIVERY_SETTLED: Described(
        (INFO, WARNING),
        "A copy has arrived (`info`) or failed for good (`warning`).",
        "After a failure: the console says beside the image what to do about each code.",
        (*_DELIVERY, "outcome", "bytes", "reason"),
    ),
    Event.DELIVERY_POSTPONED: Described(
        (WARNING,),
        "An attempt failed; the next one comes by itself, after a pause that grows.",
        "Nothing at first; if it goes on, put right what the reason names.",
        (*_DELIVERY, "attempt", "reason"),
    ),
    Event.DELIVERY_REOPENED: Described(
        (INFO,),
        "A copy that failed because its source was damaged is owed again.",
        fields=("delivery", "destination", "repository", "digest"),
    ),
    Event.DELIVERIES_OWED_AGAIN: Described(
        (INFO,), "A push of the same image owes its failed copies again.", fields=(*_IMAGE, "tags")
    ),
    Event.HISTORY_FORGOTTEN: Described(
        (INFO,),
        "Settled history older than `history_age` was removed.",
        fields=("region", "deliveries", "arrivals", "positions"),
    ),
    Event.DELIVERY_LEASE_LOST: Described(
        (WARNING,),
        "A copy took longer than its lease, and another process took it over.",
        "Nothing, if it is rare; otherwise the machine is too slow or its clock jumps.",
        _DELIVERY,
    ),
    Event.PROCESS_STARTED: Described((INFO,), "The supervisor has begun a process.", fields=("process",)),
    Event.PROCESS_ENDED: Described(
        (WARNING,),
        "A process has died and is replaced.",
        "Look at the events before it; code -9 is often the system that ran out of memory.",
        ("process", "code", "pause"),
    ),
    Event.PROCESS_BROKEN: Described(
        (ERROR,),
        "A part of the process died that it cannot do without, so the process ends.",
        _REPORT,
        ("part", "exception"),
    ),
    Event.WORKER_STARTED: Described((INFO,), "`twinport worker` works.", fields=("data", "process")),
    Event.WORKER_STOPPED: Described((INFO,), "`twinport worker` has ended in order."),
    Event.HOLDER_DIED: Described(
        (WARNING,),
        "A process of this host died; what it was carrying is carried by another at once.",
        "Look for why it died.",
        ("holder", "deliveries"),
    ),
    Event.WORKER_HINDERED: Described(
        (WARNING, ERROR),
        "A loop cannot work now and tries again by itself (`warning`), or cannot until a person acts (`error`).",
        "Put right what the reason names.",
        ("worker", "region", "destination", "reason"),
    ),
    Event.WORKER_FAILED: Described(
        (WARNING, ERROR),
        "A loop met a defect (`error`, with a traceback) or a task that it cannot end now (`warning`), and goes on.",
        _REPORT,
        ("worker", "destination", "reason", "exception"),
    ),
    Event.STATE_RESET: Described((INFO,), "`POST /_twinport/reset` emptied the server."),
    Event.LOG_UNWRITABLE: Described(
        (WARNING,),
        "`log_file` cannot be written; events go to standard error until it can.",
        "Put the file or its disk right.",
        ("file", "reason"),
    ),
}
