"""Two processes that begin at once on one PostgreSQL sign with one key."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from tests.fakes import ACCOUNT, NOW
from twinport.access.sealing import Sealer
from twinport.access.session_callers import RoleFacts
from twinport.access.sessions import Sessions
from twinport.catalog.postgres import PostgresCatalog
from twinport.clock import ManualClock
from twinport.model.identities import Session


async def test_what_one_process_signs_another_that_began_with_it_accepts(postgres_address: str) -> None:
    clock, sealer = ManualClock(NOW), Sealer({"k": bytes(32)}, "k")
    catalogs = [PostgresCatalog(postgres_address, clock) for _ in range(4)]
    # Connections first, so that nothing else keeps the processes apart.
    await asyncio.gather(*(each.partition.read(lambda db: db.execute(text("SELECT 1"))) for each in catalogs))
    processes = [Sessions(catalog, sealer, clock) for catalog in catalogs]
    role, session = RoleFacts(ACCOUNT, "AROA", "role", "/"), Session("build", NOW, NOW + timedelta(hours=1))
    issued = await asyncio.gather(*(each.issue(role.holder, session) for each in processes))
    for process in processes:
        for credentials in issued:
            await process.check_token(credentials.token, credentials.access_key_id)
    for catalog in catalogs:
        catalog.close()
