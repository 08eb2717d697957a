"""Which images of a repository a list shows, and in which order: what the console's list of images asks for."""

import re
from dataclasses import dataclass
from enum import Enum

from twinport.model.images import ImageStatus, TagStatus
from twinport.refusals.requests import InvalidParameter

_TAG_PREFIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST_PREFIX = re.compile(r"sha(256:[0-9a-f]{0,64}|512:[0-9a-f]{0,128})")
_HELP = (
    "must be a tag or the beginning of one (letters, digits, '_', '.', '-', not beginning with '.' or '-'), "
    "or the beginning of a digest from 'sha256:' on"
)


class ImageOrder(Enum):
    """The orders that an index has. By `TAG` an image is listed once for each tag; `ARCHIVED` has archived ones alone.

    `ARCHIVED` begins with the image that was archived last.
    """

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"
    TAG = "tag"
    TAG_BACKWARDS = "tag-backwards"
    DIGEST = "digest"
    ARCHIVED = "archived"

    @property
    def is_by_tag(self) -> bool:
        return self in (ImageOrder.TAG, ImageOrder.TAG_BACKWARDS)

    @property
    def is_descending(self) -> bool:
        return self in (ImageOrder.NEWEST, ImageOrder.LARGEST, ImageOrder.TAG_BACKWARDS, ImageOrder.ARCHIVED)


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """The images whose tag or digest begins with `prefix`, in a status if one is given, with tags, without, or any."""

    order: ImageOrder = ImageOrder.NEWEST
    prefix: str = ""
    status: ImageStatus | None = None
    tags: TagStatus = TagStatus.ANY

    @classmethod
    def parse(cls, order: ImageOrder | None, prefix: str, status: ImageStatus | None, tags: TagStatus) -> "ImageQuery":
        """Build a query that an index can answer. Raises InvalidParameter for what no tag or digest begins with.

        A search reads an index in its own order, so it changes an order that does not fit.
        """
        if not prefix:
            default = ImageOrder.ARCHIVED if status is ImageStatus.ARCHIVED else ImageOrder.NEWEST
            return cls(order or default, "", status, tags)
        if _DIGEST_PREFIX.fullmatch(prefix):
            return cls(ImageOrder.DIGEST, prefix, status, tags)
        if not _TAG_PREFIX.fullmatch(prefix):
            raise InvalidParameter("search", _HELP)
        return cls(
            ImageOrder.TAG_BACKWARDS if order is ImageOrder.TAG_BACKWARDS else ImageOrder.TAG, prefix, status, tags
        )

    @property
    def is_empty(self) -> bool:
        """Tell whether no image can be meant: none has its place by a tag and no tag."""
        return self.order.is_by_tag and self.tags is TagStatus.UNTAGGED

    @property
    def is_filtered(self) -> bool:
        """Tell whether an index's rows must be looked at one by one."""
        if self.is_empty:
            return False
        is_archived = self.order is ImageOrder.ARCHIVED
        is_any = self.status is None or (is_archived and self.status is ImageStatus.ARCHIVED)
        match self.tags:
            case TagStatus.ANY:
                return not is_any
            case TagStatus.TAGGED:
                return not (is_any and self.order.is_by_tag)
            case TagStatus.UNTAGGED:
                return not is_any or is_archived

    @property
    def words(self) -> tuple[str, ...]:
        """Return what a page's token is bound to."""
        return (self.order.value, self.prefix, self.status.value if self.status else "ANY", self.tags.value)
