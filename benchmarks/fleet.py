"""Which contenders there are, and those that run: each is started when the first work needs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from benchmarks.peers import bare, counted, distribution, moto, nginx, object_store, olareg, postgresql, twinport, zot
from benchmarks.peers.processes import memory_mb
from benchmarks.peers.running import Command, NotHere, Server, launch
from benchmarks.peers.twinport import Twinport
from tests.journeys.radosgw import Radosgw
from tests.postgres import PostgresServer

OURS, OURS_TWICE, OURS_POSTGRESQL = "twinport", "twinport, 2 workers", "twinport, PostgreSQL"
OURS_OBJECTS, DISTRIBUTION_OBJECTS = "twinport, objects", "distribution 3, objects"
DEBIANS, DISTRIBUTION = "distribution 2.8", "distribution 3"
ZOT, OLAREG, NGINX, MOTO = "zot", "olareg", "nginx", "moto"
CEILING, GRANIAN = "the generator itself", "granian alone"
CONTENDERS = (
    OURS,
    OURS_TWICE,
    OURS_POSTGRESQL,
    OURS_OBJECTS,
    DEBIANS,
    DISTRIBUTION,
    DISTRIBUTION_OBJECTS,
    ZOT,
    OLAREG,
    NGINX,
    MOTO,
    CEILING,
    GRANIAN,
)
REGISTRIES = (OURS, OURS_TWICE, DEBIANS, DISTRIBUTION, ZOT, OLAREG)
_SECOND = ", second"


def second(name: str) -> str:
    """Return the name of another server of a contender, to which images are copied."""
    return name + _SECOND


@dataclass
class Fleet:
    """The contenders of one run, in folders of one disk."""

    folder: Path
    generator: Path
    may_build: bool
    running: dict[str, Server] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    _database: PostgresServer | None = None
    _store: Radosgw | None = None

    def server(self, name: str) -> Server:
        """Return a contender that runs; raise NotHere if this machine cannot have it."""
        if name in self.missing:
            raise NotHere(self.missing[name])
        if name not in self.running:
            try:
                self.running[name] = self._start(name)
            except NotHere as reason:
                self.missing[name] = str(reason)
                raise
        return self.running[name]

    def command(self, name: str, folder: Path) -> Command:
        """Return how a contender is started on a folder."""
        making: Mapping[str, Callable[[str, Path], Command]] = {
            OURS: twinport.command,
            OURS_TWICE: partial(twinport.command, workers=2),
            OURS_POSTGRESQL: self._on_postgresql,
            OURS_OBJECTS: self._on_objects,
            DEBIANS: distribution.debians,
            DISTRIBUTION: partial(distribution.third, may_build=self.may_build),
            DISTRIBUTION_OBJECTS: self._distribution_on_objects,
            ZOT: zot.command,
            OLAREG: olareg.command,
            NGINX: nginx.command,
            MOTO: moto.command,
            CEILING: partial(bare.generator, program=self.generator),
            GRANIAN: bare.granian,
        }
        return making[name.removesuffix(_SECOND)](name, folder)

    def place(self, name: str) -> Path:
        """Return the folder of a contender."""
        return self.folder / "".join(each if each.isalnum() else "-" for each in name)

    def count(self, name: str) -> Path:
        """End a server of ours, start it on the same folder so that it counts its statements, and return their file."""
        before = self.server(name)
        before.stop()
        file = before.command.folder / "counts"
        counted.blank(file)
        how = twinport.command(name, before.command.folder, program=counted.__name__)
        counting = replace(how, variables={**(before.command.variables or {}), counted.VARIABLE: str(file)})
        self.running[name] = replace(twinport.launch(counting), user=before.user, key=before.key)
        return file

    def memory(self) -> Mapping[str, float]:
        """Return the memory of each contender that runs."""
        return {name: memory_mb(server.process.pid) for name, server in self.running.items()}

    def close(self) -> None:
        """End everything that was started."""
        for server in self.running.values():
            server.stop()
        if self._database is not None:
            self._database.stop()
        if self._store is not None:
            self._store.stop()

    def _start(self, name: str) -> Server:
        how = self.command(name, self.place(name))
        if name.startswith(OURS):
            return self._with_client(twinport.launch(how))
        return moto.launch(how) if name == MOTO else launch(how)

    def _with_client(self, server: Twinport) -> Twinport:
        try:
            return server.with_client()
        except BaseException:
            # No other code knows of it yet, so none would end it.
            server.stop()
            raise

    def _on_postgresql(self, name: str, folder: Path) -> Command:
        if self._database is None:
            self._database = postgresql.start(self.folder / "postgresql")
        return twinport.command(name, folder, database=self._database.new_address())

    def _on_objects(self, name: str, folder: Path) -> Command:
        how = twinport.command(name, folder)
        return replace(how, variables=self._object_store().settings())

    def _distribution_on_objects(self, name: str, folder: Path) -> Command:
        return distribution.third(
            name, folder, may_build=self.may_build, bucket=object_store.bucket(self._object_store())
        )

    def _object_store(self) -> Radosgw:
        if self._store is None:
            self._store = object_store.start(self.folder / "object-store")
        return self._store
