"""Where the bytes of a layer lie, for tests that damage or look at them."""

from pathlib import Path

from twinport.blobs.store import StoredFile
from twinport.registry.layers import ServedLayer


def path_of(layer: ServedLayer) -> Path:
    assert isinstance(layer.serving, StoredFile)
    return layer.serving.path
