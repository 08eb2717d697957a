"""Finds out whether bytes that did not arrive whole are damaged at their source; if so, they are not carried again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from twinport.blobs.damage import damage_of
from twinport.blobs.store import BlobStore
from twinport.catalog.ports import Connection, Database
from twinport.catalog.regional import verification
from twinport.catalog.regional.verification import Change, RecordedBlob
from twinport.errors import Refusal, Unavailable
from twinport.logs import telemetry
from twinport.logs.telemetry import Event
from twinport.metrics import names
from twinport.model.content import Damage, Digest, Key
from twinport.model.names import RegionName
from twinport.model.replication import FailureCode
from twinport.replication.outcomes import Hindered, Hopeless, outcome_of


@dataclass(frozen=True, slots=True)
class SourceBytes:
    """The bytes of one Region, and the rows that name them."""

    region: RegionName
    rows: Database
    store: BlobStore
    now: Callable[[Connection], datetime]

    async def blamed(self, digest: Digest, key: Key, size: int, refusal: Refusal) -> Hindered | Hopeless:
        """Verify a blob that was refused, and quarantine it if it is damaged here, so that it gets healed."""
        try:
            damage = await damage_of(self.store, key, size, digest)
            if damage is None or (damage is Damage.MISSING and not await self.store.is_there()):
                return outcome_of(refusal)
            await self._quarantine(RecordedBlob(digest, key, size, None), damage)
        except Unavailable:
            return outcome_of(refusal)
        return Hindered(refusal.message, FailureCode.SOURCE_IMAGE_INACCESSIBLE)

    async def _quarantine(self, blob: RecordedBlob, damage: Damage) -> None:
        change = await self.rows.write(lambda db: verification.settle(db, blob, damage, self.now(db)))
        if change is Change.QUARANTINED:
            names.QUARANTINED.add()
            facts = {"reason": damage.value, "key": blob.key}
            telemetry.alarm(Event.BLOB_QUARANTINED, region=self.region, digest=str(blob.digest), **facts)
