"""Begins to read what a pull asks for while its credentials are looked at, where each question is a round trip."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from twinport.errors import Refusal
from twinport.http.messages import Request
from twinport.model.addresses import Address
from twinport.model.content import Digest
from twinport.model.names import RegionName, Registry, repository_name
from twinport.oci import routes
from twinport.oci.routes import InRepository, Place
from twinport.oci.target import image_named, located
from twinport.registry.pull_reads import PullReads, Wanted


class Early(Protocol):
    def begun(self, request: Request, address: Address) -> AbstractContextManager[None]:
        """Begin what can be begun before the client is known, for the block that answers the request."""
        ...


class NeverEarly:
    """Begins nothing: for databases that answer at once."""

    def begun(self, request: Request, address: Address) -> AbstractContextManager[None]:
        del request, address
        return nullcontext()


NEVER_EARLY = NeverEarly()


class Remembering(Protocol):
    def remembered(self, authorization: str | None) -> Registry | None:
        """Return the registry of a client that was admitted before; None for a stranger: no read is begun for it."""
        ...


@dataclass(frozen=True, slots=True)
class EarlyPulls:
    """Begins the read of a pull whose client was admitted before. It decides nothing, and tells nothing."""

    clients: Remembering
    reads: PullReads
    regions: Collection[RegionName]

    def begun(self, request: Request, address: Address) -> AbstractContextManager[None]:
        wanted = self._wanted(request, address) if request.method in ("GET", "HEAD") else None
        return nullcontext() if wanted is None else self.reads.begun(wanted)

    def _wanted(self, request: Request, address: Address) -> Wanted | None:
        own = self.clients.remembered(request.header("authorization"))
        if own is None:
            return None
        try:
            return self._item(routes.parse(request.raw_path), request.method, address, own)
        except Refusal:
            # The door refuses it again, once it knows the client.
            return None

    def _item(self, route: routes.Route, method: str, address: Address, own: Registry) -> Wanted | None:
        if not isinstance(route, InRepository):
            return None
        at = located(address, own, route.path, self.regions)
        if at.registry.region not in self.regions:
            return None
        repository = at.registry.repository(repository_name(at.path))
        match route.place:
            case Place.MANIFEST:
                return Wanted(repository, image_named(route.reference))
            case Place.BLOB if method == "GET":
                return Wanted(repository, Digest.parse(route.reference))
            case _:
                return None
