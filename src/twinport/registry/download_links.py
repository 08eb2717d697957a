"""Presigned addresses of layers: a download grant written into a URL that cannot be altered."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from twinport.access.tokens import RegionKeys
from twinport.errors import BadContent
from twinport.model.content import Digest
from twinport.model.names import Registry, account_id, region_name, repository_name
from twinport.refusals.callers import DownloadForged
from twinport.refusals.requests import BadName
from twinport.registry.layers import DownloadGrant

PREFIX = "/_layers/"
# The only accepted spelling of the query, which `write` uses: Python also reads '1_0', ' 10' and '+10' as numbers.
_QUERY = re.compile(r"expires=(?P<expires>0|[1-9][0-9]{0,11})&signature=(?P<signature>[0-9a-f]{1,64}\.[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class DownloadLinks:
    """Writes `/_layers/ACCOUNT/REGION/NAME@DIGEST?expires=…&signature=…`, signed with the Region's key."""

    keys: RegionKeys

    async def write(self, grant: DownloadGrant, endpoint: str) -> str:
        """Return the address at `endpoint` (`http://127.0.0.1:4566`) that lets its holder read the layer."""
        path, expires = _path(grant), int(grant.expires_at.timestamp())
        signature = await self.keys.sign(grant.repository.region, _text(path, expires))
        return f"{endpoint}{quote(path)}?expires={expires}&signature={signature}"

    async def read(self, path: str, query: str) -> DownloadGrant:
        """Return the grant of an address, which may have expired. Raises DownloadForged unless we signed all of it."""
        fields = _QUERY.fullmatch(query)
        if fields is None:
            raise DownloadForged
        grant = _grant(unquote(path), fields["expires"])
        text = _text(_path(grant), int(grant.expires_at.timestamp()))
        if not await self.keys.verifies(grant.repository.region, text, fields["signature"]):
            raise DownloadForged
        return grant


def _path(grant: DownloadGrant) -> str:
    return f"{PREFIX}{grant.repository}@{grant.digest}"


def _text(path: str, expires: int) -> str:
    return f"layer {path} {expires}"


def _grant(path: str, expires: str) -> DownloadGrant:
    """Read the grant in an address; nothing of it is proven yet."""
    account, _, behind = path.removeprefix(PREFIX).partition("/")
    region, _, named = behind.partition("/")
    name, _, digest = named.partition("@")
    try:
        return DownloadGrant(
            Registry(account_id(account), region_name(region)).repository(repository_name(name)),
            Digest.parse(digest),
            datetime.fromtimestamp(int(expires), UTC),
        )
    except (BadName, BadContent, ValueError, OverflowError, OSError):
        raise DownloadForged from None
