"""Signs what a courier says, with a session of the replication role that is replaced before it ends."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from twinport.access.lane_sessions import Authorization, LaneSession
from twinport.clock import Clock
from twinport.model.names import Registry
from twinport.model.replication import Lane
from twinport.replication.destination import Part, Signed, statement

# The courier opens a new session when less than this is left of the current one.
_MARGIN = timedelta(minutes=5)


class Sessions(Protocol):
    """Opens sessions of the replication role."""

    async def open(self, role_id: str, source: Registry, destination: Registry) -> LaneSession: ...


@dataclass(slots=True)
class RoleSession:
    """The session of the role for one lane."""

    lane: Lane
    role_id: str
    sessions: Sessions
    world: Clock
    _session: LaneSession | None = None

    async def current(self) -> LaneSession:
        """Return a session with some of its time left."""
        if self._session is None or self._session.expires_at - self.world.now() < _MARGIN:
            self._session = await self.sessions.open(self.role_id, self.lane.source, self.lane.destination)
        return self._session

    async def sign(self, part: Part, what: Signed, offset: int = 0) -> Authorization:
        return (await self.current()).authorize(statement(part, what, offset))
