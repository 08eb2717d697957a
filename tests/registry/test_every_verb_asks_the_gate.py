"""Every verb asks the gate before it looks anything up: a stranger hears 'denied', never 'not found'."""

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import get_type_hints

import pytest

from tests.fakes import NOW, REGION, REGISTRY, AskedOneByOne, caller
from twinport import registry
from twinport.access.gate import NO_CONTEXT, Context, Resource
from twinport.clock import ManualClock
from twinport.errors import AccessDenied
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.creation_templates import AppliedFor, CreationTemplate, TemplateChanges
from twinport.model.identities import Caller
from twinport.model.image_queries import ImageQuery
from twinport.model.images import ImageFilter, ImageId, NamedImage, NewRepository, TagRule
from twinport.model.lifecycle_policies import StorageClass
from twinport.model.names import RepositoryName, TagName
from twinport.model.replication import DeliveryState, ReplicationConfiguration
from twinport.model.scanning import ScanningConfiguration
from twinport.model.signing import SigningConfiguration
from twinport.registry.expected import Expected
from twinport.registry.lifecycle import PreviewQuery
from twinport.registry.paging import PageRequest
from twinport.registry.policies import Lockout
from twinport.registry.referrers import ReferrerQuery, WantedReferrers
from twinport.registry.repositories import Contents
from twinport.registry.uploads import Part

# These act on a right that was given before, and say so.
ON_A_GRANT = {"Layers.redeem"}
DIGEST = Digest.of(b"")


async def pieces() -> AsyncIterator[bytes]:
    yield b""


# A value for each parameter that a verb may have, by its name.
FACTS: dict[str, Callable[[], object]] = {
    "caller": caller,
    "registry": lambda: REGISTRY,
    "repository": lambda: REGISTRY.repository(RepositoryName("team/api")),
    "names": lambda: [RepositoryName("team/api")],
    "source_name": lambda: RepositoryName("team/base"),
    "new": NewRepository,
    "action": lambda: "ecr:PutImage",
    "template": lambda: CreationTemplate("prod", (AppliedFor.CREATE_ON_PUSH,)),
    "changes": TemplateChanges,
    "expected": lambda: Expected(None),
    "prefix": lambda: "prod",
    "prefixes": lambda: ["prod"],
    "page": PageRequest,
    "images": lambda: Contents.DELETED,
    "rule": TagRule,
    "tags": lambda: {"key": "value"},
    "keys": lambda: ["key"],
    "text": lambda: "{}",
    "lockout": lambda: Lockout.ACCEPTED,
    "configuration": ReplicationConfiguration,
    "scanning": ScanningConfiguration,
    "value": lambda: True,
    "image": lambda: ImageId(DIGEST, None),
    "batch": lambda: [NamedImage(str(DIGEST), None)],
    "push": lambda: Push(b"{}", None, (), None, Unchanged.ACCEPT),
    "chosen": ImageFilter,
    "listing": ImageQuery,
    "target": lambda: StorageClass.ARCHIVE,
    "asked": PreviewQuery,
    "tag": lambda: TagName("latest"),
    "states": lambda: list(DeliveryState),
    "query": lambda: ReferrerQuery(DIGEST, (), "", 10),
    "after": str,
    "wanted": lambda: WantedReferrers(DIGEST),
    "setting": lambda: "BLOB_MOUNTING",
    "rules": SigningConfiguration,
    "principal": lambda: "arn:aws:iam::111122223333:role/scanner",
    "limit": lambda: 10,
    "digest": lambda: DIGEST,
    "digests": lambda: [DIGEST],
    "upload_id": lambda: "0" * 36,
    "pieces": pieces,
    "part": lambda: Part(pieces(), 0),
    "last_part": lambda: Part(pieces(), 0),
}


class Untouchable:
    """A collaborator that must not be met before the gate."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"'{name}' was used before the gate was asked")


def verb_classes() -> Iterator[type]:
    for module in pkgutil.iter_modules(registry.__path__):
        for _, found in inspect.getmembers(
            importlib.import_module(f"twinport.registry.{module.name}"), inspect.isclass
        ):
            own = found.__module__ == f"twinport.registry.{module.name}"
            if own and is_dataclass(found) and "gate" in get_type_hints(found):
                yield found


def verbs() -> Iterator[tuple[type, str]]:
    for verb_class in verb_classes():
        for name, member in inspect.getmembers(verb_class, inspect.iscoroutinefunction):
            del member
            if not name.startswith("_") and f"{verb_class.__name__}.{name}" not in ON_A_GRANT:
                yield verb_class, name


VERBS = [pytest.param(*verb, id=f"{verb[0].__name__}.{verb[1]}") for verb in verbs()]


@dataclass(slots=True)
class Refusing(AskedOneByOne):
    """A gate that denies every request, and remembers what was asked."""

    asked: list[str] = field(default_factory=list)

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        assert isinstance(context, dict)
        self.asked.append(action)
        raise AccessDenied(caller.arn, action, resource.arn)


def collaborators(gate: Refusing, verb_class: type) -> dict[str, object]:
    clock = ManualClock(NOW)
    harmless = {"gate": gate, "world": clock, "clock": clock, "regions": (REGION,)}
    return {field.name: harmless.get(field.name, Untouchable()) for field in fields(verb_class)}


@pytest.mark.parametrize(("verb_class", "name"), VERBS)
async def test_a_stranger_is_denied_before_anything_is_looked_up(verb_class: type, name: str) -> None:
    gate = Refusing()
    verb = getattr(verb_class(**collaborators(gate, verb_class)), name)
    facts = {parameter: FACTS[parameter]() for parameter in inspect.signature(verb).parameters}
    with pytest.raises(AccessDenied):
        await verb(**facts)
    assert [action.partition(":")[0] for action in gate.asked] == ["ecr"]


def test_the_walk_meets_the_verbs_that_there_are() -> None:
    met = {f"{verb_class.__name__}.{name}" for verb_class, name in verbs()}
    assert {"Repositories.create", "Images.put", "Uploads.start", "Layers.find", "Replication.put"} <= met
