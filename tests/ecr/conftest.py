"""The door of Amazon ECR over real verbs, in this process: bytes in, bytes out, and no signatures."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import exchanges
from tests.creation import create_on_push
from tests.fakes import NOW, OTHER_REGION, REGION, AllowAll, caller
from tests.upload_ids import PlainUploadIds
from tools import list_ecr
from twinport.access.calls import Call
from twinport.access.principals import Principals
from twinport.access.sealing import sealer_of_folder
from twinport.access.tokens import RegionKeys, RegistryTokens
from twinport.access.uses import Uses
from twinport.aws import dispatch, protocols, shapes
from twinport.aws.sigv4 import Message
from twinport.blobs.files import FileBlobStores
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional.uploads import UploadQuota
from twinport.clock import ManualClock
from twinport.ecr import door
from twinport.ecr.errors import ERRORS
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.identities import Caller
from twinport.registry.account_settings import AccountSettings
from twinport.registry.authorization import Authorization
from twinport.registry.creation_templates import CreationTemplates
from twinport.registry.download_links import DownloadLinks
from twinport.registry.images import Images
from twinport.registry.layers import Layers
from twinport.registry.lifecycle import LifecyclePolicies, LifecyclePreviews
from twinport.registry.mounts import Mounts
from twinport.registry.policies import RegistryPolicies, RepositoryPolicies
from twinport.registry.pull_time_exclusions import PullTimeExclusions
from twinport.registry.referrers import Referrers
from twinport.registry.replication import Replication
from twinport.registry.repositories import Repositories, RepositoryTags
from twinport.registry.scanning import Scanning
from twinport.registry.signing import Signing
from twinport.registry.storage_classes import StorageClasses
from twinport.registry.uploads import Uploads
from twinport.settings.open_accounts import OpenAccounts

TARGET = "AmazonEC2ContainerRegistry_V20150921"


class Seer:
    """Foresees no lockout, unless a policy denies everybody everything."""

    async def would_allow(self, *_: object, **__: object) -> bool:
        return True


@dataclass
class Ecr:
    """The service as a client meets it."""

    verbs: door.Verbs

    async def ask(
        self, operation: str, *, caller: Caller | None = None, host: str = "127.0.0.1:4566", **members: object
    ) -> tuple[int, dict[str, Any]]:
        """Send an operation and return the status with what the body says."""
        message = Message("POST", "/", "", (("host", host), ("x-amz-target", f"{TARGET}.{operation}")))
        body = json.dumps(members).encode()
        exchanges.sent(operation, body)
        response = await self._door(caller, host).answer(protocols.Request(message, body, "request-1"))
        answer = json.loads(response.body)
        exchanges.answered(operation, answer.get("__type"))
        return response.status, answer

    async def do(self, operation: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401 — as JSON has it
        """Send an operation that must succeed."""
        status, body = await self.ask(operation, **members)
        assert status == 200, body
        return body

    async def refusal(self, operation: str, **members: Any) -> tuple[str, str]:  # noqa: ANN401 — as JSON has it
        """Send an operation that must be refused as the client's fault; return code and message."""
        status, body = await self.ask(operation, **members)
        assert status == 400, body
        return body["__type"], body["message"]

    def _door(self, who: Caller | None, host: str) -> dispatch.Door[protocols.Request, Call]:
        async def authenticate(_: protocols.Request) -> Call:
            return Call(who or caller(), host, "http")

        def report(_: protocols.Request, defect: Exception) -> None:
            raise AssertionError("a defect was met") from defect

        table = dispatch.ServiceTable(shapes.load("ecr"), door.handlers(self.verbs), ERRORS)
        return dispatch.Door(table, authenticate, report)


@pytest.fixture(autouse=True)
def _honors_what_it_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose mark names what it did not send, or an error that it was not answered."""
    claimed = {name for mark in request.node.iter_markers(exchanges.MARK) for name in mark.args}
    exchanges.forget()
    yield
    missing = sorted(claimed - exchanges.seen())
    assert missing == [], "the mark `honors` names what the test did not send, or was not answered"
    strange = [error for error in sorted(exchanges.seen()) if exchanges.is_error(error) and not list_ecr.has(error)]
    assert strange == [], "errors were answered that docs/reference/ecr.md does not have: note them in tools/ecr_page/"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[EmbeddedCatalog]:
    catalog = EmbeddedCatalog(tmp_path, ManualClock(NOW))
    yield catalog
    catalog.close()


@pytest.fixture
def ecr(catalog: EmbeddedCatalog, tmp_path: Path) -> Ecr:
    gate, world, regions = AllowAll(), ManualClock(NOW), (REGION, OTHER_REGION)
    stores, sealer = FileBlobStores(tmp_path), sealer_of_folder(tmp_path)
    keys = RegionKeys(catalog, sealer, world, regions)
    tokens = RegistryTokens(keys, Principals(catalog, sealer, world, OpenAccounts.EVERYWHERE), world, Uses(catalog))
    verbs = door.Verbs(
        repositories=Repositories(gate, catalog, world, regions),
        tags=RepositoryTags(gate, catalog),
        policies=RepositoryPolicies(gate, Seer(), catalog),
        registry_policies=RegistryPolicies(gate, catalog),
        replication=Replication(gate, catalog, ServiceLinkedRoles(catalog, gate, world), regions),
        scanning=Scanning(gate, catalog, requested=lambda: None),
        images=Images(gate, catalog, pushed=lambda: None),
        referrers=Referrers(gate, catalog),
        layers=Layers(catalog, stores, gate, world),
        uploads=Uploads(catalog, stores, gate, PlainUploadIds(world), quota=UploadQuota(uploads=3)),
        mounts=Mounts(gate, catalog),
        templates=CreationTemplates(gate, catalog, ServiceLinkedRoles(catalog, gate, world), world),
        creation=create_on_push(catalog, gate, world),
        links=DownloadLinks(keys),
        authorization=Authorization(gate, tokens),
        account_settings=AccountSettings(gate, catalog),
        exclusions=PullTimeExclusions(gate, catalog),
        signing=Signing(gate, catalog),
        lifecycle=LifecyclePolicies(gate, catalog, lambda: None),
        lifecycle_previews=LifecyclePreviews(gate, catalog, lambda: None),
        storage_classes=StorageClasses(gate, catalog, lambda: None),
        public_url=None,
    )
    return Ecr(verbs)
