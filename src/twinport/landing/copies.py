"""A copy from another registry in one transaction. Which tag wins is decided here, by positions.

The destination remembers per (source registry, repository, tag) the last position that it decided about, and keeps it
after the tag is gone. An older position never touches the tag, and the same position only places the tag where it is
absent. The destination also remembers each delivery's outcome by its id, so a delivery that is repeated after a lost
answer changes nothing twice. A copy causes no further delivery (one hop). The rules that hold for pushes as well are in
`rules`; the laws in docs/write-order.md.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from twinport.catalog.ports import Connection
from twinport.catalog.regional import arrivals, blobs, creation_templates, images, registries, repositories
from twinport.catalog.regional.arrivals import TagHistory
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.repositories import Against
from twinport.landing import rules
from twinport.landing.terms import FixedTag, Home, Onward, Parts, Terms
from twinport.model.content import Digest, Key
from twinport.model.creation_templates import AppliedFor, StoredTemplate
from twinport.model.images import NewRepository, Position, Repository
from twinport.model.names import Registry, RepositoryName, TagName
from twinport.model.replication import TagOutcome
from twinport.refusals.images import ReferencedImagesMissing, RepositoryExists, RepositoryNotFound, TemplateChanged
from twinport.refusals.storage import HistoryBegunAnew

COPY = Terms(Parts.REQUIRED, most_images=None, fixed_tag=FixedTag.STAYS, onward=Onward.NOWHERE)


@dataclass(frozen=True, slots=True)
class Copy:
    """One delivery as it is committed. `manifests` are those that were missing, children before parents.

    `template` is the creation template of the destination by which the gate decided about an absent repository.
    `epoch` is the epoch of the destination's history before the gate decided, if there was one. `instead_of` maps a
    digest to a key whose bytes are damaged or incomplete; the offer holds other bytes of this digest.
    """

    delivery: str
    offer: str
    source: Registry
    destination: Registry
    repository: RepositoryName
    digest: Digest
    tag: str | None
    position: Position
    manifests: tuple[NewImage, ...]
    carried_by: str
    may_create_repository: bool
    template: StoredTemplate | None = None
    epoch: int | None = None
    instead_of: Mapping[Digest, Key] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Word the provenance that is kept with each manifest that this copy stores."""
        facts = {
            "delivery": self.delivery,
            "registry": [self.source.account, self.source.region],
            "position": [self.position.epoch, self.position.sequence],
            "carried_by": self.carried_by,
        }
        return json.dumps(facts, separators=(",", ":"))


def land(db: Connection, copy: Copy, now: datetime) -> TagOutcome:
    """Make an image visible: blobs, manifests children first, the tag last, and the outcome.

    An image that lies in the archive here is restored. A delivery that has landed before gets the same answer again and
    changes nothing. Raises RepositoryNotFound if the repository is absent and may not be created; TemplateChanged;
    LayersMissing or ReferencedImagesMissing if something that was present at the offer has gone since;
    TagLimitReached; HistoryBegunAnew after a reset.
    """
    # Lock order: registry, repository, image, tag. Another process that lands the same delivery waits here.
    account = copy.destination.account
    settings = registries.hold(db, account)
    decided = arrivals.outcome(db, account, copy.delivery)
    if decided is not None:
        return decided
    here = registries.next_position(db, account)
    if copy.epoch not in (None, here.epoch):
        raise HistoryBegunAnew(copy.destination.region)
    home = Home(_repository(db, copy, now), settings, now)
    _store(db, home, copy)
    decided = TagOutcome.NONE if copy.tag is None else _place_tag(db, home, copy, TagName(copy.tag), here)
    arrivals.record(db, account, copy.delivery, decided, now)
    return decided


def _store(db: Connection, home: Home, copy: Copy) -> None:
    """Store the manifests that came, and take the image out of the archive."""
    new = [manifest.digest for manifest in copy.manifests if _store_one(db, home, copy, manifest)]
    if copy.digest in new:
        return
    if not images.holds(db, home.repository.id, copy.digest):
        raise ReferencedImagesMissing([str(copy.digest)], copy.repository, copy.destination.account)
    rules.restore(db, home, copy.digest)


def _store_one(db: Connection, home: Home, copy: Copy, manifest: NewImage) -> bool:
    _link_blobs(db, home, copy, manifest)
    return rules.store(db, home, COPY, replace(manifest, origin=copy.origin))


def _repository(db: Connection, copy: Copy, now: datetime) -> Repository:
    """Lock the repository, or create it."""
    repository = copy.destination.repository(copy.repository)
    found = repositories.find_locked(db, repository, Against.CHANGES)
    if found is not None:
        return found
    if not copy.may_create_repository:
        raise RepositoryNotFound(copy.repository, copy.destination.account)
    template = creation_templates.matching(db, repository, AppliedFor.REPLICATION)
    if template != copy.template:
        raise TemplateChanged(copy.repository, copy.destination.account)
    new = NewRepository() if template is None else template.new_repository
    try:
        made = repositories.insert(db, repository, new, now)
    except RepositoryExists:  # another transaction was faster
        return repositories.lock(db, repository, Against.CHANGES)
    if template is not None:
        creation_templates.put_lifecycle(db, made, template.template, now)
    return made


def _link_blobs(db: Connection, home: Home, copy: Copy, arrived: NewImage) -> None:
    """Link the blobs of a manifest that came with the offer, or that another repository of this registry holds.

    Any other blob stays absent; `rules.store` decides whether the image needs it.
    """
    manifest = arrived.manifest
    named = ((manifest.config,) if manifest.config else ()) + manifest.layers
    for digest in dict.fromkeys(part.digest for part in named):
        held = arrivals.take_held(db, copy.offer, digest)
        if held is not None:
            blobs.record(db, replace(held, instead_of=copy.instead_of.get(digest)), home.now)
        elif blobs.keep(db, digest) is None or not blobs.held_by_registry(db, copy.destination.account, digest):
            continue
        blobs.link(db, home.repository.id, digest, home.now)


def _place_tag(db: Connection, home: Home, copy: Copy, tag: TagName, here: Position) -> TagOutcome:
    """Move the tag, unless a newer position of the same source was decided about, or the repository forbids it.

    Another delivery at the same position restores a tag that was deleted here, but moves no existing tag: such a tag
    was placed after that position had been decided about.
    """
    history = TagHistory(copy.destination.account, copy.source, copy.repository, tag)
    last = arrivals.last_position(db, history)
    if last is not None and last > copy.position:
        return TagOutcome.SUPERSEDED
    arrivals.decide(db, history, copy.position)
    current = images.tagged(db, home.repository.id, tag)
    if rules.stays(home, COPY, tag, current, copy.digest):
        return TagOutcome.KEPT
    if current not in (None, copy.digest) and last == copy.position:
        return TagOutcome.SUPERSEDED
    if current != copy.digest:
        rules.name(db, home, COPY, copy.digest, {tag: here})
    return TagOutcome.MOVED
