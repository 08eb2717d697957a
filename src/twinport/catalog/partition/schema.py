"""The tables of the partition: IAM and STS. The rules for rows: `engine.columns`."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from twinport.catalog.engine import leases
from twinport.catalog.engine.columns import Instant, Text

# `first_table` is in every revision: a database without it was never given its tables.
partition = MetaData(info={"migrations": "partition", "first_table": "site_key"})

account = Table(
    "account",
    partition,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    # Since when nothing of this account may do anything; none while it is enabled.
    Column("disabled_at", Instant),
)

# A Region is listed here before its database is written for the first time.
region = Table(
    "region",
    partition,
    Column("name", Text, primary_key=True),
    Column("created_at", Instant, nullable=False),
    # The identity of the Region's database, from its creation on: `region_identity`.
    Column("identity", Text),
)

# One row. It grows with every write that may change a decision; a cached decision is valid for one value.
generation = Table(
    "generation",
    partition,
    Column("id", Integer, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# At most one row: what an operator ordered for the whole deployment.
maintenance = Table(
    "maintenance",
    partition,
    Column("id", Integer, primary_key=True),
    Column("read_only_since", Instant),
    Column("garbage_paused_since", Instant),
    Column("garbage_paused_until", Instant),
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

# An instance profile holds at most one role.
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

# The other name of an account, under which its users sign in. No two accounts have the same.
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

# Requests for the last calls of an entity; the answer is put together when the client fetches it.
access_job = Table(
    "access_job",
    partition,
    Column("id", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("arn", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
Index("access_job_by_age", access_job.c.created_at)

# Console sessions. `token_hash` is of the cookie's value; a row without a key comes from a sign-in with a password.
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

# Recent sign-ins with wrong secrets: `subject` is a digest of the user or key that was typed, `network` its origin.
sign_in_failure = Table(
    "sign_in_failure",
    partition,
    Column("subject", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", Instant, nullable=False),
)
Index("sign_in_failure_by_network", sign_in_failure.c.network)
Index("sign_in_failure_by_age", sign_in_failure.c.failed_at)

# What the processes have leased of an account's calls a second, in millionths of a call, at a time.
rate_budget = Table(
    "rate_budget",
    partition,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
)

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

leases.table(partition)
