"""The registry clients of other people, as one: each pushes an image and an index, and pulls what others pushed."""

import json
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self
from uuid import uuid4

from tests import go_programs
from tests.journeys.commands import Program, find, with_hosts
from tests.journeys.containerd import Containerd
from tests.journeys.engine import Engine
from tests.journeys.images import runnable, write_layout
from tests.journeys.podman import podman
from twinport.tour.image import sha256

CRANE = "github.com/google/go-containerregistry/cmd/crane@v0.22.1"
ORAS = "oras.land/oras/cmd/oras@v1.3.6"
REGCTL = "github.com/regclient/regclient/cmd/regctl@v0.11.7"
ARCHITECTURES = ("amd64", "arm64")
EVERYBODY = ("docker", "podman", "containerd", "skopeo", "crane", "oras", "regctl")
RUNNERS = ("docker", "podman", "containerd")


class RegistryClient(Protocol):
    """A client that has logged in."""

    def push_image(self, reference: str) -> None:
        """Push an image for this kind of processor."""
        ...

    def push_index(self, reference: str) -> None:
        """Push an index of images for two kinds of processor."""
        ...

    def pull(self, reference: str) -> Collection[str]:
        """Pull what was not here, and return the digests by which the client knows it then."""
        ...


class Runner(Protocol):
    """A client that runs images too."""

    def run(self, reference: str, *words: str) -> str:
        """Run what was pulled, and return what it printed."""
        ...


@dataclass(frozen=True, slots=True)
class Goods:
    """What is pushed: layouts, beside each a tar file of it, of one image for each architecture and of their index."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Self:
        goods = cls(folder)
        folder.mkdir(exist_ok=True)
        images = {architecture: runnable(architecture) for architecture in ARCHITECTURES}
        for name, content in {**{name: (image,) for name, image in images.items()}, "index": images.values()}.items():
            write_layout(goods.layout(name), *content, tag="1")
            with tarfile.open(goods.archive(name), "w") as archive:
                archive.add(goods.layout(name), arcname="")
        return goods

    def layout(self, name: str) -> Path:
        return self.folder / name

    def archive(self, name: str) -> Path:
        return self.folder / f"{name}.tar"

    def for_docker(self, name: str) -> Path:
        """Return an image in the form that `docker load` reads, named `local/NAME:1`."""
        archive = self.folder / f"{name}.docker.tar"
        if not archive.exists():
            skopeo = Program((find("skopeo"),), {})
            skopeo("copy", f"oci:{self.layout(name)}:1", f"docker-archive:{archive}:local/{name}:1")
        return archive


@dataclass(frozen=True, slots=True)
class Access:
    """Where to log in and with which password: in the clear, or over TLS that an authority of ours vouches for.

    `hosts` is a hosts file that knows the registry's name.
    """

    address: str
    password: str
    authority: Path | None = None
    hosts: Path | None = None

    @property
    def login(self) -> str:
        return f"AWS:{self.password}"

    @property
    def certificates(self) -> Path | None:
        """The folder that holds the authority alone, as podman and skopeo want it."""
        return None if self.authority is None else self.authority.parent

    def program(self, path: str, **settings: str) -> Program:
        """Return a program that can find the registry; those that are written in Go believe the authority, too."""
        trust = {} if self.authority is None else {"SSL_CERT_FILE": str(self.authority)}
        program = Program((path,), {**settings, **trust})
        return program if self.hosts is None else with_hosts(program, self.hosts)

    def flags(self, plain: str, flag: str = "", value: Path | None = None) -> tuple[str, ...]:
        """Return the flag for no TLS, or what a client is told of the authority if the environment is not enough."""
        if self.authority is None:
            return (plain,)
        return (flag, str(value or self.authority)) if flag else ()


@contextmanager
def everybody(
    access: Access, engine: Engine, new_folder: Callable[[str], Path]
) -> Iterator[Mapping[str, RegistryClient]]:
    """Log everybody in."""
    goods = Goods.made(new_folder("goods"))
    with Containerd(new_folder("containerd")) as containerd:
        yield {
            "docker": DockerClient(goods, access, engine),
            "podman": PodmanClient(goods, access, new_folder("podman")),
            "containerd": ContainerdClient(goods, access, containerd),
            "skopeo": SkopeoClient(goods, access, new_folder("skopeo")),
            "crane": CraneClient(goods, access, new_folder("crane")),
            "oras": OrasClient(goods, access, new_folder("oras")),
            "regctl": RegctlClient(goods, access, new_folder("regctl")),
        }


class DockerClient:
    """The engine, which knows no layouts: it is given what skopeo makes of them."""

    def __init__(self, goods: Goods, access: Access, engine: Engine) -> None:
        self._goods, self._engine, self._docker = goods, engine, engine.docker
        self._insecure = access.flags("--insecure")
        self._docker("login", "--username", "AWS", "--password-stdin", access.address, stdin=access.password)

    def push_image(self, reference: str) -> None:
        self._push("amd64", reference)

    def push_index(self, reference: str) -> None:
        parts = [f"{reference}-{architecture}" for architecture in ARCHITECTURES]
        for part, architecture in zip(parts, ARCHITECTURES, strict=True):
            self._push(architecture, part)
        self._docker("manifest", "create", *self._insecure, reference, *parts)
        self._docker("manifest", "push", *self._insecure, "--purge", reference)

    def pull(self, reference: str) -> Collection[str]:
        self._engine.forget_images()
        return {word for word in self._docker("pull", reference).split() if word.startswith("sha256:")}

    def run(self, reference: str, *words: str) -> str:
        return self._docker("run", "--rm", "--network", "none", reference, *words)

    def _push(self, name: str, reference: str) -> None:
        self._docker("load", "--input", str(self._goods.for_docker(name)))
        self._docker("tag", f"local/{name}:1", reference)
        self._docker("push", reference)


class PodmanClient:
    def __init__(self, goods: Goods, access: Access, folder: Path) -> None:
        self._goods, self._podman = goods, podman(folder, access.hosts)
        self._tls = access.flags("--tls-verify=false", "--cert-dir", access.certificates)
        self._podman("login", *self._tls, "--username", "AWS", "--password-stdin", access.address,
                     stdin=access.password)  # fmt: skip

    def push_image(self, reference: str) -> None:
        image = self._podman("pull", "--quiet", f"oci:{self._goods.layout('amd64')}:1").strip()
        self._podman("push", *self._tls, image, f"docker://{reference}")

    def push_index(self, reference: str) -> None:
        self._podman("manifest", "create", "index")
        self._podman("manifest", "add", "--all", "index", f"oci:{self._goods.layout('index')}:1")
        self._podman("manifest", "push", "--all", *self._tls, "index", f"docker://{reference}")

    def pull(self, reference: str) -> Collection[str]:
        self._podman("image", "rm", "--all", "--force")
        self._podman("pull", "--quiet", *self._tls, reference)
        known = self._podman("image", "inspect", "--format", "{{json .RepoDigests}}", reference)
        return {name.rpartition("@")[2] for name in json.loads(known)}

    def run(self, reference: str, *words: str) -> str:
        # Podman's usual limits are above those that a machine may allow.
        limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
        return self._podman("run", "--rm", "--pull=never", "--network=none", *limits, reference, *words)


class ContainerdClient:
    def __init__(self, goods: Goods, access: Access, containerd: Containerd) -> None:
        self._goods, self._ctr = goods, containerd.ctr
        if access.hosts is not None:
            self._ctr = with_hosts(self._ctr, access.hosts)
        self._remote = (*access.flags("--plain-http", "--tlscacert"), "--user", access.login)

    def push_image(self, reference: str) -> None:
        self._push("amd64", reference)

    def push_index(self, reference: str) -> None:
        self._push("index", reference)

    def pull(self, reference: str) -> Collection[str]:
        self._ctr("images", "rm", "--sync", *self._ctr("images", "ls", "--quiet").split())
        self._ctr("images", "pull", *self._remote, reference)
        return {word for word in self._ctr("images", "ls", f"name=={reference}").split() if word.startswith("sha256:")}

    def run(self, reference: str, *words: str) -> str:
        # runc keeps the names of the containers of every containerd in one place.
        return self._ctr("run", "--rm", reference, f"journey-{uuid4().hex}", *words)

    def _push(self, name: str, reference: str) -> None:
        self._ctr("images", "import", "--all-platforms", "--base-name", f"local/{name}",
                  str(self._goods.archive(name)))  # fmt: skip
        self._ctr("images", "tag", "--force", f"local/{name}:1", reference)
        self._ctr("images", "push", *self._remote, reference)


class SkopeoClient:
    def __init__(self, goods: Goods, access: Access, folder: Path) -> None:
        self._goods, self._folder, self._login = goods, folder, access.login
        self._skopeo = access.program(find("skopeo"))
        self._to, self._from, self._at = (
            access.flags(f"--{side}tls-verify=false", f"--{side}cert-dir", access.certificates)
            for side in ("dest-", "src-", "")
        )

    def push_image(self, reference: str) -> None:
        self._push("amd64", reference)

    def push_index(self, reference: str) -> None:
        self._push("index", reference)

    def pull(self, reference: str) -> Collection[str]:
        target = emptied(self._folder / "pulled")
        words = ("--all", *self._from, "--src-creds", self._login)
        self._skopeo("copy", *words, f"docker://{reference}", f"dir:{target}")
        # The copy may be of another type: skopeo makes one kind of index of images of both kinds.
        raw = self._skopeo("inspect", "--raw", *self._at, "--creds", self._login, f"docker://{reference}")
        return {sha256(raw.encode())}

    def _push(self, name: str, reference: str) -> None:
        words = ("--all", *self._to, "--dest-creds", self._login)
        self._skopeo("copy", *words, f"oci:{self._goods.layout(name)}:1", f"docker://{reference}")


class CraneClient:
    def __init__(self, goods: Goods, access: Access, folder: Path) -> None:
        self._goods, self._folder = goods, folder
        self._crane = access.program(str(go_programs.built(CRANE)), DOCKER_CONFIG=str(folder))
        self._crane("auth", "login", access.address, "--username", "AWS", "--password-stdin", stdin=access.password)

    def push_image(self, reference: str) -> None:
        self._crane("push", str(self._goods.layout("amd64")), reference)

    def push_index(self, reference: str) -> None:
        parts = [f"{reference}-{architecture}" for architecture in ARCHITECTURES]
        for part, architecture in zip(parts, ARCHITECTURES, strict=True):
            self._crane("push", str(self._goods.layout(architecture)), part)
        self._crane("index", "append", *(f"--manifest={part}" for part in parts), "--tag", reference)

    def pull(self, reference: str) -> Collection[str]:
        target = emptied(self._folder / "pulled")
        self._crane("pull", "--format=oci", reference, str(target))
        self._crane("validate", "--remote", reference)
        return named_in(target)


class OrasClient:
    def __init__(self, goods: Goods, access: Access, folder: Path) -> None:
        self._goods, self._folder = goods, folder
        self._oras = access.program(str(go_programs.built(ORAS)), DOCKER_CONFIG=str(folder))
        self._at, self._from, self._to = (access.flags(f"--{side}plain-http") for side in ("", "from-", "to-"))
        words = (*self._at, "--username", "AWS", "--password-stdin", access.address)
        self._oras("login", *words, stdin=access.password)

    def push_image(self, reference: str) -> None:
        self._push("amd64", reference)

    def push_index(self, reference: str) -> None:
        self._push("index", reference)

    def pull(self, reference: str) -> Collection[str]:
        target = emptied(self._folder / "pulled")
        self._oras("cp", *self._from, reference, "--to-oci-layout", f"{target}:1")
        return named_in(target)

    def attach(self, reference: str, kind: str, file: Path) -> None:
        words = (*self._at, "--disable-path-validation", "--artifact-type", kind)
        self._oras("attach", *words, reference, f"{file}:{kind}")

    def attached_to(self, reference: str) -> list[str]:
        """Return the artifact types of what refers to an image."""
        said = json.loads(self._oras("discover", *self._at, "--format", "json", reference))
        return [each["artifactType"] for each in said["referrers"]]

    def copy_with_referrers(self, reference: str, target: str) -> None:
        self._oras("cp", "--recursive", *self._from, *self._to, reference, target)

    def _push(self, name: str, reference: str) -> None:
        self._oras("cp", "--from-oci-layout", f"{self._goods.layout(name)}:1", *self._to, reference)


class RegctlClient:
    def __init__(self, goods: Goods, access: Access, folder: Path) -> None:
        self._goods, self._folder = goods, folder
        settings = {"REGCTL_CONFIG": str(folder / "regctl.json"), "DOCKER_CONFIG": str(folder)}
        self._regctl = access.program(str(go_programs.built(REGCTL)), **settings)
        if access.authority is None:
            self._regctl("registry", "set", "--skip-check", "--tls", "disabled", access.address)
        self._regctl("registry", "login", "--user", "AWS", "--pass-stdin", access.address, stdin=access.password)

    def push_image(self, reference: str) -> None:
        self._push("amd64", reference)

    def push_index(self, reference: str) -> None:
        self._push("index", reference)

    def pull(self, reference: str) -> Collection[str]:
        target = emptied(self._folder / "pulled")
        self._regctl("image", "copy", reference, f"ocidir://{target}:1")
        return named_in(target)

    def attach(self, reference: str, kind: str, file: Path) -> None:
        words = ("--subject", reference, "--artifact-type", kind, "--file", str(file), "--file-media-type", kind)
        self._regctl("artifact", "put", *words)

    def attached_to(self, reference: str) -> list[str]:
        """Return the artifact types of what refers to an image."""
        said = json.loads(self._regctl("artifact", "list", "--format", "{{json .}}", reference))
        return [each["artifactType"] for each in said["descriptors"]]

    def copy_with_referrers(self, reference: str, target: str) -> None:
        self._regctl("image", "copy", "--referrers", reference, target)

    def _push(self, name: str, reference: str) -> None:
        self._regctl("image", "copy", f"ocidir://{self._goods.layout(name)}:1", reference)


def emptied(folder: Path) -> Path:
    """Return a folder that is not there, so that everything must be fetched again."""
    number = sum(1 for _ in folder.parent.glob(f"{folder.name}*"))
    return folder.with_name(f"{folder.name}{number}")


def named_in(layout: Path) -> set[str]:
    """Return the digests that a layout's index names."""
    return {each["digest"] for each in json.loads((layout / "index.json").read_text())["manifests"]}
