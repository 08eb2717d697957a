"""Refusals of the stores for bytes and rows, and of interrupted work."""

from datetime import datetime

from twinport.errors import Conflict, NotFound, Unavailable


class BlobMissing(NotFound):
    """The store has no bytes under a key. If a row names the key, this means damage."""

    def __init__(self, key: str) -> None:
        super().__init__(f"no bytes are stored under key '{key}'")


class StorageUnavailable(Unavailable):
    """The disk or database failed a read or write: unavailable, full, read-only or broken. Nothing was changed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"storage is unavailable: {what}; nothing was changed, try again")


class ReadOnly(Unavailable):
    """The operator has made the whole deployment read-only. Nothing was changed."""

    def __init__(self, since: datetime) -> None:
        super().__init__(
            f"this registry is read-only since {since:%Y-%m-%d %H:%M} UTC, while its operator works on it: nothing was "
            "changed, try again later"
        )


class ResetBrokenOff(Unavailable):
    """A reset could not go on: some of the deployment is forgotten, and the rest is still there."""

    def __init__(self, why: Unavailable) -> None:
        reason = why.message.removesuffix("; nothing was changed, try again")
        super().__init__(f"the reset broke off half done: {reason}; repeat it")


class FolderClosed(StorageUnavailable):
    """The process's user can neither create nor write a folder, or its disk is read-only. Waiting does not help."""

    def __init__(self, what: str) -> None:
        Unavailable.__init__(
            self,
            f"storage is unavailable: {what}; nothing was changed: run this as the user that the server runs as, "
            "let that user write there, or choose another folder with --data DIR or TWINPORT_DATA",
        )


class NotAFolder(Unavailable):
    """There is a file where a folder is needed. Nothing was changed."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"'{path}' is a file and not a folder: choose a folder with --data DIR or TWINPORT_DATA, or move the file "
            "away"
        )


class NothingBegun(Unavailable):
    """No server has ever used a data folder, or the folder does not exist. Nothing was created."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"nothing was begun in the folder '{folder}': name the server's folder with --data DIR or TWINPORT_DATA, "
            "or start 'twinport serve' on this one"
        )


class CatalogNotBegun(Unavailable):
    """No server has ever used the database that the settings name. Nothing was created."""

    def __init__(self) -> None:
        super().__init__(
            "no server has begun in the database that 'database' names: name the database of the other hosts, or start "
            "'twinport serve' with these settings first"
        )


class WriterDied(Unavailable):
    """The thread of this process that writes a database has died. Only another process can continue."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the thread that writes the database has died ({cause}); start twinport again")


class CatalogClosed(Unavailable):
    """The process is ending and has closed its database before this request was done."""

    def __init__(self) -> None:
        super().__init__("this server is ending; nothing was changed, try again")


class StoreOfAnother(Conflict):
    """The blobs belong to another catalog. Only that catalog knows which of them are in use."""

    def __init__(self, region: str) -> None:
        super().__init__(
            f"the blobs of Region '{region}' belong to another catalog: set 'database' as their server has it"
        )


class StoresOfAnother(Conflict):
    """The objects of a bucket belong to another catalog, which would remove as orphaned what it has no rows for."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the objects below '{place}' belong to another catalog: give this deployment a prefix of its own in "
            "'object_store', or set 'database' as the server of these objects has it"
        )


class CatalogOfAnother(Conflict):
    """A data folder belongs to a catalog other than the one in the settings. Nothing was created or changed."""

    def __init__(self, folder: str, named: str) -> None:
        super().__init__(
            f"the folder '{folder}' belongs to another catalog than {named}: set 'database' as its server has it"
        )


class FolderUnusable(Unavailable):
    """A file in a data folder, other than the databases, cannot be read or written."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"'{path}' {why}: run this as the user that the server runs as, on a folder that can be written to"
        )


class BytesGivenUp(Unavailable):
    """Bytes waited so long for the row that names them that they counted as orphaned."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the bytes under key '{key}' were deleted before a row named them: send them again")


class BlobUnreadable(Unavailable):
    """The disk fails to read existing bytes. `code` is the errno."""

    def __init__(self, key: str, what: str, code: int | None) -> None:
        super().__init__(f"the bytes under key '{key}' cannot be read: {what}; try again")
        self.code = code


class RegionLost(Unavailable):
    """A Region has data, but its database is not the one that the partition knows. No new database is created."""

    def __init__(self, region: str, what: str) -> None:
        super().__init__(
            f"the database of Region '{region}' is {what}: restore it from the backup that the partition's database "
            "belongs to"
        )


class OutcomeUnknown(Unavailable):
    """The database, its disk or its connection failed during a commit. The change may or may not be stored."""

    def __init__(self) -> None:
        super().__init__(
            "the database did not confirm the change, since it, its disk or its connection failed: the change may be "
            "stored or not; check, or try again"
        )


class HistoryBegunAnew(Unavailable):
    """A Region was reset while a delivery to it was in progress."""

    def __init__(self, region: str) -> None:
        super().__init__(f"Region '{region}' was reset meanwhile; try again")


class DatabaseUnreadable(Unavailable):
    """A database is damaged, is no database, or cannot be opened. Nothing was changed."""

    def __init__(self, database: str, why: str) -> None:
        super().__init__(f"the database '{database}' cannot be read: {why}; repair what hinders it, or restore a copy")


class DatabaseNewer(Unavailable):
    """A later version of twinport created or upgraded the database. Nothing was changed."""

    def __init__(self, database: str, revision: str, known: str) -> None:
        super().__init__(
            f"database '{database}' is of revision '{revision}', and this version of twinport knows none after "
            f"'{known}': run the version that last used it, or a later one"
        )


class DatabaseUnrecognized(Unavailable):
    """The tables of a database match no released revision. Nothing was changed."""

    def __init__(self, database: str, why: str) -> None:
        super().__init__(f"database '{database}' is not one that this version of twinport can upgrade: {why}")


class LeaseLost(Unavailable):
    """A worker tried to settle a delivery that it no longer holds: its lease expired, or another worker settled it."""

    def __init__(self, delivery: str) -> None:
        super().__init__(f"delivery '{delivery}' is not held by this worker any more")
        self.delivery = delivery


class OfferExpired(Unavailable):
    """Bytes came for an offer that has expired. Its content is released."""

    def __init__(self, offer: str) -> None:
        super().__init__(f"offer '{offer}' has expired or was never made: offer again")


class ArrivalBusy(Unavailable):
    """The bytes of a blob cannot be taken at this moment, since others are arriving."""

    def __init__(self, digest: str, why: str) -> None:
        super().__init__(f"the bytes of '{digest}' cannot be taken now: {why}; try again")


class TransferStalled(Unavailable):
    """A destination takes no more bytes of a blob, though it refuses none."""

    def __init__(self, digest: str, held: int) -> None:
        super().__init__(f"the destination stays at {held} bytes of '{digest}'; try again")


class Interrupted(Unavailable):
    """The client disconnected, stalled, or sent fewer bytes than it announced."""


class BodyBroken(Interrupted):
    """The body cannot be completed: its chunks are framed wrongly, or the client closed its side before the end."""

    def __init__(self) -> None:
        super().__init__("the request's body ended before it was complete, or its chunks are not framed as HTTP says")
