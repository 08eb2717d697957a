"""The image that the tour pushes: a greeter that really runs, and a layer large enough to watch its transfer."""

import hashlib
import platform

from twinport.tour.greeter import MACHINES, greeter
from twinport.tour.image import File, Image, build

BALLAST_BYTES = 1 << 20


def souvenir(tag: str) -> Image:
    """Build the image of the tour with this number. The same number gives the same digests on the same processor."""
    machine = MACHINES.get(platform.machine(), MACHINES["x86_64"])
    words = f"hello from tour {tag}: this image was carried by AWSServiceRoleForECRReplication"
    ballast = hashlib.shake_256(tag.encode()).digest(BALLAST_BYTES)
    layers = [{"hello": File(greeter(machine, words), 0o755)}, {"ballast": File(ballast, 0o644)}]
    return build(layers, ["/hello"], machine.oci)
