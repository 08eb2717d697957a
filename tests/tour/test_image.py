"""Images built in memory: the same every time, and what they claim to be."""

import gzip
import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

import pytest

from twinport.tour.greeter import MACHINES, Machine, greeter, greeting_image
from twinport.tour.image import File, Link, build

FILES: dict[str, File | Link] = {"bin/a": File(b"content", 0o755), "bin/b": Link("a")}


def test_the_same_files_make_the_same_digests() -> None:
    assert build([FILES], ["/bin/a"], "amd64") == build([dict(reversed(FILES.items()))], ["/bin/a"], "amd64")


def test_a_manifest_names_every_blob_by_digest_and_size() -> None:
    image = build([FILES, {}], ["/bin/a"], "amd64")
    manifest = json.loads(image.manifest.content)
    named = [(part["digest"], part["size"]) for part in (*manifest["layers"], manifest["config"])]
    assert named == [(f"sha256:{hashlib.sha256(blob.content).hexdigest()}", len(blob.content)) for blob in image.blobs]


def test_a_config_names_each_layer_by_what_is_in_its_compression() -> None:
    image = build([FILES], ["/bin/a"], "amd64")
    unpacked = gzip.decompress(image.layers[0].content)
    diff_ids = json.loads(image.config.content)["rootfs"]["diff_ids"]
    assert diff_ids == [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]


def test_a_layer_holds_files_with_their_permissions_and_links() -> None:
    layer = build([FILES], ["/bin/a"], "amd64").layers[0].content
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        file, link = archive.getmembers()
    assert (file.name, file.mode, link.name, link.linkname) == ("bin/a", 0o755, "bin/b", "a")


@pytest.mark.parametrize("machine", MACHINES.values())
def test_a_greeter_is_a_program_for_its_machine(machine: Machine) -> None:
    program = greeter(machine, "hello")
    assert program.startswith(b"\x7fELF")
    assert int.from_bytes(program[18:20], "little") == machine.elf


@pytest.mark.skipif(platform.machine() not in MACHINES, reason="no greeter is written for this processor")
def test_the_greeter_greets(tmp_path: Path) -> None:
    path = tmp_path / "hello"
    path.write_bytes(greeter(MACHINES[platform.machine()], "hello from here"))
    path.chmod(0o755)
    assert subprocess.run([path], capture_output=True, check=True).stdout == b"hello from here\n"


def test_every_tour_pushes_an_image_of_its_own() -> None:
    assert greeting_image("1") == greeting_image("1")
    assert greeting_image("1").manifest.digest != greeting_image("2").manifest.digest
