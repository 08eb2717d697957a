"""The registry protocol's door: finds a request's registry, caller and route."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from twinport.clock import Clock
from twinport.errors import Refusal
from twinport.http.admission import Admission
from twinport.http.messages import Answer, AnyAnswer, Request
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import current_request
from twinport.model.addresses import Address, HostAddress, address_of
from twinport.model.identities import Caller, Origin
from twinport.model.names import RegionName, Registry, repository_name
from twinport.oci import errors, routes
from twinport.oci.blobs import BlobRoutes
from twinport.oci.early_pulls import NEVER_EARLY, Early
from twinport.oci.headers import ContentType, safe_headers
from twinport.oci.known_pulls import NEVER_KNOWN, Known
from twinport.oci.listings import Listings
from twinport.oci.manifests import ManifestRoutes
from twinport.oci.routes import Catalog, InRepository, Ping, Place
from twinport.oci.target import Located, Target, located
from twinport.refusals.callers import RegistryTokenInvalid
from twinport.refusals.images import RepositoryNotFound
from twinport.refusals.requests import MethodUnsupported, PathUnknown
from twinport.settings.deviations import STANDARD, Deviation, Deviations

Handler = Callable[[Request, Caller, Target], Awaitable[AnyAnswer]]


class Tokens(Protocol):
    async def open(self, authorization: str | None, origin: Origin, only_region: RegionName | None) -> Caller:
        """Return the caller behind a Basic `Authorization` header; its origin's Region becomes the token's.

        Raises RegistryTokenMissing, RegistryTokenExpired or RegistryTokenInvalid. The last is also for a token of a
        Region other than `only_region`.
        """
        ...


@dataclass(frozen=True, slots=True)
class OciDoor:
    """Serves `/v2/` of every registry in `regions`."""

    admission: Admission
    tokens: Tokens
    world: Clock
    regions: Collection[RegionName]
    manifests: ManifestRoutes
    blobs: BlobRoutes
    listings: Listings
    deviations: Deviations = STANDARD
    early: Early = NEVER_EARLY
    known: Known = NEVER_KNOWN
    # The handler of each method for each kind of place in a repository, and the form of each refusal.
    handlers: Mapping[Place, Mapping[str, Handler]] = field(init=False, repr=False, compare=False)
    refusals: errors.Table = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "handlers", self._handlers())
        object.__setattr__(self, "refusals", errors.table_of(self.deviations))

    async def answer(self, request: Request) -> AnyAnswer:
        current_request.entered("oci")
        try:
            answer = await self.known.answer(request, self._answer)
        except Refusal as refusal:
            answer = errors.refused(refusal, f"{self.admission.endpoint(request)}/", self.refusals)
        except Exception as defect:  # noqa: BLE001 — a defect too is answered in this protocol's form
            telemetry.failure(Event.REQUEST_FAILED, defect, method=request.method, path=request.path)
            answer = errors.unexpected(request.id)
        return replace(answer, headers={**answer.headers, "x-request-id": request.id})

    async def refuse(self, status: int, refusal: Refusal, request: Request) -> Answer:
        """Word a refusal from before this door, in the standard's error document."""
        answer = errors.refused(refusal, "", self.refusals)
        return replace(answer, status=status, headers={**answer.headers, "x-request-id": request.id})

    async def _answer(self, request: Request) -> AnyAnswer:
        # Credentials come first: a client without credentials learns nothing from a path.
        address = address_of(request.header("host") or "")
        origin = self.admission.origin_of(request, self.world.now())
        only_region = address.registry.region if isinstance(address, HostAddress) else None
        self._require_served(only_region, request.header("authorization"))
        with self.early.begun(request, address):
            caller = await self.tokens.open(request.header("authorization"), origin, only_region)
            return await self._of(caller, request, address)

    async def _of(self, caller: Caller, request: Request, address: Address) -> AnyAnswer:
        """Answer a request of a client that is known."""
        match routes.parse(request.raw_path):
            case Ping():
                current_request.asked("oci:ping")
                return _pong(request)
            case Catalog(path=path):
                current_request.asked("oci:catalog")
                return await self._catalog(request, caller, address, path)
            case InRepository() as route:
                return await self._in_repository(request, caller, address, route)

    def _require_served(self, region: RegionName | None, authorization: str | None) -> None:
        """Raise RegistryTokenInvalid if a host names a Region that is not served: no token is valid there."""
        if region is not None and region not in self.regions and authorization:
            raise RegistryTokenInvalid

    async def _catalog(self, request: Request, caller: Caller, address: Address, path: str) -> AnyAnswer:
        _require_reading(request)
        at = self._located(address, caller, path)
        if at.path:
            raise PathUnknown(request.raw_path)
        return await self.listings.catalog(request, _in_region(caller, at.registry), at.registry, at.prefix)

    async def _in_repository(
        self, request: Request, caller: Caller, address: Address, route: InRepository
    ) -> AnyAnswer:
        at = self._located(address, caller, route.path)
        registry, name = at.registry, repository_name(at.path)
        if registry.region not in self.regions:
            raise RepositoryNotFound(name, registry.account)
        handlers = self.handlers[route.place]
        handler = handlers.get(request.method)
        if handler is None:
            raise MethodUnsupported(request.method, tuple(handlers))
        current_request.asked(f"oci:{request.method} {route.place.value}")
        target = Target(registry.repository(name), f"/v2/{at.prefix}{name}", route.reference)
        return await handler(request, _in_region(caller, registry), target)

    def _located(self, address: Address, caller: Caller, path: str) -> Located:
        return located(address, Registry(caller.account, caller.origin.region), path, self.regions)

    def _handlers(self) -> Mapping[Place, Mapping[str, Handler]]:
        manifests, blobs, listings = self.manifests, self.blobs, self.listings
        return {
            Place.MANIFEST: {
                "GET": manifests.get,
                "HEAD": manifests.head,
                "PUT": manifests.put,
                "DELETE": manifests.delete,
            },
            Place.BLOB: {"GET": blobs.get, "HEAD": blobs.head, **self._blob_deletion()},
            Place.UPLOADS: {"POST": blobs.start},
            Place.UPLOAD: {
                "GET": blobs.status,
                "PATCH": blobs.append,
                "PUT": blobs.complete,
                "DELETE": blobs.cancel,
            },
            Place.TAGS: {"GET": listings.tags, "HEAD": listings.tags},
            Place.REFERRERS: {"GET": listings.of_subject, "HEAD": listings.of_subject},
        }

    def _blob_deletion(self) -> Mapping[str, Handler]:
        return {} if Deviation.NO_BLOB_DELETION in self.deviations else {"DELETE": self.blobs.delete}


def _pong(request: Request) -> Answer:
    _require_reading(request)
    return Answer(200, safe_headers(ContentType.JSON), b"{}")


def _require_reading(request: Request) -> None:
    if request.method not in ("GET", "HEAD"):
        raise MethodUnsupported(request.method, ("GET", "HEAD"))


def _in_region(caller: Caller, registry: Registry) -> Caller:
    """Set the requested Region for the policies: under a path it may differ from the token's."""
    if caller.origin.region == registry.region:
        return caller
    return replace(caller, origin=replace(caller.origin, region=registry.region))
