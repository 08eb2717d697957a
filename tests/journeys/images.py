"""Images in the forms in which the real clients take them: a runnable busybox, and layouts of small ones."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.journeys.commands import find
from twinport.tour.image import Blob, File, Image, Link, build

INDEX = "application/vnd.oci.image.index.v1+json"
APPLETS = ("cat", "echo", "env", "ls", "sh", "sleep")


def small(architecture: str = "amd64", *, layer_bytes: int = 100) -> Image:
    """An image of two layers whose bytes depend on the architecture and do not compress."""
    words = hashlib.shake_256(architecture.encode()).digest(layer_bytes)
    layers = [{"words": File(words, 0o644)}, {"architecture": File(architecture.encode(), 0o644)}]
    return build(layers, ["/words"], architecture)


def runnable(architecture: str = "amd64") -> Image:
    """An image of busybox, said to be for an architecture; it runs where this machine's is asked for."""
    return build([_busybox_files(), {"architecture": File(architecture.encode(), 0o644)}], ["/bin/sh"], architecture)


def write_layout(folder: Path, *images: Image, tag: str) -> None:
    """Write an OCI image layout whose tag is the image, or an index of the images if they are several."""
    for blob in (blob for image in images for blob in (*image.blobs, image.manifest)):
        _write_blob(folder, blob)
    top = images[0].manifest if len(images) == 1 else index(*images)
    _write_blob(folder, top)
    named = {**top.descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))


def index(*images: Image) -> Blob:
    """An index of images for several kinds of processor."""
    children = [
        {**image.manifest.descriptor, "platform": {"os": "linux", "architecture": _architecture(image)}}
        for image in images
    ]
    return Blob(INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).encode())


def write_root_filesystem(path: Path) -> None:
    """Write busybox as the tar file that `docker import` takes."""
    with tarfile.open(path, "w") as archive:
        for name, entry in _busybox_files().items():
            member = tarfile.TarInfo(name)
            match entry:
                case File(content, mode):
                    member.size, member.mode = len(content), mode
                    archive.addfile(member, io.BytesIO(content))
                case Link(target):
                    member.type, member.linkname = tarfile.SYMTYPE, target
                    archive.addfile(member)


def _busybox_files() -> Mapping[str, File | Link]:
    return {
        "bin/busybox": File(Path(find("busybox")).read_bytes(), 0o755),
        **{f"bin/{applet}": Link("busybox") for applet in APPLETS},
    }


def _architecture(image: Image) -> str:
    architecture: str = json.loads(image.config.content)["architecture"]
    return architecture


def _write_blob(folder: Path, blob: Blob) -> None:
    path = folder / "blobs" / blob.digest.replace(":", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob.content)
