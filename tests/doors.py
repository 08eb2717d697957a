"""The doors of the product as its composition builds them, for what must hold of every route of a door."""

from pathlib import Path
from tempfile import TemporaryDirectory

from twinport.composition import app
from twinport.composition.late import LateDoor
from twinport.http.messages import Door
from twinport.settings import loading


def built() -> tuple[tuple[str, Door], ...]:
    """Return each prefix with its door. They stand on a database that is gone, so they answer no request."""
    with TemporaryDirectory() as folder:
        whole = app.build(loading.load(None, {}, {"data": str(Path(folder) / "data"), "listen": "127.0.0.1:4566"}))
        whole.close()
    return tuple((prefix, _whole(door)) for prefix, door in whole.application.doors)


def _whole(door: Door) -> Door:
    return door.built() if isinstance(door, LateDoor) else door
