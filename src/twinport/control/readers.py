"""Callers that may see a registry's deliveries because of their signature, if accounts are closed."""

from dataclasses import dataclass, replace

from twinport.access.authentication import Authenticator
from twinport.access.gate import Gate, every_repository
from twinport.aws import sigv4
from twinport.clock import Clock
from twinport.http.admission import Admission
from twinport.http.messages import Request
from twinport.model.names import Registry

# The page tells of all images what DescribeImageReplicationStatus tells of one: so ask for all repositories.
ACTION = "ecr:DescribeImageReplicationStatus"


@dataclass(frozen=True, slots=True)
class SignedReaders:
    """Asks the gate about callers with a signature for ECR. The request has no body."""

    admission: Admission
    authenticator: Authenticator
    gate: Gate
    world: Clock

    async def require(self, request: Request, source: Registry) -> None:
        """Return if the caller may see the deliveries of a registry. Raises NotAuthenticated, AccessDenied."""
        message = sigv4.Message(request.method, request.raw_path, request.query, request.headers)
        origin = self.admission.origin_of(request, self.world.now())
        caller = await self.authenticator.authenticate(message, b"", "ecr", origin)
        asked = replace(caller, origin=replace(caller.origin, region=source.region))
        await self.gate.authorize(asked, ACTION, every_repository(source))
