"""The tables of a Region: ECR. The rules for rows: `engine.columns`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from twinport.catalog.engine import leases
from twinport.catalog.engine.columns import Instant, Text

# `first_table` is in every revision: a database without it was never given its tables.
regional = MetaData(info={"migrations": "regional", "first_table": "history"})

# One row. The epoch is new, and greater, after a restore, a reset or a fork.
history = Table(
    "history",
    regional,
    Column("id", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    # The identity by which the partition knows this database: `region_identity`.
    Column("identity", Text),
)

# Keys that authenticate authorization tokens and presigned layer addresses of this Region.
token_key = Table(
    "token_key",
    regional,
    Column("id", Text, primary_key=True),
    Column("sealed_key", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# `sequence` is the registry's counter of positions; `role_id` is the service-linked role that the rules stand under.
registry = Table(
    "registry",
    regional,
    Column("account", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("replication", Text, nullable=False, server_default=text("'[]'")),
    Column("role_id", Text),
    Column("policy", Text),
    # The scanning configuration as JSON; absent if none was ever put.
    Column("scanning", Text),
    # Account settings, absent while they have their defaults: `model.account_settings`.
    Column("policy_scope", Text),
    Column("blob_mounting", Text),
    Column("basic_scan_type", Text),
    # The signing configuration as JSON: `catalog.regional.signing`.
    Column("signing", Text),
)

# Principals whose pulls leave no time of the last pull: `catalog.regional.pull_time_exclusions`.
pull_time_exclusion = Table(
    "pull_time_exclusion",
    regional,
    Column("account", Text, primary_key=True),
    Column("principal_arn", Text, primary_key=True),
    Column("created_at", Instant, nullable=False),
)

# "No rules will be stored here under this role": the promise that lets a deletion task delete the role. It outlives
# the role, so that it also stops a configuration that arrives late: docs/decisions/0003-the-fence.md.
fence = Table(
    "fence",
    regional,
    Column("account", Text, primary_key=True),
    Column("role_id", Text, primary_key=True),
    Column("task_id", Text, nullable=False),
)

repository = Table(
    "repository",
    regional,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("mutability", Text, nullable=False),
    Column("exclusions", Text, nullable=False, server_default=text("'[]'")),
    Column("scan_on_push", Boolean, nullable=False),
    Column("encryption", Text, nullable=False),
    # The ARN of the key of KMS that was asked for. AES256 has none.
    Column("kms_key", Text),
    Column("policy", Text),
    Column("policy_version", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("account", "name"),
    sqlite_autoincrement=True,
)
Index("repository_by_encryption", repository.c.encryption, repository.c.account, repository.c.name)

repository_tag = Table(
    "repository_tag",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Settings of repositories that ECR creates by itself. `prefix` has no slash at its end; `given_prefix` is the client's
# form. `policy` names users and roles by their unique ids, as that of a repository.
creation_template = Table(
    "creation_template",
    regional,
    Column("account", Text, primary_key=True),
    Column("prefix", Text, primary_key=True),
    Column("given_prefix", Text, nullable=False),
    Column("applied_for", Text, nullable=False),
    Column("description", Text),
    Column("encryption", Text, nullable=False),
    Column("kms_key", Text),
    Column("tags", Text, nullable=False),
    Column("mutability", Text, nullable=False),
    Column("exclusions", Text, nullable=False),
    Column("policy", Text),
    Column("lifecycle", Text),
    Column("role_arn", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# Bytes are written once under a key of their own, which is never reused; the row comes after them. `damage` says what
# was found wrong with the bytes: such a blob is in quarantine, and is not served or replicated.
blob = Table(
    "blob",
    regional,
    Column("digest", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("verified_at", Instant, nullable=False, server_default=text("0")),
    Column("damage", Text),
    Column("damaged_at", Instant),
)
Index("blob_by_verification", blob.c.verified_at, blob.c.digest)

# "This repository holds this digest."
repository_blob = Table(
    "repository_blob",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", ForeignKey("blob.digest"), primary_key=True),
    Column("linked_at", Instant, nullable=False),
    # What an image of the repository says that the blob is: the first that named it.
    Column("media_type", Text),
)
Index("repository_blob_by_digest", repository_blob.c.digest)

# Digests that may have become garbage in a repository: layers that came before an image, and layers that a deleted
# image had named. `since` is when that last happened; they are reviewed some time after it.
layer_review = Table(
    "layer_review",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("since", Instant, nullable=False),
)
Index("layer_review_by_time", layer_review.c.since)

# Digests that perhaps no repository holds any more.
blob_review = Table(
    "blob_review",
    regional,
    Column("digest", Text, primary_key=True),
    Column("since", Instant, nullable=False),
)
Index("blob_review_by_time", blob_review.c.since)

# Keys whose bytes no row names any more: the loser of two uploads, a finished upload's segments. The process that holds
# the lease sweeps them later. No row can name a key that is noted here.
discarded_key = Table(
    "discarded_key",
    regional,
    Column("key", Text, primary_key=True),
    Column("discarded_at", Instant, nullable=False),
    Column("lease_until", Instant),
)
Index("discarded_key_by_time", discarded_key.c.discarded_at)

# Rounds, which visit everything in turn: how far each has come, and when it goes on. A round is work for one process at
# a time. For a round without parts, `due_at` is the time of its last step.
chore = Table(
    "chore",
    regional,
    Column("name", Text, primary_key=True),
    Column("position", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
)

# `ended_at` is set for an upload that was completed, canceled or expired while some of its segments are left, or while
# its id could begin another: no reader finds it by its id any more. The sweep removes the row from that time on
# (catalog/regional/endings.py).
upload = Table(
    "upload",
    regional,
    Column("id", Text, primary_key=True),
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
    # The account whose quota it counts for: the registry's, whichever principal pushes.
    Column("account", Text, nullable=False, server_default=""),
    Column("ended_at", Instant),
)
Index("upload_by_time", upload.c.ended_at, upload.c.touched_at)
Index("upload_by_account", upload.c.account, upload.c.size)

# One PATCH (or layer part) is one segment; `digest` is that of this segment's bytes.
upload_segment = Table(
    "upload_segment",
    regional,
    Column("upload_id", ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True),
    Column("first_byte", BigInteger, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
Index("upload_segment_by_key", upload_segment.c.key)

# `image_size` is what DescribeImages shows; `origin` is JSON naming where a replica came from, absent for a push.
manifest = Table(
    "manifest",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("artifact_type", Text),
    Column("config_media_type", Text),
    Column("subject", Text),
    Column("annotations", Text),
    Column("content", LargeBinary, nullable=False),
    Column("image_size", BigInteger, nullable=False),
    Column("pushed_at", Instant, nullable=False),
    Column("origin", Text),
    # Whether a part that it, or one of its children, refers to was missing when it was stored.
    Column("sparse", Boolean, nullable=False, server_default=false()),
)
Index("manifest_by_subject", manifest.c.repository_id, manifest.c.subject, manifest.c.digest)
# In the orders of lists: catalog/regional/image_lists.py.
Index("manifest_by_time", manifest.c.repository_id, manifest.c.pushed_at, manifest.c.digest)
Index("manifest_by_size", manifest.c.repository_id, manifest.c.image_size, manifest.c.digest)

manifest_child = Table(
    "manifest_child",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("parent", Text, primary_key=True),
    Column("child", Text, primary_key=True),
)
Index("manifest_child_by_child", manifest_child.c.repository_id, manifest_child.c.child, manifest_child.c.parent)

manifest_blob = Table(
    "manifest_blob",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("manifest", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
)
Index("manifest_blob_by_digest", manifest_blob.c.digest)

tag = Table(
    "tag",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # That of the image: catalog/regional/tag_statuses.py, which alone writes it.
    Column("status", Text, nullable=False, server_default=text("'ACTIVE'")),
)
Index("tag_by_digest", tag.c.repository_id, tag.c.digest, tag.c.name)
# For lists in a status: catalog/regional/entries.py.
Index("tag_by_status", tag.c.repository_id, tag.c.status, tag.c.digest, tag.c.name)
Index("tag_by_status_and_name", tag.c.repository_id, tag.c.status, tag.c.name)

# The newest scan of an image by each type of scans. `due_at` is set while a scan is owed: one that was requested, or
# the next one of an image that is scanned continuously. The columns from `completed_at` on are the last result.
scan = Table(
    "scan",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("scan_type", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("description", Text),
    Column("requested_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("completed_at", Instant),
    Column("source_updated_at", Instant),
    Column("counts", Text),
)
Index("scan_by_time", scan.c.due_at)

# The findings of a scan, as JSON: row `number` has those from `number` times a hundred on.
scan_findings = Table(
    "scan_findings",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("scan_type", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
)

# An image that was ever in the archive: whether it is now, and when it was last moved there and back. The row goes with
# the image. Images that never were there have no row: they are active. While an image with many tags is restored,
# `owed_to` is the last tag whose deliveries are owed.
image_storage = Table(
    "image_storage",
    regional,
    Column("repository_id", Integer, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("archived_at", Instant),
    Column("activated_at", Instant),
    Column("owed_to", Text),
    ForeignKeyConstraint(
        ["repository_id", "digest"], ["manifest.repository_id", "manifest.digest"], ondelete="CASCADE"
    ),
)
Index("image_storage_by_status", image_storage.c.status, image_storage.c.repository_id, image_storage.c.digest)
Index(
    "image_storage_by_archiving",
    image_storage.c.repository_id,
    image_storage.c.status,
    image_storage.c.archived_at,
    image_storage.c.digest,
)

# An image without tags; the row goes when it gets one, and with the image. The other columns are copies, for lists in
# their orders: catalog/regional/untagged.py, which alone writes here, and catalog/regional/image_lists.py.
untagged_image = Table(
    "untagged_image",
    regional,
    Column("repository_id", Integer, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("pushed_at", Instant, nullable=False),
    Column("image_size", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["repository_id", "digest"], ["manifest.repository_id", "manifest.digest"], ondelete="CASCADE"
    ),
)
for _index, _column in (("status", "status"), ("time", "pushed_at"), ("size", "image_size")):
    _columns = [untagged_image.c[name] for name in ("repository_id", _column, "digest")]
    Index(f"untagged_image_by_{_index}", *_columns)

# Subjects whose referrers are still to be moved to where the subject lies: those with digests after `after`.
referrer_move = Table(
    "referrer_move",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("after", Text, nullable=False, server_default=text("''")),
)

# Images that were deleted by a policy or moved to the archive, until the log has their lines (registry/image_notes.py).
# A note outlives its repository. `step` is the transaction that did it.
image_note = Table(
    "image_note",
    regional,
    Column("step", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("noted_at", Instant, nullable=False),
    Column("event", Text, nullable=False),
    Column("facts", Text, nullable=False),
)
Index("image_note_by_time", image_note.c.noted_at, image_note.c.step, image_note.c.number)

# When an image was last pulled: written a little later, and at most once an hour (registry/pulls.py). A row may outlive
# its image for a moment: a pull from before the push of an image says nothing about it.
image_pull = Table(
    "image_pull",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("pulled_at", Instant, nullable=False),
)

# A repository's lifecycle policy, and when it is applied next. `version` changes with the text: a run that began under
# another text stops. `evaluated_at` is when a run last ended.
lifecycle_policy = Table(
    "lifecycle_policy",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("evaluated_at", Instant),
    # Grows with each change of the repository's images that may make a decision wrong.
    Column("image_changes", BigInteger, nullable=False, server_default=text("0")),
)
Index("lifecycle_policy_by_time", lifecycle_policy.c.due_at)

# The last preview of a repository, and what its policy would do. While it is IN_PROGRESS, it is due at once; later it
# is due when it expires and its results go.
lifecycle_preview = Table(
    "lifecycle_preview",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", Instant),
    Column("expiring", BigInteger, nullable=False, server_default=text("0")),
    Column("archiving", BigInteger, nullable=False, server_default=text("0")),
)
Index("lifecycle_preview_by_time", lifecycle_preview.c.due_at)

lifecycle_preview_result = Table(
    "lifecycle_preview_result",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("pushed_at", Instant, nullable=False),
    Column("storage", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("priority", BigInteger),
)
Index(
    "lifecycle_preview_result_by_digest",
    lifecycle_preview_result.c.repository_id,
    lifecycle_preview_result.c.digest,
)
# The condition of PostgreSQL: as for `delivery_waiting`. Both are written out in the query, too.
lifecycle_preview_result_untagged, lifecycle_preview_result_tagged = (
    Index(
        f"lifecycle_preview_result_{name}",
        lifecycle_preview_result.c.repository_id,
        lifecycle_preview_result.c.number,
        sqlite_where=text(f"tags {comparison} '[]'"),
    )
    for name, comparison in (("untagged", "="), ("tagged", "!="))
)

# The deliveries of one source account (of this Region) to one destination registry.
lane = Table(
    "lane",
    regional,
    Column("source_account", Text, primary_key=True),
    Column("destination_region", Text, primary_key=True),
    Column("destination_account", Text, primary_key=True),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("due_at", Instant),
    Column("carried_at", Instant),
    # How many of its deliveries wait or are under way, and since when the oldest of them is owed.
    Column("waiting", BigInteger, nullable=False, server_default=text("0")),
    Column("oldest", Instant),
)

# The outbox. Settled rows stay as status; only waiting rows are indexed by time.
delivery = Table(
    "delivery",
    regional,
    Column("id", Text, primary_key=True),
    Column("source_account", Text, nullable=False),
    Column("destination_region", Text, nullable=False),
    Column("destination_account", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("tag", Text),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    # Distinguishes deliveries that are owed at one position, one after the other.
    Column("repetition", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False),
    Column("failure_code", Text),
    Column("reason", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("lease_holder", Text),
    Column("lease_until", Instant),
    Column("settled_at", Instant),
    Column("bytes_carried", BigInteger, nullable=False, server_default=text("0")),
    Column("carried_by", Text),
)
# catalog/postgres.py sets the same conditions for PostgreSQL, because an index that names its dialect loads it.
delivery_waiting = Index(
    "delivery_waiting",
    delivery.c.source_account,
    delivery.c.destination_region,
    delivery.c.destination_account,
    delivery.c.due_at,
    delivery.c.id,
    sqlite_where=delivery.c.state == "waiting",
)
delivery_oldest = Index(
    "delivery_oldest",
    delivery.c.source_account,
    delivery.c.destination_region,
    delivery.c.destination_account,
    delivery.c.created_at,
    sqlite_where=delivery.c.state == "waiting",
)
# Deliveries that may be reopened: catalog/regional/reopenings.py; those of one lane: catalog/regional/forgetting.py.
delivery_given_up = Index(
    "delivery_given_up", delivery.c.due_at, sqlite_where=delivery.c.failure_code == "SOURCE_IMAGE_INACCESSIBLE"
)
# In the order of lists: catalog/regional/delivery_lists.py.
Index(
    "delivery_by_state",
    delivery.c.source_account,
    delivery.c.state,
    delivery.c.epoch,
    delivery.c.sequence,
    delivery.c.repetition,
    delivery.c.id,
)
delivery_given_up_by_lane = Index(
    "delivery_given_up_by_lane",
    delivery.c.source_account,
    delivery.c.destination_region,
    delivery.c.destination_account,
    sqlite_where=delivery.c.failure_code == "SOURCE_IMAGE_INACCESSIBLE",
)
# The newest delivery of an image to a destination, and of an image under one tag.
_image = (
    delivery.c.source_account,
    delivery.c.repository,
    delivery.c.digest,
    delivery.c.destination_region,
    delivery.c.destination_account,
)
_age = (delivery.c.epoch, delivery.c.sequence, delivery.c.repetition)
Index("delivery_by_image", *_image, *_age)
Index("delivery_by_tag", *_image, delivery.c.tag, *_age)

# At the destination: the decision about each delivery, so that a lost answer changes nothing twice.
arrival = Table(
    "arrival",
    regional,
    Column("delivery_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("arrived_at", Instant, nullable=False),
)

# At the destination: the last position applied to a tag from each source; kept after the tag is gone, and forgotten
# when no older delivery may have been tried for long: `idle_since` is when that was first seen
# (catalog/regional/forgetting.py).
applied_position = Table(
    "applied_position",
    regional,
    Column("account", Text, primary_key=True),
    Column("source_region", Text, primary_key=True),
    Column("source_account", Text, primary_key=True),
    Column("repository", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("idle_since", Instant),
)

# At the destination: an open offer, and the bytes that it holds until it is committed or expires.
offer = Table(
    "offer",
    regional,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("source_region", Text, nullable=False),
    Column("source_account", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

offer_blob = Table(
    "offer_blob",
    regional,
    Column("offer_id", ForeignKey("offer.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
)
Index("offer_blob_by_key", offer_blob.c.key)

lease = leases.table(regional)
