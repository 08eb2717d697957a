"""Whether this process can serve now: checks its database and its blob store once a second at most."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from twinport.errors import Refusal
from twinport.logs import telemetry
from twinport.logs.telemetry import Event

Probe = Callable[[], Awaitable[None]]

# An answer is reused for this long, however many clients ask.
_FRESH = timedelta(seconds=1)
# A part that does not answer within this time counts as unavailable.
_LIMIT = timedelta(seconds=2)


@dataclass(slots=True)
class Readiness:
    """Checks each part with its probe. A probe raises if the part is unavailable, and opens or creates nothing."""

    probes: Mapping[str, Probe]
    limit: timedelta = _LIMIT
    _parts: "dict[str, _Part]" = field(default_factory=dict)

    async def missing(self) -> list[str]:
        """Return the names of the unavailable parts."""
        for name, probe in self.probes.items():
            self._parts.setdefault(name, _Part(name, probe))
        parts = list(self._parts.values())
        are_there = await asyncio.gather(*(part.is_there(self.limit) for part in parts))
        return [part.name for part, is_there in zip(parts, are_there, strict=True) if not is_there]


@dataclass(slots=True)
class _Part:
    """A part with its current or last check. While a check hangs, no second one starts."""

    name: str
    probe: Probe
    was_there: bool = True
    _look: "asyncio.Task[str | None] | None" = None
    _began_at: float = 0.0

    async def is_there(self, limit: timedelta) -> bool:
        now = asyncio.get_running_loop().time()
        if self._look is None or (self._look.done() and now - self._began_at >= _FRESH.total_seconds()):
            self._began_at, self._look = now, asyncio.create_task(self._reason())
        left = self._began_at + limit.total_seconds() - now
        await asyncio.wait({self._look}, timeout=max(0.0, left))
        reason = self._look.result() if self._look.done() else f"no answer within {limit.total_seconds():g} seconds"
        self._tell(reason)
        return reason is None

    async def _reason(self) -> str | None:
        """Return why the part is unavailable, or None."""
        try:
            await self.probe()
        except Refusal as refusal:
            return refusal.message
        except Exception as error:  # noqa: BLE001 — whatever a probe meets, the part cannot be relied on
            return f"{type(error).__name__}: {error}"
        return None

    def _tell(self, reason: str | None) -> None:
        """Record a change. The log has the reason; answers do not."""
        if reason is not None and self.was_there:
            telemetry.warning(Event.SERVER_UNREADY, part=self.name, reason=reason)
        if reason is None and not self.was_there:
            telemetry.event(Event.SERVER_READY, part=self.name)
        self.was_there = reason is None
