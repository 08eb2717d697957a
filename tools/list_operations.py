"""Write down which operations of ECR, IAM and STS are answered, and which are refused by name.

python tools/list_operations.py            write the page
python tools/list_operations.py --check    fail when the page is not what the code says
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from twinport.aws import dispatch, shapes
from twinport.ecr import door as ecr
from twinport.iam import door as iam
from twinport.sts import door as sts

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "unsupported-operations.md"

_HEAD = """\
# Operations that are answered, and those that are not built yet

`tools/list_operations.py` writes this page from the code.

An operation that is in AWS's service model and not built here is refused with status 400 and the message
`not implemented by twinport: NAME`, so that no setting seems to hold that nothing honors:
`UnsupportedOperationException` from ECR, `UnsupportedOperation` from IAM and STS. Whatever is not in the model at all,
`ReplicateImage` included, is an
`UnknownOperationException` or, from IAM and STS, an `InvalidAction`.
"""

_MEMBERS = """\
## Members that are refused

Of operations that are answered, these members are refused in the same way when they ask for what is not built:

| operation | member | refused |
|---|---|---|
| AssumeRole | `SerialNumber`, `TokenCode`, `ProvidedContexts`, `MinimumSessionTokenSize` | always |
| AssumeRoleWithWebIdentity | `ProviderId`, `MinimumSessionTokenSize` | always |
| GetSessionToken | `SerialNumber`, `TokenCode`, `MinimumSessionTokenSize` | always |
| GetFederationToken | `MinimumSessionTokenSize` | always |
| GenerateServiceLastAccessedDetails | `Granularity` | `ACTION_LEVEL` |
| PutReplicationConfiguration | `rules[].deleteReplication` | `enabled: true` |
| SetSecurityTokenServicePreferences | `GlobalEndpointTokenVersion` | `v1Token` |
"""


def page() -> str:
    """Return the page as it should be."""
    parts = [
        _part("Amazon ECR", "ecr", _names(ecr.handlers, ecr.Verbs)),
        _part("IAM", "iam", _names(iam.handlers, iam.Verbs)),
        _part("STS", "sts", _names(sts.handlers, sts.Verbs)),
    ]
    return "\n".join([_HEAD, *parts, _MEMBERS])


def _names(handlers: Callable[[Any], Mapping[str, object]], verbs: Any) -> Iterable[str]:  # noqa: ANN401 — a class
    """Ask a door for its table; its verbs are never called."""
    return handlers(verbs(*[None] * len(fields(verbs))))


def _part(title: str, name: str, answered: Iterable[str]) -> str:
    service, built = shapes.load(name), sorted(answered)
    missing = dispatch.unimplemented(service, built)
    return (
        f"## {title}: {len(built)} of {len(service.operations)}\n\n"
        f"Answered: {_listed(built)}.\n\n"
        f"Refused: {_listed(missing)}.\n"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text() == page()
        print("" if current else f"{PAGE.name} is out of date: run tools/list_operations.py")
        return 0 if current else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
