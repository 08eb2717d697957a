"""Decide in which order the manifests of one image travel: children before parents (law 2)."""

from collections.abc import Mapping, Sequence

from twinport.model.content import Digest


def children_first(root: Digest, children: Mapping[Digest, Sequence[Digest]]) -> tuple[Digest, ...]:
    """Return `root` and all that it reaches, each once, every child before each of its parents.

    It does not recurse, since a client may nest indexes as deep as it likes.
    """
    order: dict[Digest, None] = {}
    path = [(root, False)]
    while path:
        digest, is_ready = path.pop()
        if is_ready:
            order[digest] = None
        elif digest not in order:
            path.append((digest, True))
            path.extend((child, False) for child in reversed(children.get(digest, ())) if child not in order)
    return tuple(order)
