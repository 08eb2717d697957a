"""Every case of the decision that a client can bring about is answered alike over HTTP, by a real server.

Accounts are prepared before there is an organization, which would keep them from it. Then the server starts again with
the organization of all cases, and every case makes its one call.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.issuer import Issuer, issuing
from tests.policies import cases
from tests.policies.over_http import NotOverHttp, Prepared, document, prepare
from tests.served import Served, start

# Of 391. The others are about services, about keys that a request always has, or values that no client can bring about.
MOST_OF_THEM = 350
_ORGANIZATION, _MADE_UP = "o-everycase01", "o-ourown0000"


# A minute of CPU, which takes ten on a busy machine: every case has accounts of its own, with all that hangs in them.
@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_every_case_that_a_client_can_bring_about_is_answered_alike(tmp_path: Path) -> None:
    with issuing(tmp_path / "issuer") as issuer:
        prepared = _prepared(tmp_path, issuer)
        with _serving(tmp_path, issuer, TWINPORT_CONFIG=str(settings(tmp_path, prepared))) as served:
            differences = [found for each in prepared if (found := each.differs(served))]
    print(f"{len(prepared)} of {len(cases.load())} cases were asked over HTTP")
    assert not differences, "\n".join(differences)
    assert len(prepared) >= MOST_OF_THEM


def _prepared(folder: Path, issuer: Issuer) -> list[Prepared]:
    prepared: list[Prepared] = []
    with _serving(folder, issuer) as served:
        for case in cases.load():
            try:
                prepared.append(prepare(case, served, issuer))
            except NotOverHttp as reason:
                print(f"left out: {case.name}: {reason}")
    return prepared


@contextmanager
def _serving(folder: Path, issuer: Issuer, **environment: str) -> Iterator[Served]:
    """Serve with open accounts and a way to the issuer, behind a proxy that may say where requests come from."""
    way = {"TWINPORT_EGRESS_NETWORKS": "127.0.0.1/32", "TWINPORT_EGRESS_AUTHORITIES": str(issuer.certified.authority)}
    served = start(
        folder / "data",
        None,
        None,
        TWINPORT_TRUSTED_PROXIES="127.0.0.1",
        TWINPORT_OPEN_ACCOUNTS="everywhere",
        **way,
        **environment,
    )
    try:
        yield served
    finally:
        served.stop()


def settings(folder: Path, prepared: Iterable[Prepared]) -> Path:
    """Write an organization in which every case has units, and accounts, of its own."""
    lines = ["[organization]", f'id = "{_ORGANIZATION}"', 'management = "000000000001"']
    for number, each in enumerate(prepared):
        if "service_control" in each.raw or "resource_control" in each.raw:
            lines += _units(folder, number, each)
    file = folder / "twinport.toml"
    file.write_text("\n".join(lines))
    return file


def _units(folder: Path, number: int, each: Prepared) -> list[str]:
    lines, parent = [], ""
    for level, statements in enumerate(each.raw.get("service_control", [])):
        unit = f"ou-case-{number:04}{level:04}"
        policy = _written(folder, f"{unit}.json", document(each.raw, statements))
        lines += ["[[organization.unit]]", f'id = "{unit}"', f'service_control = ["{policy}"]']
        lines += [f'parent = "{parent}"'] if parent else []
        parent = unit
    resource = each.raw.get("resource_control")
    controls = _written(folder, f"rcp-{number}.json", document(each.raw, resource)) if resource else ""
    lines += _account(each.here, parent, controls)
    # A caller of another account is a member where the case says so.
    if each.context.get("aws:principalorgid") == _MADE_UP:
        lines += _account(each.there, "", "")
    return lines


def _account(account: str, unit: str, controls: str) -> list[str]:
    lines = ["[[organization.account]]", f'id = "{account}"']
    lines += [f'unit = "{unit}"'] if unit else []
    return [*lines, f'resource_control = ["{controls}"]'] if controls else lines


def _written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text.replace(_MADE_UP, _ORGANIZATION))
    json.loads(text)
    return name
