"""The tables: one set for the partition (IAM and STS), one for each Region (ECR).

Rows are written by the modules beside this one and by nobody else. Documents that are kept as sent (policies,
manifests) are text or bytes; small structures that are read as a whole are JSON text.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from twinport.catalog.columns import Instant, Text


def _leases(metadata: MetaData) -> Table:
    """What one process at a time should do, and who does it until when: see `catalog/leases.py`."""
    return Table(
        "lease",
        metadata,
        Column("name", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        Column("until", Instant, nullable=False),
    )


# --- the partition's database -----------------------------------------------------------------------------

partition = MetaData()

account = Table(
    "account",
    partition,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# A Region is listed here before its database is written for the first time.
region = Table(
    "region",
    partition,
    Column("name", Text, primary_key=True),
    Column("created_at", Instant, nullable=False),
)

# One row. It grows with every write that may change a decision; a cached decision is valid for one value.
generation = Table(
    "generation",
    partition,
    Column("id", Integer, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

site_key = Table(
    "site_key",
    partition,
    Column("id", Text, primary_key=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sealed_private_key", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# `name_key` is the name in lower case: names are unique without regard to case.
user = Table(
    "user",
    partition,
    Column("unique_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("password_last_used_at", Instant),
    UniqueConstraint("account", "name_key"),
)

group = Table(
    "group",
    partition,
    Column("unique_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("account", "name_key"),
)

membership = Table(
    "membership",
    partition,
    Column("user_id", ForeignKey("user.unique_id"), primary_key=True),
    Column("group_id", ForeignKey("group.unique_id"), primary_key=True),
)
Index("membership_by_group", membership.c.group_id)

# `service` is the principal of a service-linked role, and absent for every other role.
role = Table(
    "role",
    partition,
    Column("unique_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("trust", Text, nullable=False),
    Column("description", Text),
    Column("max_session_seconds", Integer, nullable=False),
    Column("service", Text),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("last_used_region", Text),
    UniqueConstraint("account", "name_key"),
)

# Customers' policies. Those of AWS come from a file and are not rows.
managed_policy = Table(
    "managed_policy",
    partition,
    Column("arn", Text, primary_key=True),
    Column("unique_id", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("description", Text),
    Column("default_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("account", "name_key"),
)

policy_version = Table(
    "policy_version",
    partition,
    Column("policy_arn", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# `owner_id` is the unique id of a user, a group or a role, here and in the two tables that follow.
inline_policy = Table(
    "inline_policy",
    partition,
    Column("owner_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

attachment = Table(
    "attachment",
    partition,
    Column("owner_id", Text, primary_key=True),
    Column("policy_arn", Text, primary_key=True),
    Column("attached_at", Instant, nullable=False),
)
Index("attachment_by_policy", attachment.c.policy_arn)

# The policy that bounds what a user or role may do.
boundary = Table(
    "boundary",
    partition,
    Column("owner_id", Text, primary_key=True),
    Column("policy_arn", Text, nullable=False),
)
Index("boundary_by_policy", boundary.c.policy_arn)

# One role at most hangs in an instance profile.
instance_profile = Table(
    "instance_profile",
    partition,
    Column("unique_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("role_id", Text),
    UniqueConstraint("account", "name_key"),
)
Index("instance_profile_by_role", instance_profile.c.role_id)

# The two lists are JSON texts; `url` is without its scheme.
oidc_provider = Table(
    "oidc_provider",
    partition,
    Column("arn", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("client_ids", Text, nullable=False),
    Column("thumbprints", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
Index("oidc_provider_by_account", oidc_provider.c.account)

# The other name of an account, by which its people sign in. No two accounts have the same.
account_alias = Table(
    "account_alias",
    partition,
    Column("account", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    UniqueConstraint("alias"),
)

# `owner_id` may also be the ARN of a managed policy.
identity_tag = Table(
    "identity_tag",
    partition,
    Column("owner_id", Text, primary_key=True),
    Column("key_lower", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
)

# `owner_id` is a user's unique id, or the account id for a key of the account's root.
access_key = Table(
    "access_key",
    partition,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("sealed_secret", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("last_used_region", Text),
    Column("last_used_service", Text),
)
Index("access_key_by_owner", access_key.c.owner_id)

# `facts` is JSON: session policies, policy ARNs, tags, service, binding.
session = Table(
    "session",
    partition,
    Column("access_key_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sealed_secret", Text, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("facts", Text, nullable=False),
)
Index("session_by_expiry", session.c.expires_at)

# `password` is a salted hash; see access/passwords.py for its form.
login_profile = Table(
    "login_profile",
    partition,
    Column("user_id", Text, primary_key=True),
    Column("password", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

# The last credential report of an account, as CSV.
credential_report = Table(
    "credential_report",
    partition,
    Column("account", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("generated_at", Instant, nullable=False),
)

# When a user, a role or an account's root last called a service. `principal_id` is a unique id, or an account id.
service_use = Table(
    "service_use",
    partition,
    Column("principal_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("used_at", Instant, nullable=False),
    Column("region", Text, nullable=False),
)

# Whose last calls somebody asked for; the answer is put together when it is fetched.
access_job = Table(
    "access_job",
    partition,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("arn", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
Index("access_job_by_age", access_job.c.created_at)

# Who is signed in to the console. `token_hash` is of the cookie's value; without a key the person used a password.
console_session = Table(
    "console_session",
    partition,
    Column("token_hash", Text, primary_key=True),
    Column("principal_id", Text, nullable=False),
    Column("access_key_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
Index("console_session_by_expiry", console_session.c.expires_at)

# `usage` is JSON: Region by Region why the role is still needed.
deletion_task = Table(
    "deletion_task",
    partition,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("role_id", Text, nullable=False),
    Column("role_name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("usage", Text),
    Column("created_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
)

_leases(partition)

# --- a Region's database ----------------------------------------------------------------------------------

regional = MetaData()

# One row. The epoch is new, and greater, after a restore, a reset or a fork.
history = Table(
    "history",
    regional,
    Column("id", Integer, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)

# Keys that authenticate authorisation tokens and presigned layer addresses of this Region.
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
)

# "No rules will be stored here under this role": the promise that lets a deletion task delete the role. It outlives
# the role, so that a configuration that was slow to arrive meets it: docs/decisions/0003-the-fence.md.
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
    Column("policy", Text),
    Column("policy_version", Integer, nullable=False, server_default=text("0")),
    UniqueConstraint("account", "name"),
    sqlite_autoincrement=True,
)

repository_tag = Table(
    "repository_tag",
    regional,
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# Bytes are written once under a key of their own, which is never reused; the row comes after them. `damage` says what
# was found wrong with the bytes: such a blob is in quarantine, and is neither served nor passed on.
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
)
Index("repository_blob_by_digest", repository_blob.c.digest)

# Digests that may have become garbage in a repository: what came without an image yet, and what an image that was
# deleted had named. `since` is when that last happened; they are looked at a while after it.
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

# Keys whose bytes no row names any more: the loser of two uploads, a finished upload's segments. Swept later, by
# whoever holds the lease. No row can name a key that is noted here.
discarded_key = Table(
    "discarded_key",
    regional,
    Column("key", Text, primary_key=True),
    Column("discarded_at", Instant, nullable=False),
    Column("lease_until", Instant),
)
Index("discarded_key_by_time", discarded_key.c.discarded_at)

# How far work has come that goes round everything there is, and when it goes on; done by one process at a time.
chore = Table(
    "chore",
    regional,
    Column("name", Text, primary_key=True),
    Column("position", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
)

upload = Table(
    "upload",
    regional,
    Column("id", Text, primary_key=True),
    Column("repository_id", ForeignKey("repository.id", ondelete="CASCADE"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
)
Index("upload_by_time", upload.c.touched_at)

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
    # Whether something was missing that it refers to when it was stored, itself or in one of its children.
    Column("sparse", Boolean, nullable=False, server_default=false()),
)
Index("manifest_by_subject", manifest.c.repository_id, manifest.c.subject, manifest.c.digest)

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
)
Index("tag_by_digest", tag.c.repository_id, tag.c.digest, tag.c.name)

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
# catalog/postgres.py says the same to PostgreSQL: its dialect is loaded where it is named.
delivery_waiting = Index(
    "delivery_waiting",
    delivery.c.source_account,
    delivery.c.destination_region,
    delivery.c.destination_account,
    delivery.c.due_at,
    sqlite_where=delivery.c.state == "waiting",
)
Index("delivery_by_image", delivery.c.source_account, delivery.c.repository, delivery.c.digest)

# At the destination: what was decided about a delivery, so that a lost answer changes nothing twice.
arrival = Table(
    "arrival",
    regional,
    Column("delivery_id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("arrived_at", Instant, nullable=False),
)

# At the destination: the last position applied to a tag from each source; kept after the tag is gone.
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

# The statements of `catalog/leases.py` name this one and serve both databases.
lease = _leases(regional)
