"""`twinport gc` and `twinport verify` beside a running server, and what clients hear of damage."""

import hashlib
import json
import re
import shlex
import sqlite3
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.command_line import called
from tests.served import Served, new_account, start
from tests.shelf import image_of
from tests.waiting import PATIENCE_SECONDS
from twinport.settings.loading import load

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "garbage.md"
NAME, CONFIG, LAYER = "team/api", b"a config", b"a layer"
OPEN = {"TWINPORT_OPEN_ACCOUNTS": "true"}
SOON = {"TWINPORT_GARBAGE_DELAY": "1s", "TWINPORT_READER_GRACE": "1s", "TWINPORT_UPLOAD_EXPIRY": "1s"}
# By its old name, which operators may have in their files.
OLD = {"TWINPORT_LITTER_AGE": "1s"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = start(tmp_path_factory.mktemp("upkeep") / "data")
    yield served
    served.stop()


@dataclass(frozen=True)
class Pusher:
    """A client with a repository, which pushes by ECR's own API."""

    served: Served
    account: str
    ecr: Any

    def upload(self, content: bytes) -> str:
        here = {"repositoryName": NAME}
        upload = self.ecr.initiate_layer_upload(**here)["uploadId"]
        last = len(content) - 1
        self.ecr.upload_layer_part(**here, uploadId=upload, partFirstByte=0, partLastByte=last, layerPartBlob=content)
        digest = digest_of(content)
        self.ecr.complete_layer_upload(**here, uploadId=upload, layerDigests=[digest])
        return digest

    def push(self, *layers: bytes) -> str:
        for layer in layers:
            self.upload(layer)
        image = self.ecr.put_image(repositoryName=NAME, imageManifest=image_of(*layers).decode(), imageTag="1")
        return str(image["image"]["imageId"]["imageDigest"])

    def delete(self, digest: str) -> None:
        self.ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": digest}])

    def has(self, digest: str) -> bool:
        [layer] = self.ecr.batch_check_layer_availability(repositoryName=NAME, layerDigests=[digest])["layers"]
        return bool(layer["layerAvailability"] == "AVAILABLE")

    def pull(self, digest: str) -> tuple[int, bytes]:
        """Fetch a layer as docker does."""
        return self.ask("GET", f"blobs/{digest}")

    def manifest(self, reference: str, method: str = "GET") -> tuple[int, bytes]:
        return self.ask(method, f"manifests/{reference}")

    def ask(self, method: str, path: str) -> tuple[int, bytes]:
        """Ask the registry protocol for something in the repository."""
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        url = f"{self.served.url}/v2/{self.account}/eu-west-1/{NAME}/{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def spoil(self, digest: str, content: bytes) -> None:
        """Let a manifest's bytes go bad where the catalog keeps them."""
        with sqlite3.connect(
            self.served.data / "regions" / "eu-west-1" / "catalog.db", timeout=PATIENCE_SECONDS
        ) as catalog:
            catalog.execute("UPDATE manifest SET content = ? WHERE digest = ?", (content, digest))
        catalog.close()

    def file_of(self, content: bytes) -> Path:
        found = self.served.data.rglob("blobs/*/*")
        return next(path for path in found if path.read_bytes() == content)


@pytest.fixture
def pusher(served: Served) -> Pusher:
    account = new_account()
    ecr = served.client("ecr", account)
    ecr.create_repository(repositoryName=NAME)
    return Pusher(served, account, ecr)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def unique(content: bytes, pusher: Pusher) -> bytes:
    """No other test stores these bytes."""
    return content + pusher.account.encode()


def asked(served: Served, command: str, *options: str, **environment: str) -> dict[str, Any]:
    done = called(command, "--json", "--data", str(served.data), *options, **environment)
    assert done.code in (0, 5), done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def candidates(served: Served, **environment: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(served, "gc", **environment)["candidates"]
    return found


def test_a_dry_run_tells_what_would_go_and_why_and_changes_nothing(pusher: Pusher) -> None:
    layer, config = unique(LAYER, pusher), unique(CONFIG, pusher)
    pusher.delete(pusher.push(config, layer))
    assert [each for each in candidates(pusher.served) if each["name"] == digest_of(layer)] == []
    while not (found := [each for each in candidates(pusher.served, **SOON) if each["name"] == digest_of(layer)]):
        pass
    assert {each["kind"]: each["bytes"] for each in found} == {"layer": 0, "blob": len(layer)}
    assert {each["repository"] for each in found} == {f"{pusher.account}/{NAME}", None}
    assert "no image of its repository names it" in {each["why"] for each in found}
    assert pusher.has(digest_of(layer))
    shown = called("gc", "--data", str(pusher.served.data), **SOON)
    assert re.search(rf"eu-west-1  blob .* {digest_of(layer)}  \(no repository holds it", shown.stdout)
    assert shown.stdout.splitlines()[-1].startswith("would free ")


def test_an_orphaned_file_is_listed_and_counted_as_one(pusher: Pusher) -> None:
    pusher.upload(unique(LAYER, pusher))
    orphan = pusher.served.data / "regions" / "eu-west-1" / "blobs" / "ab" / f"ab{pusher.account:0>30}"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"orphan")
    while not (found := [each for each in candidates(pusher.served, **OLD) if each["name"] == orphan.name]):
        pass
    assert [(each["kind"], each["bytes"]) for each in found] == [("orphan", 6)]
    shown = called("gc", "--data", str(pusher.served.data), **OLD).stdout
    assert re.search(rf"eu-west-1  orphan  .* {orphan.name}  \(an orphaned file: neither a row nor a note names", shown)
    assert "1 orphaned file" in shown.splitlines()[-1]
    orphan.unlink()


def test_garbage_goes_beside_a_running_server_and_the_rest_stays(pusher: Pusher) -> None:
    kept, gone = unique(b"kept", pusher), unique(b"gone", pusher)
    pusher.push(kept)
    pusher.upload(gone)
    upload = pusher.ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    # With a byte, it is an upload that expires; an id without one is good for a day.
    part = {"repositoryName": NAME, "uploadId": upload, "partFirstByte": 0, "partLastByte": 0}
    pusher.ecr.upload_layer_part(**part, layerPartBlob=b"x")
    path = pusher.file_of(gone)
    while path.exists():
        assert asked(pusher.served, "gc", "--delete", **SOON)["deleted"] is True
    assert not pusher.has(digest_of(gone))
    assert pusher.pull(digest_of(kept)) == (200, kept)
    with pytest.raises(ClientError, match="UploadNotFound"):
        pusher.ecr.upload_layer_part(**part | {"partFirstByte": 1, "partLastByte": 1}, layerPartBlob=b"x")


def test_damage_is_reported_never_served_and_healed_by_pushing_again(pusher: Pusher) -> None:
    layer = unique(LAYER, pusher)
    pusher.push(unique(CONFIG, pusher), layer)
    mine = ("--account", pusher.account, "--repository", NAME)
    assert asked(pusher.served, "verify", *mine)["damaged"] == []
    pusher.file_of(layer).write_bytes(layer.upper())

    found = called("verify", "--data", str(pusher.served.data), *mine)
    assert found.code == 5
    assert f"blob {digest_of(layer)}  wrong digest  {pusher.account}/{NAME}" in found.stdout
    assert "1 damaged, served to no client" in found.stdout
    status, said = pusher.pull(digest_of(layer))
    assert (status, "cannot be read" in said.decode()) == (503, True)
    with pytest.raises(ClientError, match="LayerInaccessible"):
        pusher.ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=digest_of(layer))

    assert not pusher.has(digest_of(layer))
    pusher.upload(layer)
    assert pusher.pull(digest_of(layer)) == (200, layer)
    report = asked(pusher.served, "verify", *mine)
    assert (report["blobs"], report["manifests"], report["damaged"]) == (2, 1, [])


def test_a_layer_whose_file_went_is_healed_by_a_push_before_verification_finds_the_damage(pusher: Pusher) -> None:
    layer = unique(LAYER, pusher)
    pusher.push(layer)
    pusher.file_of(layer).unlink()
    assert pusher.ask("HEAD", f"blobs/{digest_of(layer)}")[0] == 404
    pusher.upload(layer)
    assert pusher.pull(digest_of(layer)) == (200, layer)
    log = (pusher.served.data.parent / f"{pusher.served.data.name}.log").read_text().splitlines()
    said = [json.loads(line) for line in log if digest_of(layer) in line]
    assert [(each["event"], each["level"]) for each in said] == [("blob.damaged", "error"), ("blob.healed", "info")]


def test_a_damaged_manifest_is_reported_never_served_and_healed_by_pushing_again(pusher: Pusher) -> None:
    config = unique(CONFIG, pusher)
    digest, manifest = pusher.push(config), image_of(config)
    mine = ("--account", pusher.account, "--repository", NAME)
    assert pusher.manifest(digest) == (200, manifest)
    pusher.spoil(digest, manifest.upper())

    found = called("verify", "--data", str(pusher.served.data), *mine)
    assert found.code == 5
    assert f"manifest {digest}  wrong digest  {pusher.account}/{NAME}" in found.stdout
    [bad] = asked(pusher.served, "verify", *mine)["damaged"]
    assert (bad["kind"], bad["digest"], bad["bytes"], bad["key"]) == ("manifest", digest, len(manifest), None)
    assert bad["repositories"] == [f"{pusher.account}/{NAME}"]

    for reference in (digest, "1"):
        status, said = pusher.manifest(reference)
        assert (status, "its manifest is damaged" in said.decode()) == (503, True)
        assert pusher.manifest(reference, "HEAD") == (404, b""), "who asks before a push will push it"
    gotten = pusher.ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])
    assert (gotten["images"], gotten["failures"][0]["failureCode"]) == ([], "ImageInaccessible")

    pusher.ecr.put_image(repositoryName=NAME, imageManifest=manifest.decode(), imageTag="1")
    assert pusher.manifest("1") == (200, manifest)
    assert asked(pusher.served, "verify", *mine)["damaged"] == []


def test_what_is_only_misspelled_is_not_called_whole(pusher: Pusher) -> None:
    for options in (("--region", "eu-west-9"), ("--repository", "no/such")):
        done = called("verify", "--data", str(pusher.served.data), *options)
        assert done.code == 3
        assert options[1] in done.stderr


def test_a_folder_that_no_server_began_is_not_made(tmp_path: Path) -> None:
    for command in ("gc", "verify"):
        assert called(command, "--data", str(tmp_path / "typo")).code == 4
    assert not (tmp_path / "typo").exists()
    assert called("verify", "--data", str(tmp_path), "--rate", "fast").code == 2


def test_who_names_another_database_than_the_server_is_refused(pusher: Pusher, postgres_address: str) -> None:
    pusher.push(unique(CONFIG, pusher))
    for command in (("gc", "--delete"), ("verify",)):
        done = called(*command, "--data", str(pusher.served.data), TWINPORT_DATABASE=postgres_address)
        assert done.code == 3
        assert "belongs to another catalog" in done.stderr


def test_the_bytes_of_accounts_are_told_with_those_of_their_repositories(pusher: Pusher) -> None:
    layer, shared = unique(LAYER, pusher), b"held by two repositories"
    pusher.push(unique(CONFIG, pusher), layer, shared)
    pusher.ecr.create_repository(repositoryName="team/web")
    digest, here = digest_of(shared), {"repositoryName": "team/web"}
    upload = pusher.ecr.initiate_layer_upload(**here)["uploadId"]
    last = len(shared) - 1
    pusher.ecr.upload_layer_part(**here, uploadId=upload, partFirstByte=0, partLastByte=last, layerPartBlob=shared)
    pusher.ecr.complete_layer_upload(**here, uploadId=upload, layerDigests=[digest])

    data = ("--data", str(pusher.served.data))
    [registry] = json.loads(called("account", "usage", pusher.account, "--json", *data, **OPEN).stdout)["registries"]
    own = len(unique(CONFIG, pusher)) + len(layer)
    assert (registry["account"], registry["region"]) == (pusher.account, "eu-west-1")
    assert (registry["bytes"], registry["own_bytes"]) == (own + len(shared), own + len(shared))
    figures = {each["name"]: (each["own_bytes"], each["shared_bytes"]) for each in registry["repositories"]}
    assert figures == {NAME: (own, len(shared)), "team/web": (0, len(shared))}

    lines = called("account", "usage", pusher.account, *data, **OPEN).stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["eu-west-1", NAME, "team/web"]
    assert f"{pusher.account}  eu-west-1" in called("account", "usage", *data).stdout
    missing = called("account", "usage", "nowhere", *data)
    assert (missing.code, missing.stdout) == (3, "")


def test_every_command_and_setting_of_the_page_works(pusher: Pusher, tmp_path: Path) -> None:
    pusher.push(unique(CONFIG, pusher))
    text = PAGE.read_text()
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    commands = [words for line in lines if (words := shlex.split(line, comments=True))]
    assert {program for program, *_ in commands} == {"twinport"}
    ended = [called(*words, TWINPORT_DATA=str(pusher.served.data)) for _, *words in commands]
    assert {(each.code, each.stderr) for each in ended} == {(0, "")}
    said = "".join(each.stdout for each in ended)
    assert "would free" in said
    assert "all whole" in said
    (tmp_path / "t.toml").write_text(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0])
    assert load(tmp_path / "t.toml", {}, {}).retention.verify_rate == 32 << 20
    assert set(tomllib.loads((tmp_path / "t.toml").read_text())) < set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
