"""Small real OCI images, built in memory: the same files always make the same bytes."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

LONG_AGO = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class File:
    """A file of a layer, with its permissions."""

    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link of a layer."""

    target: str


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with the media type under which a manifest names them."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content)

    @property
    def descriptor(self) -> dict[str, str | int]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


@dataclass(frozen=True, slots=True)
class Image:
    """An image with everything that its manifest names."""

    config: Blob
    layers: tuple[Blob, ...]
    manifest: Blob

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The blobs that must be pushed before the manifest."""
        return (*self.layers, self.config)

    @property
    def size(self) -> int:
        return len(self.manifest.content) + sum(len(blob.content) for blob in self.blobs)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def build(layers: Sequence[Mapping[str, File | Link]], command: Sequence[str], architecture: str) -> Image:
    """Build an image of these layers that runs this command."""
    archives = [_archive(files) for files in layers]
    config = Blob(
        CONFIG,
        _json(
            {
                "architecture": architecture,
                "os": "linux",
                "created": LONG_AGO,
                "config": {"Cmd": list(command), "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [sha256(archive) for archive in archives]},
                "history": [{"created": LONG_AGO, "created_by": "twinport"} for _ in archives],
            }
        ),
    )
    packed = tuple(Blob(LAYER, gzip.compress(archive, mtime=0)) for archive in archives)
    return Image(config, packed, _manifest(config, packed))


def _manifest(config: Blob, layers: tuple[Blob, ...]) -> Blob:
    named = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor for layer in layers],
    }
    return Blob(MANIFEST, _json(named))


def _archive(files: Mapping[str, File | Link]) -> bytes:
    """Return a reproducible tar file: it holds no time, host or user of its creation."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, entry in sorted(files.items()):
            member = tarfile.TarInfo(path)
            match entry:
                case File(content, mode):
                    member.size, member.mode = len(content), mode
                    archive.addfile(member, io.BytesIO(content))
                case Link(target):
                    member.type, member.linkname = tarfile.SYMTYPE, target
                    archive.addfile(member)
    return buffer.getvalue()


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
