"""Copies from another registry in one transaction. Which tag wins is decided here, by positions.

The destination remembers per (source registry, repository, tag) the last position that it decided about, and keeps it
after the tag is gone. An older position never touches the tag, and the same position only places the tag where it is
absent. The destination also remembers each delivery's outcome by its id, so a delivery that is repeated after a lost
answer changes nothing twice. A copy causes no further delivery (one hop). The rules that hold for pushes as well are in
`rules`; the laws in docs/write-order.md.
"""

import json
from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from twinport.catalog.ports import Connection
from twinport.catalog.regional import arrivals, blobs, creation_templates, registries, repositories, standing
from twinport.catalog.regional.arrivals import TagHistory
from twinport.catalog.regional.images import NewImage
from twinport.catalog.regional.registries import RegistrySettings
from twinport.catalog.regional.repositories import Against
from twinport.catalog.regional.standing import Standing
from twinport.landing import rules
from twinport.landing.terms import FixedTag, Home, Onward, Parts, Terms
from twinport.model.content import Digest, Key
from twinport.model.creation_templates import AppliedFor, StoredTemplate
from twinport.model.images import NewRepository, Position, Repository
from twinport.model.names import Registry, RepositoryName, TagName
from twinport.model.replication import TagOutcome
from twinport.refusals.images import ReferencedImagesMissing, RepositoryExists, RepositoryNotFound, TemplateChanged
from twinport.refusals.storage import HistoryBegunAnew

_Positions = MutableMapping[TagHistory, Position]
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

    @property
    def history(self) -> TagHistory | None:
        """The tag that this copy is about, None if it is about the image alone."""
        if self.tag is None:
            return None
        return TagHistory(self.destination.account, self.source, self.repository, self.tag)

    @property
    def root(self) -> NewImage | None:
        """The image's own manifest if it came: it is the last then, after those that it refers to."""
        return self.manifests[-1] if self.manifests and self.manifests[-1].digest == self.digest else None

    @property
    def parts(self) -> Sequence[NewImage]:
        """The other manifests that came."""
        return self.manifests if self.root is None else self.manifests[:-1]


def land(db: Connection, copies: Sequence[Copy], now: datetime) -> dict[str, TagOutcome]:
    """Make images of one offer visible, all or none: blobs, manifests children first, the tag last, and the outcome.

    They take effect in their order. An image that lies in the archive here is restored. A delivery that has landed
    before gets the same answer again and changes nothing. Raises RepositoryNotFound if a repository is absent and may
    not be created; TemplateChanged; LayersMissing or ReferencedImagesMissing if something that was present at the
    offer has gone since; TagLimitReached; HistoryBegunAnew after a reset.
    """
    # Lock order: registry, repository, image, tag. Another process that lands the same delivery waits here.
    account = copies[0].destination.account
    settings = registries.hold(db, account)
    decided = arrivals.outcomes(db, account, [copy.delivery for copy in copies])
    new = [copy for copy in copies if copy.delivery not in decided]
    return decided | _land(db, settings, new, now) if new else decided


def _land(db: Connection, settings: RegistrySettings, copies: Sequence[Copy], now: datetime) -> dict[str, TagOutcome]:
    account = copies[0].destination.account
    here = registries.next_positions(db, account, len(copies))
    if any(copy.epoch not in (None, here[0].epoch) for copy in copies):
        raise HistoryBegunAnew(copies[0].destination.region)
    homes = _homes(db, settings, copies, now)
    _land_blobs(db, homes, copies, now)
    histories = [history for copy in copies if (history := copy.history) is not None]
    # What is decided here comes before what was decided.
    last = ChainMap[TagHistory, Position]({}, arrivals.last_positions(db, histories))
    decided = {
        copy.delivery: _land_one(db, homes[copy.repository], copy, position, last)
        for copy, position in zip(copies, here, strict=True)
    }
    arrivals.decide(db, last.maps[0])
    arrivals.record(db, account, decided, now)
    return decided


def _homes(
    db: Connection, settings: RegistrySettings, copies: Sequence[Copy], now: datetime
) -> dict[RepositoryName, Home]:
    """Lock the repositories, or create them, in the order of their names."""
    of_each = {copy.repository: copy for copy in reversed(copies)}
    return {name: Home(_repository(db, of_each[name], now), settings, now) for name in sorted(of_each)}


def _land_blobs(db: Connection, homes: Mapping[RepositoryName, Home], copies: Sequence[Copy], now: datetime) -> None:
    """Link the blobs of manifests that came with the offer, or that another repository of this registry holds.

    Any other blob stays absent; `rules.store` decides whether the image needs it.
    """
    wanted: dict[RepositoryName, set[Digest]] = {name: set() for name in homes}
    for copy in copies:
        wanted[copy.repository].update(each.digest for image in copy.manifests for each in image.manifest.blobs)
    named = set().union(*wanted.values())
    if not named:
        return
    account, instead_of = copies[0].destination.account, copies[0].instead_of
    there = arrivals.land_held(db, copies[0].offer, named, instead_of, now)
    there |= blobs.keep_of_registry(db, account, named - there)
    for name, digests in wanted.items():
        blobs.link_all(db, homes[name].repository.id, digests & there, now)


def _land_one(db: Connection, home: Home, copy: Copy, here: Position, last: _Positions) -> TagOutcome:
    """Store the manifests that came, take the image out of the archive, and place the tag at the position `here`.

    `last` has the positions that were decided about; this copy's is added.
    """
    root = copy.root
    for part in copy.parts:
        rules.store(db, home, COPY, replace(part, origin=copy.origin))
    before = _before(db, home, copy, root)
    tag = None if copy.tag is None else TagName(copy.tag)
    current = None if tag is None else before.tags[tag]
    decided = _decide(home, copy, current, last)
    moves = decided is TagOutcome.MOVED and current != copy.digest
    if root is not None and before.image is None:
        # The tag of a new image follows, or none does.
        new = before if moves else replace(before, tags={})
        rules.store(db, home, COPY, replace(root, origin=copy.origin), new)
    else:
        new = None
        _store_again(db, home, copy, root, before)
    if moves and tag is not None:
        rules.name(db, home, COPY, copy.digest, {tag: here}, new)
    return decided


def _before(db: Connection, home: Home, copy: Copy, root: NewImage | None) -> Standing:
    content, parts = (root.content, root.manifest.blobs) if root else (b"", ())
    tags = [] if copy.tag is None else [copy.tag]
    return standing.read(db, home.repository.id, (copy.digest, content), tags, [each.digest for each in parts])


def _store_again(db: Connection, home: Home, copy: Copy, root: NewImage | None, before: Standing) -> None:
    """Heal or complete an image that is there, and take it out of the archive."""
    if before.image is None:
        raise ReferencedImagesMissing([str(copy.digest)], copy.repository, copy.destination.account)
    if root is not None:
        rules.store(db, home, COPY, replace(root, origin=copy.origin))
    rules.restore(db, home, copy.digest)


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


def _decide(home: Home, copy: Copy, current: Digest | None, last: _Positions) -> TagOutcome:
    """Decide whether the tag moves: not if a newer position of the same source was decided about, or the rule forbids.

    Another delivery at the same position restores a tag that was deleted here, but moves no existing tag: such a tag
    was placed after that position had been decided about.
    """
    history = copy.history
    if history is None:
        return TagOutcome.NONE
    before = last.get(history)
    if before is not None and before > copy.position:
        return TagOutcome.SUPERSEDED
    last[history] = copy.position
    if rules.stays(home, COPY, history.tag, current, copy.digest):
        return TagOutcome.KEPT
    if current not in (None, copy.digest) and before == copy.position:
        return TagOutcome.SUPERSEDED
    return TagOutcome.MOVED
