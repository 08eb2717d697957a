"""Images: what a push needs, changes and owes, and how images are found and removed."""

import asyncio
import json

import pytest

from tests.fakes import NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, DenyAll, RecordingGate, caller
from tests.shelf import API, CONFIG_TYPE, Shelf, entry, image_of, index_of
from twinport.access.gate import Gate
from twinport.catalog.ports import Connection, WholeCatalog
from twinport.catalog.regional import images, repositories
from twinport.errors import AccessDenied
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import (
    TAGS_PER_IMAGE,
    ImageFilter,
    ImageId,
    Mutability,
    NamedImage,
    Position,
    Referrer,
    TagRule,
    TagStatus,
)
from twinport.model.manifests import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from twinport.model.names import Registry, TagName
from twinport.refusals.images import (
    DescriptorSizeWrong,
    ImageDigestMismatch,
    ImageExists,
    ImageNotFound,
    LayersMissing,
    ManifestInvalid,
    ReferencedImagesMissing,
    RepositoryNotFound,
    TagImmutable,
)
from twinport.refusals.requests import InvalidParameter, TagLimitReached
from twinport.registry.images import Images, PutOutcome
from twinport.registry.named_images import FailureCode
from twinport.registry.paging import PageRequest
from twinport.registry.referrers import ReferrerQuery, Referrers
from twinport.registry.signing import Signing

CONFIG, LAYER, OTHER_LAYER = b"config", b"layer", b"another layer"
FIRST, SECOND = image_of(CONFIG, LAYER), image_of(CONFIG, OTHER_LAYER)
V1, V2 = TagName("v1"), TagName("v2")
THERE = Registry(REGISTRY.account, OTHER_REGION)


@pytest.fixture
async def shelf(catalog: WholeCatalog) -> Shelf:
    """A mutable repository that holds the layers of two images and neither image."""
    shelf = Shelf(catalog)
    await shelf.make_repository()
    await shelf.hold(CONFIG, LAYER, OTHER_LAYER)
    return shelf


def verbs(shelf: Shelf, gate: Gate | None = None) -> Images:
    return Images(gate or AllowAll(), shelf.catalog, lambda: None)


async def put(
    shelf: Shelf,
    content: bytes,
    tag: str | None = None,
    digest: Digest | None = None,
    unchanged: Unchanged = Unchanged.ACCEPT,
) -> PutOutcome:
    push = Push(content, None, () if tag is None else (TagName(tag),), digest, unchanged)
    return await verbs(shelf).put(caller(), REGISTRY.repository(API), push)


async def names(shelf: Shelf, status: TagStatus = TagStatus.ANY) -> list[tuple[str, str | None]]:
    page = await verbs(shelf).list(caller(), REGISTRY.repository(API), ImageFilter(status), PageRequest())
    return [(str(image.digest), image.tag) for image in page.items]


def named(content: bytes, tag: str | None = None) -> tuple[str, str | None]:
    return str(Digest.of(content)), tag


# --- a push -----------------------------------------------------------------------------------------------


async def test_what_was_pushed_comes_back_byte_for_byte(shelf: Shelf) -> None:
    outcome = await put(shelf, FIRST, "v1")
    assert outcome == PutOutcome(Digest.of(FIRST), OCI_MANIFEST, (V1,), None)
    for image in (ImageId(None, "v1"), ImageId(outcome.digest, None), ImageId(outcome.digest, "v1")):
        found = await verbs(shelf).get(caller(), REGISTRY.repository(API), image)
        assert (found.content, found.digest, found.media_type, found.tag) == (
            FIRST,
            outcome.digest,
            OCI_MANIFEST,
            image.tag,
        )


async def test_the_gate_is_asked_before_anything_is_looked_at(catalog: WholeCatalog) -> None:
    push = Push(b"not a manifest", None, (), None, Unchanged.ACCEPT)
    with pytest.raises(AccessDenied):
        await Images(DenyAll(), catalog, lambda: None).put(caller(), REGISTRY.repository(API), push)


async def test_every_verb_asks_for_the_action_of_its_name(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    gate = RecordingGate()
    images, page, image = verbs(shelf, gate), PageRequest(), ImageId(None, "v1")
    push = Push(FIRST, None, (V2,), None, Unchanged.ACCEPT)
    await images.put(caller(), REGISTRY.repository(API), push)
    await images.get(caller(), REGISTRY.repository(API), image)
    await images.get_many(caller(), REGISTRY.repository(API), [])
    await images.list(caller(), REGISTRY.repository(API), ImageFilter(), page)
    await images.tags(caller(), REGISTRY.repository(API), "", 1)
    await images.describe(caller(), REGISTRY.repository(API), [])
    await images.describe_all(caller(), REGISTRY.repository(API), ImageFilter(), page)
    await images.delete(caller(), REGISTRY.repository(API), [])
    await images.untag(caller(), REGISTRY.repository(API), V1)
    await Referrers(gate, shelf.catalog).list(
        caller(), REGISTRY.repository(API), ReferrerQuery(Digest.of(b""), (), "", 1)
    )
    arn = REGISTRY.repository_arn(API)
    assert gate.asked == [
        (f"ecr:{action}", arn)
        for action in (
            "PutImage",
            "BatchGetImage",
            "BatchGetImage",
            "ListImages",
            "ListImages",
            "DescribeImages",
            "DescribeImages",
            "BatchDeleteImage",
            "BatchDeleteImage",
            "BatchGetImage",
        )
    ]


async def test_a_repository_that_does_not_exist_is_not_found(catalog: WholeCatalog) -> None:
    with pytest.raises(RepositoryNotFound):
        await put(Shelf(catalog), FIRST)


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"{", ManifestInvalid),
        (image_of(CONFIG, b"nowhere"), LayersMissing),
        (image_of(b"nowhere", LAYER), LayersMissing),
        (index_of(b"nowhere"), ReferencedImagesMissing),
        (FIRST.replace(b'"size": 5', b'"size": 6'), DescriptorSizeWrong),
        (image_of(FIRST, LAYER), LayersMissing),
    ],
)
async def test_a_push_that_is_refused_changes_nothing(shelf: Shelf, content: bytes, refusal: type[Exception]) -> None:
    await shelf.replicate_to(THERE)
    before = await shelf.count()
    with pytest.raises(refusal):
        await put(shelf, content, "v1")
    assert await shelf.count() == before


async def test_what_is_missing_is_named_in_the_words_of_ecr(shelf: Shelf) -> None:
    one, two = Digest.of(b"one"), Digest.of(b"two")
    with pytest.raises(LayersMissing) as layers:
        await put(shelf, image_of(b"one", LAYER, b"two"))
    assert layers.value.message == (
        f"Layers with digests '[{one}, {two}]' required for pushing image into repository with name 'team/api' "
        f"in the registry with id '{REGISTRY.account}' do not exist"
    )
    with pytest.raises(ReferencedImagesMissing) as images:
        await put(shelf, index_of(b"one"))
    assert images.value.message == (
        f"Images with digests '[{one}]' required for pushing image into repository with name 'team/api' "
        f"in the registry with id '{REGISTRY.account}' do not exist"
    )


async def test_a_layer_that_only_another_repository_holds_is_missing(shelf: Shelf) -> None:
    other = Shelf(shelf.catalog, name=type(API)("team/web"))
    await other.make_repository()
    await other.hold(b"elsewhere")
    with pytest.raises(LayersMissing):
        await put(shelf, image_of(CONFIG, b"elsewhere"))


async def test_a_child_must_be_of_the_size_that_its_index_gives(shelf: Shelf) -> None:
    await put(shelf, FIRST)
    lie = {**entry(FIRST, OCI_MANIFEST), "size": 1}
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [lie]}).encode()
    with pytest.raises(DescriptorSizeWrong):
        await put(shelf, content)


async def test_a_digest_that_is_not_the_manifests_own_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ImageDigestMismatch, match="does not match the image digest that Amazon ECR has calculated"):
        await put(shelf, FIRST, digest=Digest.of(SECOND))


async def test_a_manifest_may_be_kept_under_its_sha512(shelf: Shelf) -> None:
    digest = Digest.of(FIRST, "sha512")
    assert (await put(shelf, FIRST, digest=digest)).digest == digest
    assert (await verbs(shelf).get(caller(), REGISTRY.repository(API), ImageId(digest, None))).content == FIRST


async def test_an_absent_subject_is_no_obstacle(shelf: Shelf) -> None:
    content = image_of(CONFIG, LAYER, subject=entry(b"nowhere", OCI_MANIFEST))
    assert (await put(shelf, content)).subject == Digest.of(b"nowhere")


async def test_a_moved_tag_leaves_the_old_image_untagged(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, SECOND, "v1")
    assert await names(shelf, TagStatus.TAGGED) == [named(SECOND, "v1")]
    assert await names(shelf, TagStatus.UNTAGGED) == [named(FIRST)]


async def test_an_image_has_at_most_a_thousand_tags(shelf: Shelf) -> None:
    def tag_it(db: Connection) -> None:
        home = repositories.get(db, REGISTRY.repository(API))
        for number in range(2, TAGS_PER_IMAGE):
            images.move_tags(db, home.id, Digest.of(FIRST), {f"v{number}": Position(0, number)}, NOW)

    await put(shelf, FIRST, "v1")
    await shelf.catalog.region(REGION).write(tag_it)
    await put(shelf, FIRST, f"v{TAGS_PER_IMAGE}")
    with pytest.raises(TagLimitReached, match="maximum allowed number of tags per image which is '1000'"):
        await put(shelf, FIRST, "one-more")
    await put(shelf, SECOND, "one-more")


async def test_an_index_of_ten_thousand_absent_images_is_refused_cleanly(shelf: Shelf) -> None:
    entries = [{"mediaType": OCI_MANIFEST, "digest": f"sha256:{number:064x}", "size": 1} for number in range(10_000)]
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    with pytest.raises(ReferencedImagesMissing) as refusal:
        await put(shelf, content)
    assert len(refusal.value.digests) == 10_000
    assert len(refusal.value.message) < 10_000


# --- the same again, and immutability ---------------------------------------------------------------------


async def test_the_same_push_again_is_refused_by_one_door_and_accepted_by_the_other(shelf: Shelf) -> None:
    outcome = await put(shelf, FIRST, "v1")
    assert await put(shelf, FIRST, "v1") == outcome
    with pytest.raises(ImageExists, match="and tag 'v1' already exists"):
        await put(shelf, FIRST, "v1", unchanged=Unchanged.REFUSE)
    with pytest.raises(ImageExists, match="and tag 'null' already exists"):
        await put(shelf, FIRST, unchanged=Unchanged.REFUSE)


async def test_an_immutable_tag_stays(catalog: WholeCatalog) -> None:
    shelf = Shelf(catalog)
    await shelf.make_repository(TagRule(Mutability.IMMUTABLE))
    await shelf.hold(CONFIG, LAYER, OTHER_LAYER)
    await put(shelf, FIRST, "v1")
    with pytest.raises(TagImmutable, match="'v1' already exists in the 'team/api' repository"):
        await put(shelf, SECOND, "v1")
    # An identical docker push is refused too, while PutImage says that the image exists.
    with pytest.raises(TagImmutable):
        await put(shelf, FIRST, "v1")
    with pytest.raises(ImageExists):
        await put(shelf, FIRST, "v1", unchanged=Unchanged.REFUSE)
    await put(shelf, FIRST, "v2")
    await put(shelf, SECOND)
    assert await names(shelf) == sorted([named(FIRST, "v1"), named(FIRST, "v2"), named(SECOND)])


@pytest.mark.parametrize(
    ("mutability", "moves"),
    [(Mutability.IMMUTABLE_WITH_EXCLUSION, "dev-1"), (Mutability.MUTABLE_WITH_EXCLUSION, "v1")],
)
async def test_excluded_tags_follow_the_opposite_rule(
    catalog: WholeCatalog, mutability: Mutability, moves: str
) -> None:
    shelf = Shelf(catalog)
    await shelf.make_repository(TagRule(mutability, ("dev-*",)))
    await shelf.hold(CONFIG, LAYER, OTHER_LAYER)
    stays = {"dev-1": "v1", "v1": "dev-1"}[moves]
    for tag in (moves, stays):
        await put(shelf, FIRST, tag)
    await put(shelf, SECOND, moves)
    with pytest.raises(TagImmutable):
        await put(shelf, SECOND, stays)


async def test_of_two_pushes_racing_for_an_immutable_tag_one_wins(catalog: WholeCatalog) -> None:
    shelf = Shelf(catalog)
    await shelf.make_repository(TagRule(Mutability.IMMUTABLE))
    await shelf.hold(CONFIG, LAYER, OTHER_LAYER)
    outcomes = await asyncio.gather(put(shelf, FIRST, "v1"), put(shelf, SECOND, "v1"), return_exceptions=True)
    won = [each for each in outcomes if isinstance(each, PutOutcome)]
    assert len(won) == 1
    assert [type(each) for each in outcomes if each not in won] == [TagImmutable]
    assert await names(shelf) == [(str(won[0].digest), "v1")]


async def test_of_two_pushes_racing_for_a_tag_the_later_position_names_it(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE)
    await asyncio.gather(*(put(shelf, content, "v1") for content in (FIRST, SECOND) * 5))
    latest = max(await shelf.owed(), key=lambda delivery: delivery.position)
    assert await names(shelf, TagStatus.TAGGED) == [(str(latest.digest), "v1")]


# --- what is owed -----------------------------------------------------------------------------------------


async def test_a_push_owes_one_delivery_to_each_destination(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE)
    await put(shelf, FIRST, "v1")
    (delivery,) = await shelf.owed()
    assert (delivery.destination, delivery.repository) == (THERE, API)
    assert (delivery.digest, delivery.tag) == (Digest.of(FIRST), "v1")


async def test_the_same_push_again_owes_nothing(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE)
    for _ in range(2):
        await put(shelf, FIRST, "v1")
        await put(shelf, FIRST)
    assert len(await shelf.owed()) == 1


async def test_a_new_tag_on_an_image_owes_a_delivery_of_its_own(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE)
    for tag in ("v1", "v2"):
        await put(shelf, FIRST, tag)
    first, second = await shelf.owed()
    assert (first.tag, second.tag) == ("v1", "v2")
    assert first.position < second.position


async def test_a_child_pushed_by_digest_is_owed_without_a_tag(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE)
    await put(shelf, FIRST, digest=Digest.of(FIRST))
    await put(shelf, index_of(FIRST), "multi")
    assert [(each.digest, each.tag) for each in await shelf.owed()] == [
        (Digest.of(FIRST), None),
        (Digest.of(index_of(FIRST)), "multi"),
    ]


async def test_each_tag_of_a_push_is_owed_at_its_own_position_and_those_it_had_are_not(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await shelf.replicate_to(THERE)
    push = Push(FIRST, None, (V1, V2, TagName("v3")), Digest.of(FIRST), Unchanged.ACCEPT)
    await verbs(shelf).put(caller(), REGISTRY.repository(API), push)
    first, second = await shelf.owed()
    assert (first.tag, second.tag) == ("v2", "v3")
    assert first.position < second.position


async def test_one_tag_that_may_not_move_keeps_the_others_of_its_push_from_moving(catalog: WholeCatalog) -> None:
    shelf = Shelf(catalog)
    await shelf.make_repository(TagRule(Mutability.IMMUTABLE))
    await shelf.hold(CONFIG, LAYER, OTHER_LAYER)
    await put(shelf, FIRST, "v1")
    with pytest.raises(TagImmutable):
        await verbs(shelf).put(caller(), REGISTRY.repository(API), Push(SECOND, None, (V2, V1), None, Unchanged.ACCEPT))
    assert await names(shelf) == [named(FIRST, "v1")]


async def test_a_tag_moved_back_is_owed_again_at_a_later_position(shelf: Shelf) -> None:
    await shelf.replicate_to(THERE)
    for content in (FIRST, SECOND, FIRST):
        await put(shelf, content, "v1")
    positions = [each.position for each in await shelf.owed()]
    assert len(positions) == 3
    assert positions == sorted(set(positions))


# --- batches ----------------------------------------------------------------------------------------------


async def test_a_batch_gives_what_is_there_and_says_of_the_rest_why_not(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, SECOND, "v2")
    digest = str(Digest.of(FIRST))
    batch = [
        NamedImage(None, "v2"),
        NamedImage(digest, "v1"),
        NamedImage(digest, "v2"),
        NamedImage(None, "v9"),
        NamedImage(digest, "v9"),
        NamedImage("sha256:nonsense", None),
        NamedImage(digest.upper().replace("SHA", "sha"), None),
        NamedImage(None, None),
    ]
    answer = await verbs(shelf).get_many(caller(), REGISTRY.repository(API), batch)
    assert [found.content for found in answer.found] == [SECOND, FIRST]
    assert [failure.named for failure in answer.failures] == batch[2:]
    assert [failure.code for failure in answer.failures] == [
        FailureCode.TAG_DOES_NOT_MATCH,
        FailureCode.NOT_FOUND,
        FailureCode.NOT_FOUND,
        FailureCode.INVALID_DIGEST,
        FailureCode.NOT_FOUND,
        FailureCode.NOTHING_NAMED,
    ]
    assert [answer.failures[place].reason for place in (1, 3, 5)] == [
        "Requested image not found",
        "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        "Invalid request parameters: both tag and digest cannot be null",
    ]


async def test_an_image_that_is_not_there_is_not_found_in_the_words_of_ecr(shelf: Shelf) -> None:
    with pytest.raises(ImageNotFound) as refusal:
        await verbs(shelf).get(caller(), REGISTRY.repository(API), ImageId(None, "v1"))
    assert refusal.value.message == (
        "The image with imageId {imageDigest:'null', imageTag:'v1'} does not exist within the repository with name "
        f"'team/api' in the registry with id '{REGISTRY.account}'"
    )


async def test_images_are_described_as_ecr_describes_them(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v2")
    await put(shelf, FIRST, "v1")
    found = await verbs(shelf).describe(
        caller(), REGISTRY.repository(API), [NamedImage(None, "v1"), NamedImage(None, "v2")]
    )
    (detail,) = found
    assert (detail.digest, detail.tags, detail.pushed_at) == (Digest.of(FIRST), ("v1", "v2"), NOW)
    assert (detail.size, detail.media_type) == (len(CONFIG) + len(LAYER), OCI_MANIFEST)
    assert detail.artifact_type == CONFIG_TYPE


async def test_an_index_is_as_large_as_its_largest_child(shelf: Shelf) -> None:
    await put(shelf, FIRST)
    await put(shelf, SECOND)
    await put(shelf, index_of(FIRST, SECOND), "multi")
    (detail,) = await verbs(shelf).describe(caller(), REGISTRY.repository(API), [NamedImage(None, "multi")])
    assert (detail.size, detail.artifact_type) == (len(CONFIG) + len(OTHER_LAYER), None)


async def test_describing_what_is_not_there_or_cannot_be_is_refused(shelf: Shelf) -> None:
    with pytest.raises(ImageNotFound):
        await verbs(shelf).describe(caller(), REGISTRY.repository(API), [NamedImage(None, "v1")])
    with pytest.raises(InvalidParameter):
        await verbs(shelf).describe(caller(), REGISTRY.repository(API), [NamedImage("nonsense", None)])


async def test_an_image_that_goes_while_it_is_described_is_not_found(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(shelf, FIRST, V1)
    monkeypatch.setattr(images, "details", lambda *_: {})
    with pytest.raises(ImageNotFound):
        await verbs(shelf).describe(caller(), REGISTRY.repository(API), [NamedImage(None, V1)])
    with pytest.raises(ImageNotFound):
        await Signing(AllowAll(), shelf.catalog).status(caller(), REGISTRY.repository(API), ImageId(None, V1))


async def test_pages_hold_every_image_once(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, FIRST, "v2")
    await put(shelf, SECOND)
    everything = await names(shelf)
    assert everything == sorted([named(FIRST, "v1"), named(FIRST, "v2"), named(SECOND)], key=str)
    met: list[tuple[str, str | None]] = []
    token = None
    for _ in everything:
        page = await verbs(shelf).list(caller(), REGISTRY.repository(API), ImageFilter(), PageRequest(1, token))
        met.extend((str(image.digest), image.tag) for image in page.items)
        token = page.token
    assert (met, token) == (everything, None)
    details: list[str] = []
    for _ in range(2):
        described = await verbs(shelf).describe_all(
            caller(), REGISTRY.repository(API), ImageFilter(), PageRequest(1, token)
        )
        details.extend(str(detail.digest) for detail in described.items)
        token = described.token
    assert (details, token) == (sorted({digest for digest, _ in everything}), None)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(TagStatus.TAGGED, [FIRST]), (TagStatus.UNTAGGED, [SECOND]), (TagStatus.ANY, [FIRST, SECOND])],
)
async def test_lists_can_be_limited_by_tag_status(shelf: Shelf, status: TagStatus, expected: list[bytes]) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, SECOND)
    digests = sorted(str(Digest.of(content)) for content in expected)
    described = await verbs(shelf).describe_all(caller(), REGISTRY.repository(API), ImageFilter(status), PageRequest())
    assert [str(detail.digest) for detail in described.items] == digests
    assert [digest for digest, _ in await names(shelf, status)] == digests


async def test_a_token_of_another_filter_is_refused(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, FIRST, "v2")
    page = await verbs(shelf).list(caller(), REGISTRY.repository(API), ImageFilter(), PageRequest(1))
    with pytest.raises(InvalidParameter, match="nextToken"):
        await verbs(shelf).list(
            caller(), REGISTRY.repository(API), ImageFilter(TagStatus.TAGGED), PageRequest(1, page.token)
        )


async def test_tags_come_in_the_order_of_their_names(shelf: Shelf) -> None:
    for tag in ("b", "a", "B", "10", "9"):
        await put(shelf, FIRST, tag)
    assert await verbs(shelf).tags(caller(), REGISTRY.repository(API), "", 10) == ["10", "9", "B", "a", "b"]
    assert await verbs(shelf).tags(caller(), REGISTRY.repository(API), "9", 2) == ["B", "a"]


async def test_referrers_are_found_by_subject_and_type(shelf: Shelf) -> None:
    subject = entry(FIRST, OCI_MANIFEST)
    signature = image_of(CONFIG, artifactType="application/signature", subject=subject, annotations={"by": "me"})
    bill = index_of(artifactType="application/bill", subject=subject)
    for content in (signature, bill, image_of(CONFIG, subject=entry(b"other", DOCKER_MANIFEST))):
        await put(shelf, content)
    referrers = Referrers(AllowAll(), shelf.catalog)
    found, more = await referrers.list(caller(), REGISTRY.repository(API), ReferrerQuery(Digest.of(FIRST), (), "", 2))
    assert not more
    assert [each.digest for each in found] == sorted([Digest.of(signature), Digest.of(bill)])
    query = ReferrerQuery(Digest.of(FIRST), ("application/signature",), "", 10)
    (one,), _ = await referrers.list(caller(), REGISTRY.repository(API), query)
    assert (one.media_type, one.size, one.annotations) == (OCI_MANIFEST, len(signature), {"by": "me"})


async def test_referrers_say_what_they_are_whatever_their_types_and_annotations_look_like(shelf: Shelf) -> None:
    subject = entry(FIRST, OCI_MANIFEST)
    pushed: dict[Digest, tuple[str | None, dict[str, str]]] = {}
    for artifact_type in ("application/a", 'a/"b', "a/\\n", "a/ b ", "a,b", "{}", "a/'b", None):
        for annotations in ({}, {"a": "b"}, {"": '\n\\"\t\x1f,é\u2028😀'}):
            given = {"artifactType": artifact_type} if artifact_type else {}
            content = index_of(subject=subject, annotations=annotations, **given)
            await put(shelf, content)
            pushed[Digest.of(content)] = artifact_type, annotations
    referrers, found, more = Referrers(AllowAll(), shelf.catalog), list[Referrer](), True
    while more:
        query = ReferrerQuery(Digest.of(FIRST), (), found[-1].name if found else "", 5)
        some, more = await referrers.list(caller(), REGISTRY.repository(API), query)
        found += some
    assert [each.digest for each in found] == sorted(pushed, key=str)
    assert {each.digest: (each.artifact_type, each.annotations) for each in found} == pushed
    query = ReferrerQuery(Digest.of(FIRST), ('a/"b', "a/ b ", "absent"), "", 100)
    some, _ = await referrers.list(caller(), REGISTRY.repository(API), query)
    assert {each.artifact_type for each in some} == {'a/"b', "a/ b "}


async def test_referrers_come_in_lists_that_a_client_can_read(shelf: Shelf) -> None:
    note = "n" * (2 << 20)
    for number in range(3):
        subject = entry(FIRST, OCI_MANIFEST)
        await put(shelf, index_of(subject=subject, annotations={"number": str(number), "note": note}))
    referrers, after = Referrers(AllowAll(), shelf.catalog), ""
    for number in range(3):
        found, more = await referrers.list(
            caller(), REGISTRY.repository(API), ReferrerQuery(Digest.of(FIRST), (), after, 100)
        )
        assert (len(found), more) == (1, number < 2)
        after = str(found[0].digest)


# --- removal ----------------------------------------------------------------------------------------------


async def remove(shelf: Shelf, *batch: NamedImage) -> tuple[list[tuple[str, str | None]], list[FailureCode]]:
    answer = await verbs(shelf).delete(caller(), REGISTRY.repository(API), batch)
    removed = [(str(image.digest), image.tag) for image in answer.removed]
    return removed, [failure.code for failure in answer.failures]


async def test_the_last_tag_takes_its_image_with_it(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, FIRST, "v2")
    assert await remove(shelf, NamedImage(None, "v1")) == ([named(FIRST, "v1")], [])
    assert await names(shelf) == [named(FIRST, "v2")]
    assert await remove(shelf, NamedImage(None, "v2")) == ([named(FIRST, "v2")], [])
    assert await names(shelf) == []


async def test_a_digest_takes_all_its_tags_with_it(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, FIRST, "v2")
    await put(shelf, SECOND)
    batch = NamedImage(str(Digest.of(FIRST))), NamedImage(str(Digest.of(SECOND)))
    removed, failures = await remove(shelf, *batch)
    assert (removed, failures) == ([named(FIRST, "v1"), named(FIRST, "v2"), named(SECOND)], [])
    assert await names(shelf) == []


async def test_a_removed_image_leaves_no_row_but_its_layers_and_that_they_are_to_be_looked_at(shelf: Shelf) -> None:
    before = await shelf.count()
    await put(shelf, FIRST, "v1")
    await put(shelf, index_of(FIRST), "multi")
    await remove(shelf, NamedImage(None, "multi"), NamedImage(None, "v1"))
    counted = await shelf.count()
    assert {table for table in before if before[table] != counted[table]} == {"registry", "layer_review"}


async def test_an_image_that_an_index_contains_stays(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await put(shelf, index_of(FIRST), "multi")
    for child in (NamedImage(str(Digest.of(FIRST))), NamedImage(None, "v1")):
        assert await remove(shelf, child) == ([], [FailureCode.IN_AN_INDEX])
    await remove(shelf, NamedImage(None, "multi"))
    assert await remove(shelf, NamedImage(None, "v1")) == ([named(FIRST, "v1")], [])


async def test_a_failure_in_a_batch_leaves_the_rest_alone(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    batch = NamedImage(None, "v9"), NamedImage("nonsense", None), NamedImage(None, "v1"), NamedImage()
    removed, failures = await remove(shelf, *batch)
    assert removed == [named(FIRST, "v1")]
    assert failures == [FailureCode.NOT_FOUND, FailureCode.INVALID_DIGEST, FailureCode.NOTHING_NAMED]


async def test_a_tag_alone_can_go(shelf: Shelf) -> None:
    await put(shelf, FIRST, "v1")
    await verbs(shelf).untag(caller(), REGISTRY.repository(API), V1)
    assert await names(shelf) == [named(FIRST)]
    with pytest.raises(ImageNotFound):
        await verbs(shelf).untag(caller(), REGISTRY.repository(API), V1)


async def test_a_deletion_in_one_region_leaves_the_other(shelf: Shelf) -> None:
    there = Shelf(shelf.catalog, registry=THERE)
    await there.make_repository()
    await there.hold(CONFIG, LAYER)
    await put(shelf, FIRST, "v1")
    push = Push(FIRST, None, (V1,), None, Unchanged.ACCEPT)
    await verbs(shelf).put(caller(region=REGION), THERE.repository(API), push)
    await remove(shelf, NamedImage(None, "v1"))
    assert await verbs(shelf).tags(caller(), THERE.repository(API), "", 10) == ["v1"]
