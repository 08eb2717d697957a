"""Lists under `/v2/`: tags, referrers, and the catalog of repositories. They write names in the caller's form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as _quoted
from urllib.parse import parse_qs, quote, urlencode

from twinport.http.messages import Answer, AnyAnswer, Request
from twinport.model.content import Digest
from twinport.model.identities import Caller
from twinport.model.images import Referrer
from twinport.model.manifests import OCI_INDEX
from twinport.model.names import Registry
from twinport.oci.headers import ContentType, safe_headers
from twinport.oci.target import Target
from twinport.refusals.requests import InvalidParameter
from twinport.registry.images import Images
from twinport.registry.referrers import ReferrerQuery, Referrers
from twinport.registry.repositories import Repositories
from twinport.settings.deviations import STANDARD, Deviation, Deviations

MOST_ITEMS = 1000
# ECR's default page size.
ECR_ITEMS = 100
_MOST_FIELDS = 100
_LONGEST_NUMBER = 9


@dataclass(frozen=True, slots=True)
class Listings:
    """One method for each route. The methods raise refusals; the door words them."""

    images: Images
    referrers: Referrers
    repositories: Repositories
    deviations: Deviations = STANDARD

    async def tags(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/tags/list`, with `n` and `last`."""
        query = _fields(request)
        limit, after = self._limit(query), _last(query)
        found = await self.images.tags(caller, target.repository, after, limit + 1)
        body = {"name": target.prefix.removeprefix("/v2/"), "tags": list(found[:limit])}
        kind = ContentType.TEXT if Deviation.TAGS_AS_TEXT in self.deviations else ContentType.JSON
        return _page(body, kind, _next(f"{target.prefix}/tags/list", limit, found))

    async def catalog(self, request: Request, caller: Caller, registry: Registry, lead: str) -> AnyAnswer:
        """`GET /v2/_catalog`, with `n` and `last`; `lead` is the caller's prefix for this registry's names."""
        query = _fields(request)
        limit, after = self._limit(query), _last(query).removeprefix(lead)
        found = [lead + name for name in await self.repositories.names(caller, registry, after, limit + 1)]
        return _page({"repositories": found[:limit]}, ContentType.JSON, _next(f"/v2/{lead}_catalog", limit, found))

    async def of_subject(self, request: Request, caller: Caller, target: Target) -> AnyAnswer:
        """`GET /v2/NAME/referrers/DIGEST`, with `artifactType`: an index made on the spot."""
        query = _fields(request)
        subject, types = Digest.parse(target.reference), query.get("artifactType", [])
        asked = ReferrerQuery(subject, types, _last(query), MOST_ITEMS)
        found, more = await self.referrers.list(caller, target.repository, asked)
        headers = {"oci-filters-applied": "artifactType"} if types else {}
        if more:
            again = urlencode({"last": found[-1].name, "artifactType": types}, doseq=True)
            headers["link"] = f'<{target.prefix}/referrers/{subject}?{again}>; rel="next"'
        return Answer(200, safe_headers(OCI_INDEX) | headers, _index_of(found).encode())

    def _limit(self, query: dict[str, list[str]]) -> int:
        """Return the requested page size. A size above MOST_ITEMS is lowered, or refused under ECR's deviation."""
        is_ecrs = Deviation.LIST_LIMITS in self.deviations
        number = _number(query.get("n", [str(ECR_ITEMS if is_ecrs else MOST_ITEMS)])[-1])
        if is_ecrs and number > MOST_ITEMS:
            raise InvalidParameter("maxResults", f"Member must have value less than or equal to {MOST_ITEMS}")
        return min(number, MOST_ITEMS)


def _fields(request: Request) -> dict[str, list[str]]:
    try:
        return parse_qs(request.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise InvalidParameter("query", f"must have at most {_MOST_FIELDS} fields") from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_NUMBER:
        raise InvalidParameter("n", "must be a number that is not negative")
    return int(text)


def _last(query: dict[str, list[str]]) -> str:
    return query.get("last", [""])[-1]


def _next(path: str, limit: int, found: Sequence[str]) -> dict[str, str]:
    """Return a link to the next page if there is one. A page without items has no link."""
    if not 0 < limit < len(found):
        return {}
    return {"link": f'<{path}?n={limit}&last={quote(found[limit - 1])}>; rel="next"'}


def _page(body: Mapping[str, object], content_type: ContentType | str, headers: dict[str, str]) -> Answer:
    return Answer(200, safe_headers(content_type) | headers, json.dumps(body, separators=(",", ":")).encode())


def _index_of(referrers: Sequence[Referrer]) -> str:
    """Write an index. The parts are JSON already, and joining them takes a tenth of the time of a JSON library."""
    entries = ",".join(map(_entry, referrers))
    return f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{entries}]}}'


def _entry(referrer: Referrer) -> str:
    entry = f'"mediaType":{_quoted(referrer.media_type)},"digest":"{referrer.name}","size":{referrer.size}'
    if referrer.artifact_type is not None:
        entry += f',"artifactType":{_quoted(referrer.artifact_type)}'
    if referrer.written_annotations:
        entry += f',"annotations":{referrer.written_annotations}'
    return f"{{{entry}}}"
