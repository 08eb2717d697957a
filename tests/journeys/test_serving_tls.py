"""The commands of docs/how-to/tls.md, as a reader would run them."""

from pathlib import Path

from tests.journeys.clients import SOURCE
from tests.journeys.commands import find
from tests.journeys.documents import run_commands
from tests.ports import free_port

KEYS = {"AWS_ACCESS_KEY_ID": SOURCE, "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1"}


def test_every_command_of_the_page_works(tmp_path: Path) -> None:
    for program in ("curl", "skopeo"):
        find(program)
    login = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    said = run_commands("how-to/tls.md", {"127.0.0.1:4567": f"127.0.0.1:{free_port()}"}, tmp_path, **login, **KEYS)
    assert "How clients learn to trust it" in said
    assert '"repositoryName": "team/api"' in said
    assert "Login Succeeded!" in said
