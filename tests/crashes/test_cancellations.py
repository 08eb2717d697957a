"""Rules are removed, and the machine stops at each transaction: what they asked for is canceled in the end."""

import pytest

from tests.crashes.endings import Act, kill_everywhere
from tests.crashes.ledger import Ledger
from tests.crashes.machine import FAR, HOME, ME, REGIONS, ROWS_AT_ONCE, Machine, Role
from tests.crashes.mortal import MortalCatalog
from tests.fakes import ACCOUNT, AllowAll
from tests.no_roles import NoRoles
from tests.replication.world import image
from twinport.catalog.regional import cancellations, delivery_reports, registries
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.registry.replication import Replication

pytestmark = pytest.mark.large

NO_RULES = ReplicationConfiguration()


async def a_configuration_that_is_removed(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
    """Many copies are owed; afterwards couriers come by, in this process or in the next one."""
    del ledger
    rules = ReplicationConfiguration((ReplicationRule((FAR,), ("team/api",)),))
    region = machine.catalog.region(HOME.region)
    await region.write(lambda db: registries.set_replication(db, ACCOUNT, rules, Role.unique_id))
    pushed = image(b"layer" + mark)
    await machine.push(pushed, f"{mark.decode()}-0")
    for number in range(1, ROWS_AT_ONCE * 3):
        await machine.put(pushed, f"{mark.decode()}-{number}")

    async def act() -> None:
        catalog = MortalCatalog(machine.catalog, machine.disk)
        await Replication(AllowAll(), catalog, NoRoles(), REGIONS, ROWS_AT_ONCE).put(ME, HOME, NO_RULES)

    return act


async def test_wherever_the_removal_of_rules_is_killed_the_next_process_cancels_the_rest(
    machine: Machine, ledger: Ledger
) -> None:
    region = machine.catalog.region(HOME.region)

    async def told_and_gone_on_with(machine: Machine, ledger: Ledger, mark: bytes) -> Act:
        # What the last telling left: its rules are gone, or nothing has happened.
        machine.rest()
        if not (await region.read(lambda db: registries.settings(db, ACCOUNT))).replication.rules and mark != b"1":
            await machine.office.cancel_removed()
            assert await region.read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == 0
        return await a_configuration_that_is_removed(machine, ledger, mark)

    assert await kill_everywhere(machine, ledger, told_and_gone_on_with) >= 6
    assert await region.read(lambda db: delivery_reports.unsettled(db, ACCOUNT)) == 0
    assert await region.read(cancellations.accounts) == []
    assert await machine.deliver() == 0
