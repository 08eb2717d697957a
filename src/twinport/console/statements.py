"""The policy statement with which a destination account lets a source account replicate into its registry."""

import json
import re
from collections.abc import Sequence

from twinport.model.names import PARTITION, Registry, is_account_id, root_arn

MOST_ACCOUNTS = 50
_SID = re.compile(r"[A-Za-z0-9]{1,100}")
_ACTIONS = ["ecr:CreateRepository", "ecr:ReplicateImage"]


def problems(sid: str, accounts: Sequence[str], destination: Registry, policy: str | None) -> list[str]:
    """Return the problems of a requested statement."""
    found = []
    if not _SID.fullmatch(sid):
        found.append("a statement id is 1 to 100 letters and digits")
    elif policy is not None and sid in _sids(policy):
        found.append(f"the policy has a statement '{sid}' already: choose another id")
    if not accounts:
        found.append("give at least one source account")
    if len(accounts) > MOST_ACCOUNTS:
        found.append(f"give at most {MOST_ACCOUNTS} accounts at once")
    found += [f"'{account[:40]}' is not an account id" for account in accounts if not is_account_id(account)]
    if destination.account in accounts:
        found.append(f"{destination.account} is this account: it needs no permission to replicate into itself")
    return found


def account_list(text: str) -> list[str]:
    """Parse account ids separated by commas, blanks or line ends."""
    return list(dict.fromkeys(part.replace("-", "") for part in re.split(r"[,;\s]+", text) if part))


def replication_statement(sid: str, accounts: Sequence[str], destination: Registry) -> dict[str, object]:
    principals = [root_arn(account) for account in accounts]
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
        "Action": _ACTIONS,
        "Resource": [f"arn:{PARTITION}:ecr:{destination.region}:{destination.account}:repository/*"],
    }


def with_statement(policy: str | None, statement: dict[str, object]) -> str:
    """Return the policy with one more statement at its end, or a new policy if there is none."""
    document = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    return json.dumps({**document, "Statement": [*_statements(document), statement]})


def _statements(document: dict[str, object]) -> list[object]:
    """Return a policy's statements as a list. A policy may hold one statement outside a list."""
    found = document.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _sids(policy: str) -> set[object]:
    return {each.get("Sid") for each in _statements(json.loads(policy)) if isinstance(each, dict)}
