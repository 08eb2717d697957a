"""A CI job without keys: the commands of docs/how-to/oidc.md, with an issuer of the suite in the place of GitHub's."""

from pathlib import Path

from tests.issuer import issuing
from tests.journeys.documents import run_commands
from tests.served import new_account, start


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    account, folder = new_account(), tmp_path / "work"
    folder.mkdir()
    with issuing(tmp_path / "issuer") as issuer:
        served = start(
            tmp_path / "data",
            TWINPORT_EGRESS_NETWORKS="127.0.0.1/32",
            TWINPORT_EGRESS_AUTHORITIES=str(issuer.certified.authority),
        )
        (folder / "token").write_text(issuer.token())
        instead = {"127.0.0.1:4566": f"127.0.0.1:{served.port}", "token.actions.githubusercontent.com": issuer.provider}
        try:
            keys = {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}
            said = run_commands("how-to/oidc.md", instead, folder, **keys)
        finally:
            served.stop()
    arn = f"arn:aws:sts::{account}:assumed-role/app-ci/job-7"
    assert said.splitlines()[-2:] == [arn, "acme/app"]
