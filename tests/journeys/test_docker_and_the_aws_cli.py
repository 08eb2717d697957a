"""The main journey: docker pushes, the service-linked role carries, docker runs at every destination."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, OTHER, SOURCE, Owner
from tests.journeys.engine import Engine
from tests.journeys.images import write_root_filesystem
from tests.journeys.replication import COPY_SECONDS, NOWHERE, ROLE, TO_BOTH, TO_THE_OTHER_REGION
from tests.journeys.waiting import until
from tests.waiting import PATIENCE_SECONDS

DELETION_SECONDS = PATIENCE_SECONDS


def test_an_image_pushed_with_docker_runs_at_every_destination(
    source: Owner, source_away: Owner, other: Owner, engine: Engine, tmp_path: Path
) -> None:
    source.aws("ecr", "create-repository", "--repository-name", "team/api")
    other.aws("ecr", "put-registry-policy", "--policy-text", replication.registry_policy(other, SOURCE))
    configure(source, TO_BOTH)

    log_in(engine, source)
    push(engine, source, "team/api:1.4", tmp_path)
    until("both copies are complete", lambda: statuses(source) == ["COMPLETE", "COMPLETE"], seconds=COPY_SECONDS)

    replication.allow_pulls(other, "team/api", SOURCE)
    assert runs(engine, source_away, "team/api:1.4")
    assert runs(engine, other, "team/api:1.4")


def test_a_copy_has_the_digest_that_docker_pushed(
    source: Owner, source_away: Owner, engine: Engine, tmp_path: Path
) -> None:
    create(source)
    replication.configure(source, TO_THE_OTHER_REGION)

    log_in(engine, source)
    pushed = push(engine, source, "team/api:1.4", tmp_path)
    replication.wait_for_copies(source, "team/api", {"imageTag": "1.4"}, source_away)

    engine.forget_images()
    pulled = engine.docker("pull", f"{source_away.registry}/team/api:1.4")
    assert pushed in pulled


def test_docker_is_refused_before_it_logs_in(source: Owner, engine: Engine) -> None:
    create(source)
    engine.docker("logout", source.server.address)
    said = engine.docker.refusal("pull", f"{source.registry}/team/api:1.4")
    assert "no basic auth credentials" in said


def test_docker_reaches_a_registry_by_the_name_that_ecr_would_give_it(
    source: Owner, engine: Engine, tmp_path: Path
) -> None:
    create(source)
    host = f"{SOURCE}.dkr.ecr.{HOME}.localhost:{source.server.port}"
    engine.docker("login", "--username", "AWS", "--password-stdin", host, stdin=source.password())
    import_busybox(engine, f"{host}/team/api:1.4", tmp_path)
    engine.docker("push", f"{host}/team/api:1.4")
    engine.forget_images()
    assert "it runs" in engine.docker("run", "--rm", f"{host}/team/api:1.4", "echo", "it runs")


def test_the_role_lives_as_long_as_a_region_is_configured(source: Owner) -> None:
    configure(source, TO_BOTH)
    first = role_id(source)

    refused = delete_role(source)
    assert refused["Status"] == "FAILED"
    assert HOME in str(refused["Reason"])
    assert AWAY not in str(refused["Reason"])
    assert role_id(source) == first

    configure(source, NOWHERE)
    assert delete_role(source)["Status"] == "SUCCEEDED"
    assert "NoSuchEntity" in source.aws.refusal("iam", "get-role", "--role-name", ROLE)

    configure(source, TO_BOTH)
    assert role_id(source) != first


def test_without_a_registry_policy_the_copy_to_another_account_fails(
    source: Owner, engine: Engine, tmp_path: Path
) -> None:
    create(source)
    replication.configure(source, TO_BOTH)
    log_in(engine, source)
    push(engine, source, "team/api:1.4", tmp_path)
    wanted = {(SOURCE, AWAY): "COMPLETE", (OTHER, AWAY): "FAILED"}
    replication.wait_for_statuses(source, "team/api", {"imageTag": "1.4"}, wanted)


def create(owner: Owner) -> None:
    owner.boto("ecr").create_repository(repositoryName="team/api")


def configure(owner: Owner, rules: Mapping[str, object]) -> None:
    owner.aws("ecr", "put-replication-configuration", "--replication-configuration", json.dumps(rules))


def statuses(owner: Owner) -> list[str]:
    """How far each copy is, in the words of the AWS command line."""
    said = owner.aws(
        *("ecr", "describe-image-replication-status", "--repository-name", "team/api", "--image-id", "imageTag=1.4"),
        *("--query", "replicationStatuses[].status", "--output", "text"),
    )
    return said.split()


def delete_role(owner: Owner) -> dict[str, object]:
    """Ask for the role's deletion, and return how that ended."""
    task = owner.asks("iam", "delete-service-linked-role", "--role-name", ROLE)["DeletionTaskId"]

    def ended() -> dict[str, object] | None:
        answer = owner.asks("iam", "get-service-linked-role-deletion-status", "--deletion-task-id", str(task))
        return answer if answer["Status"] in {"SUCCEEDED", "FAILED"} else None

    return until("the deletion ends", ended, seconds=DELETION_SECONDS)


def log_in(engine: Engine, owner: Owner) -> None:
    """One login at the edge address serves every Region and account."""
    password = owner.aws("ecr", "get-login-password")
    engine.docker("login", "--username", "AWS", "--password-stdin", owner.server.address, stdin=password)


def import_busybox(engine: Engine, reference: str, folder: Path) -> None:
    write_root_filesystem(folder / "busybox.tar")
    engine.docker("import", "--change", 'CMD ["/bin/sh"]', str(folder / "busybox.tar"), reference)


def push(engine: Engine, owner: Owner, name: str, folder: Path) -> str:
    """Make a runnable image, push it, and return the digest that docker says it has."""
    reference = f"{owner.registry}/{name}"
    import_busybox(engine, reference, folder)
    said = engine.docker("push", reference)
    return next(word for word in said.split() if word.startswith("sha256:"))


def runs(engine: Engine, owner: Owner, name: str) -> bool:
    """Pull what was never here, and run it."""
    engine.forget_images()
    engine.docker("pull", f"{owner.registry}/{name}")
    return "it runs" in engine.docker("run", "--rm", f"{owner.registry}/{name}", "echo", "it runs")


def role_id(owner: Owner) -> str:
    answer = owner.aws("iam", "get-role", "--role-name", ROLE, "--query", "Role.RoleId", "--output", "text")
    return answer.strip()
