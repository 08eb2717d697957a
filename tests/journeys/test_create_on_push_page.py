"""The commands of docs/how-to/create-on-push.md, as a reader would run them."""

from pathlib import Path

from tests.journeys.clients import SOURCE, Owner
from tests.journeys.commands import find
from tests.journeys.documents import run_commands
from tests.journeys.images import small, write_layout
from tests.journeys.server import Server

KEYS = {"AWS_ACCESS_KEY_ID": SOURCE, "AWS_SECRET_ACCESS_KEY": "test"}


def test_every_command_of_the_page_works(server: Server, source: Owner, tmp_path: Path) -> None:
    find("skopeo")
    write_layout(tmp_path / "image", small(), tag="1")
    login = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    said = run_commands("how-to/create-on-push.md", {"127.0.0.1:4566": server.address}, tmp_path, **login, **KEYS)
    assert '"IMMUTABLE"' in said
    assert '"Value": "payments"' in said
    ecr = source.boto("ecr")
    created = {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]}
    assert created >= {"prod/api", "prod/web"}
    assert ecr.describe_repository_creation_templates()["repositoryCreationTemplates"] == []
