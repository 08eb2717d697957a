"""`twinport serve` with a gate that writes down what it is asked.

python -m tests.watched serve --data FOLDER --listen HOST:PORT
"""

import asyncio
import os
import sys

from tests import witness
from twinport.access.gate import NO_CONTEXT, Context, Decide, RepositoryResource, Resource
from twinport.access.policy_gate import PolicyGate
from twinport.access.trust import RoleName
from twinport.commands import serving
from twinport.composition import app
from twinport.model.entities import Role
from twinport.model.identities import Caller
from twinport.settings import loading, sources


class Watched(PolicyGate):
    """Decides as the real one, which it is."""

    __slots__ = ()

    async def authorize(self, caller: Caller, action: str, resource: Resource, context: Context = NO_CONTEXT) -> None:
        witness.saw(action, resource.arn, context)
        await super().authorize(caller, action, resource, context)

    async def decision(self, caller: Caller, actions: tuple[str, ...], resource: RepositoryResource) -> Decide:
        for action in actions:
            witness.saw(action, resource.arn, NO_CONTEXT)
        return await super().decision(caller, actions, resource)

    async def authorize_assumption(
        self, caller: Caller, name: RoleName, actions: tuple[str, ...], context: Context
    ) -> Role:
        for action in actions:
            witness.saw(action, name.arn, context)
        return await super().authorize_assumption(caller, name, actions, context)


def main(arguments: list[str]) -> None:
    _, _, data, _, listen = arguments
    settings = loading.load(sources.config_file(os.environ), os.environ, {"data": data, "listen": listen})
    with serving.listening(settings) as taken:
        asyncio.run(serving.serve(app.build(settings, Watched), settings, taken))


if __name__ == "__main__":
    main(sys.argv[1:])
