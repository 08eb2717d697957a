"""How a registry is addressed: by a host of its own, or by the first two segments of a path.

123456789012.dkr.ecr.eu-west-1.registry.test/team/api     host-addressed: the host names the registry
127.0.0.1:4566/123456789012/eu-west-1/team/api            path-addressed: the path names the registry
127.0.0.1:4566/team/api                                   path-addressed: the token's own registry is meant
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from twinport.model.names import AccountId, RegionName, Registry, RepositoryId, is_account_id

_REGION_AND_DOMAIN = r"(?P<region>[0-9a-z-]{2,25})\.(?P<domain>[a-z0-9.:-]+)"
# The plain, FIPS and dual-stack spellings of both hosts.
_REGISTRY_HOST = re.compile(rf"(?P<account>[0-9]{{12}})\.dkr[.-]ecr(?:-fips)?\.{_REGION_AND_DOMAIN}")
_SERVICE_HOST = re.compile(rf"(?:api\.)?ecr(?:-fips)?\.{_REGION_AND_DOMAIN}")

# AWS's own host names for the services of this server (botocore 1.44.5, endpoint rules of ecr, iam and sts; the ECR
# user guide for registries), in the partitions aws and aws-cn: plain, FIPS and dual-stack. Any other name beneath these
# domains may belong to an AWS customer's bucket or machine, and a page from there must not reach this server.
_AWS_REGION = r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]+"
_AWS_HOST = re.compile(
    rf"(?:[0-9]{{12}}\.dkr\.ecr(?:-fips)?|(?:api\.)?ecr(?:-fips)?|(?:iam|sts)(?:-fips)?)\.{_AWS_REGION}"
    r"\.amazonaws\.com(?:\.cn)?"
    r"|(?:iam|sts)(?:-fips)?\.amazonaws\.com"
    rf"|[0-9]{{12}}\.dkr-ecr(?:-fips)?\.{_AWS_REGION}\.on\.(?:aws|amazonwebservices\.com\.cn)"
    rf"|(?:ecr|sts)(?:-fips)?\.{_AWS_REGION}\.api\.(?:aws|amazonwebservices\.com\.cn)"
    r"|iam(?:-fips)?\.global\.api\.aws"
)


@dataclass(frozen=True, slots=True)
class HostAddress:
    """A host that names one registry. Its Region need not be one that is served here."""

    registry: Registry


@dataclass(frozen=True, slots=True)
class PathAddress:
    """Any other host."""


Address = HostAddress | PathAddress


def address_of(host: str) -> Address:
    """Read a Host header, with or without a port."""
    match = _REGISTRY_HOST.fullmatch(host.lower())
    if match is None:
        return PathAddress()
    return HostAddress(Registry(AccountId(match["account"]), RegionName(match["region"])))


def is_aws_host(name: str) -> bool:
    """Tell whether a host name, in lower case and without a port, is AWS's own name for ECR, IAM or STS."""
    return _AWS_HOST.fullmatch(name) is not None


def split_path_address(path: str, regions: Collection[RegionName]) -> tuple[Registry | None, str]:
    """Split the registry from `ACCOUNT/REGION/rest`. A path without a registry is returned whole.

    `rest` is empty if the path names only a registry.
    """
    account, _, behind = path.partition("/")
    region, _, rest = behind.partition("/")
    if is_account_id(account) and region in regions:
        return Registry(AccountId(account), RegionName(region)), rest
    return None, path


def is_reserved_name(name: str, regions: Collection[RegionName]) -> bool:
    """Tell whether clients could not reach a repository of this name by its path, so that it must not be created."""
    return split_path_address(name, regions)[0] is not None


def repository_uri(repository: RepositoryId, host: str, public_url: str | None) -> str:
    """Return the part before `:tag` in a pull, for a client that used `host`."""
    ecr_host = _ecr_host(repository.registry, host)
    if public_url is None and ecr_host is not None:
        return f"{ecr_host}/{repository.name}"
    return f"{_bare(public_url or host)}/{repository.registry}/{repository.name}"


def proxy_endpoint(registry: Registry, host: str, public_url: str | None, scheme: str) -> str:
    """Return the address to log in to, for a client that used `host` over `scheme`."""
    return public_url or f"{scheme}://{_ecr_host(registry, host) or host}"


def _ecr_host(registry: Registry, host: str) -> str | None:
    """Return a registry's own host in the domain that the client used, if that domain has ECR's form."""
    match = _REGISTRY_HOST.fullmatch(host.lower()) or _SERVICE_HOST.fullmatch(host.lower())
    return f"{registry.account}.dkr.ecr.{registry.region}.{match['domain']}" if match else None


def _bare(url: str) -> str:
    return url.rpartition("://")[2].rstrip("/")
