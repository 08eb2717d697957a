"""The object store that contenders share: Ceph's gateway, with a bucket for each."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.peers.running import NotHere
from tests.journeys.commands import DEBIAN_FOLDERS
from tests.journeys.radosgw import ACCESS_KEY, PROGRAMS, REGION, SECRET, Radosgw


def start(folder: Path) -> Radosgw:
    """Start the store in this folder."""
    lacking = [name for name in PROGRAMS if shutil.which(name, path=DEBIAN_FOLDERS) is None]
    if lacking:
        raise NotHere(
            f"no program named {lacking[0]} is here: Debian's packages radosgw, ceph-mon and ceph-osd have it"
        )
    folder.mkdir(exist_ok=True)
    store = Radosgw(folder)
    store.make()
    return store


def bucket(store: Radosgw) -> Mapping[str, object]:
    """Return an empty bucket as distribution's settings have it."""
    return {
        "accesskey": ACCESS_KEY,
        "secretkey": SECRET,
        "region": REGION,
        "regionendpoint": store.url,
        "forcepathstyle": True,
        "secure": False,
        "bucket": store.new_bucket(),
    }
