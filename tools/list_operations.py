"""Write down which operations of Amazon ECR are built, and which are refused by name.

python tools/list_operations.py            write the page
python tools/list_operations.py --check    fail when the page is not what the code says
"""

import sys
from dataclasses import fields
from pathlib import Path

from twinport.aws import dispatch, shapes
from twinport.ecr import door

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "unsupported-operations.md"

_TEXT = """\
# Operations of Amazon ECR that are not built yet

`tools/list_operations.py` writes this page from the code.

twinport knows {all} operations of Amazon ECR and answers {built} of them. Each of the other {count} is refused with
`UnsupportedOperationException`, status 400 and the message `not implemented by twinport: NAME`, so that nobody
believes in a setting that nothing honours. Whatever is not in the service model at all, `ReplicateImage` included,
is an `UnknownOperationException`.

{names}

Of operations that are answered, these members are refused in the same way when they ask for what is not built:

| operation | member | refused |
|---|---|---|
| CreateRepository | `encryptionConfiguration` | `KMS`, `KMS_DSSE`, `kmsKey` |
| CreateRepository | `imageScanningConfiguration` | `scanOnPush: true` |
| DescribeImages, ListImages | `filter.imageStatus` | `ARCHIVED`, `ACTIVATING` |
| PutReplicationConfiguration | `rules[].deleteReplication` | `enabled: true` |
"""


def page() -> str:
    """Return the page as it should be."""
    service = shapes.load("ecr")
    missing = dispatch.unimplemented(service, _built())
    return _TEXT.format(
        all=len(service.operations),
        built=len(service.operations) - len(missing),
        count=len(missing),
        names="\n".join(f"* `{name}`" for name in missing),
    )


def _built() -> list[str]:
    nothing = [None] * len(fields(door.Verbs))
    return list(door.handlers(door.Verbs(*nothing)))  # type: ignore[arg-type]  # asked for names, never called


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        current = PAGE.exists() and PAGE.read_text() == page()
        print("" if current else f"{PAGE.name} is out of date: run tools/list_operations.py")
        return 0 if current else 1
    PAGE.write_text(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
