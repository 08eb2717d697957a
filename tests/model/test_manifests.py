"""Manifests: what is read, and what is refused instead of being guessed at."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.errors import Refusal
from twinport.model.content import Digest
from twinport.model.manifests import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    ENTRY_LIMIT,
    IMAGE_TYPES,
    INDEX_TYPES,
    MANIFEST_LIMIT,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    parse_manifest,
)
from twinport.refusals.images import DigestInvalid, ManifestInvalid, ManifestTooLarge, ManifestTypeUnsupported

CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
FOREIGN_TYPE = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SOME_DIGEST = str(Digest.of(b"some"))

digests = st.binary(max_size=3).map(Digest.of)
descriptors = st.builds(Descriptor, st.just(LAYER_TYPE), digests, st.integers(min_value=0, max_value=1 << 40))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def written(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}


def entry(**changes: object) -> dict[str, object]:
    return {"mediaType": LAYER_TYPE, "digest": SOME_DIGEST, "size": 4, **changes}


def image(**changes: object) -> dict[str, object]:
    config = entry(mediaType=CONFIG_TYPE)
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [entry()], **changes}


def index(**changes: object) -> dict[str, object]:
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(mediaType=OCI_MANIFEST)], **changes}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def without(document: dict[str, object], member: str) -> dict[str, object]:
    return {name: value for name, value in document.items() if name != member}


@given(
    st.sampled_from(sorted(IMAGE_TYPES)),
    descriptors,
    st.lists(descriptors, max_size=4),
    st.none() | descriptors,
    st.dictionaries(st.text(max_size=5).filter(lambda text: "\x00" not in text), st.just("value"), max_size=3),
)
def test_an_image_manifest_is_read_as_it_was_written(
    media_type: str,
    config: Descriptor,
    layers: list[Descriptor],
    subject: Descriptor | None,
    annotations: dict[str, str],
) -> None:
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": written(config),
        "layers": [written(layer) for layer in layers],
        "annotations": annotations,
        **({} if subject is None else {"subject": written(subject)}),
    }
    manifest = parse_manifest(encoded(document), media_type)
    assert (manifest.media_type, manifest.config, manifest.layers) == (media_type, config, tuple(layers))
    assert manifest.children == ()
    assert manifest.subject == (None if subject is None else subject.digest)
    assert manifest.annotations == annotations
    assert manifest.own_size == config.size + sum(layer.size for layer in layers)


@given(st.sampled_from(sorted(INDEX_TYPES)), st.lists(descriptors, max_size=4))
def test_an_index_is_read_as_it_was_written(media_type: str, children: list[Descriptor]) -> None:
    document = index(mediaType=media_type, manifests=[written(child) for child in children])
    manifest = parse_manifest(encoded(document), None)
    assert (manifest.media_type, manifest.children) == (media_type, tuple(children))
    assert (manifest.config, manifest.blobs, manifest.own_size) == (None, (), 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(Refusal):
        parse_manifest(content, OCI_MANIFEST)


@given(
    st.dictionaries(
        st.sampled_from(["mediaType", "config", "layers", "subject", "annotations", "artifactType", "urls", "other"]),
        json_values,
    )
)
def test_any_members_are_read_or_refused(changes: dict[str, object]) -> None:
    try:
        manifest = parse_manifest(encoded(image(**changes)), OCI_MANIFEST)
    except Refusal:
        return
    assert manifest.media_type == OCI_MANIFEST


@given(st.sampled_from(["mediaType", "digest", "size", "urls"]), json_values)
def test_any_descriptor_is_read_or_refused(member: str, value: object) -> None:
    layer = entry(mediaType=FOREIGN_TYPE, **{member: value}) if member != "mediaType" else entry(mediaType=value)
    try:
        manifest = parse_manifest(encoded(image(layers=[layer])), OCI_MANIFEST)
    except Refusal:
        return
    assert manifest.layers[0].size >= 0


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe{}",
        encoded(image()).decode().encode("utf-16"),
        b"\xef\xbb\xbf" + encoded(image()),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"schemaVersion": NaN}',
        encoded(image()) + b"{}",
    ],
)
def test_what_is_not_one_json_object_is_refused_in_the_words_of_ecr(content: bytes) -> None:
    with pytest.raises(ManifestInvalid, match="'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"):
        parse_manifest(content, OCI_MANIFEST)


def test_a_manifest_without_a_media_type_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="Invalid JSON syntax"):
        parse_manifest(encoded(without(image(), "mediaType")), None)


def test_a_type_given_beside_the_manifest_is_enough() -> None:
    assert parse_manifest(encoded(without(image(), "mediaType")), OCI_MANIFEST).media_type == OCI_MANIFEST


def test_a_type_that_contradicts_the_manifest_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="mediaType"):
        parse_manifest(encoded(image()), DOCKER_MANIFEST)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.oci.artifact.manifest.v1+json",
        "application/json",
        "text/html",
    ],
)
def test_other_media_types_are_refused(media_type: str) -> None:
    with pytest.raises(ManifestTypeUnsupported):
        parse_manifest(encoded(image(mediaType=media_type)), media_type)


@pytest.mark.parametrize("version", [1, 3, "2", None, [2], -2])
def test_other_schema_versions_are_refused(version: object) -> None:
    with pytest.raises(ManifestInvalid, match="schemaVersion"):
        parse_manifest(encoded(image(schemaVersion=version)), OCI_MANIFEST)


def test_a_member_given_twice_is_refused() -> None:
    twice = encoded(image()).replace(b'"schemaVersion": 2', b'"schemaVersion": 2, "schemaVersion": 2')
    with pytest.raises(ManifestInvalid, match="twice"):
        parse_manifest(twice, OCI_MANIFEST)


def test_a_document_that_is_both_an_image_and_an_index_is_refused() -> None:
    with pytest.raises(ManifestInvalid):
        parse_manifest(encoded(image(manifests=[])), OCI_MANIFEST)
    with pytest.raises(ManifestInvalid):
        parse_manifest(encoded(index(layers=[])), OCI_INDEX)


@pytest.mark.parametrize("size", [-1, 1.5, 4.5e10, "4", True, None, 10**18, 10**4000, [4]])
def test_sizes_that_cannot_be_true_are_refused(size: object) -> None:
    # Written by hand: json.dumps refuses to write the longest.
    text = "1" + "0" * 4000 if size == 10**4000 else json.dumps(size)
    content = encoded(image(layers=[entry(size="HERE")])).replace(b'"HERE"', text.encode())
    with pytest.raises(ManifestInvalid, match="size"):
        parse_manifest(content, OCI_MANIFEST)


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "md5:" + "a" * 32,
        "../" + "a" * 64,
        "sha512:" + "a" * 64,
    ],
)
def test_digests_that_are_none_are_refused(digest: str) -> None:
    with pytest.raises(DigestInvalid):
        parse_manifest(encoded(image(layers=[entry(digest=digest)])), OCI_MANIFEST)


@pytest.mark.parametrize("member", ["config", "layers"])
def test_an_image_without_its_parts_is_refused(member: str) -> None:
    with pytest.raises(ManifestInvalid, match=member):
        parse_manifest(encoded(without(image(), member)), OCI_MANIFEST)


def test_an_index_without_its_list_is_refused() -> None:
    with pytest.raises(ManifestInvalid, match="manifests"):
        parse_manifest(encoded(without(index(), "manifests")), OCI_INDEX)


def test_an_empty_list_may_be_written_as_null() -> None:
    assert parse_manifest(encoded(index(manifests=None)), OCI_INDEX).children == ()


@pytest.mark.parametrize("annotations", [[], "text", {"a": 1}, {"a": None}, {"a": "\ud800"}, {"a": "\x00"}])
def test_annotations_that_are_not_text_are_refused(annotations: object) -> None:
    with pytest.raises(ManifestInvalid, match="annotations"):
        parse_manifest(encoded(image(annotations=annotations)), OCI_MANIFEST)


def test_members_that_the_specification_does_not_know_are_let_be() -> None:
    assert parse_manifest(encoded(image(rating=4.5, more={"a": [None, 1e300]})), None).media_type == OCI_MANIFEST


def test_an_artifact_shows_its_own_type_and_an_image_that_of_its_config() -> None:
    artifact = parse_manifest(encoded(image(artifactType="application/spdx+json", subject=entry())), None)
    assert (artifact.artifact_type, artifact.subject) == ("application/spdx+json", Digest.parse(SOME_DIGEST))
    assert parse_manifest(encoded(image()), None).artifact_type == CONFIG_TYPE
    assert parse_manifest(encoded(index()), None).artifact_type is None


def test_a_foreign_layer_with_addresses_need_not_be_held_here() -> None:
    foreign = entry(mediaType=FOREIGN_TYPE, urls=["https://example.com/layer"], digest=str(Digest.of(b"foreign")))
    manifest = parse_manifest(encoded(image(layers=[foreign, entry()])), None)
    assert Digest.of(b"foreign") not in {blob.digest for blob in manifest.blobs}


@pytest.mark.parametrize("changes", [{"mediaType": FOREIGN_TYPE}, {"urls": ["https://example.com/layer"]}])
def test_any_other_layer_must_be_held_here(changes: dict[str, object]) -> None:
    digest = Digest.of(b"other")
    manifest = parse_manifest(encoded(image(layers=[entry(**changes, digest=str(digest))])), None)
    assert digest in {blob.digest for blob in manifest.blobs}


def test_a_layer_named_twice_is_needed_once() -> None:
    assert len(parse_manifest(encoded(image(layers=[entry(), entry()])), None).blobs) == 2


def test_an_index_of_ten_thousand_entries_is_read() -> None:
    entries = [entry(mediaType=DOCKER_MANIFEST, digest=f"sha256:{number:064x}") for number in range(ENTRY_LIMIT)]
    assert len(parse_manifest(encoded(index(mediaType=DOCKER_LIST, manifests=entries)), None).children) == ENTRY_LIMIT
    with pytest.raises(ManifestInvalid, match="Limit on number of manifests"):
        parse_manifest(encoded(index(mediaType=DOCKER_LIST, manifests=[*entries, entry()])), None)


def test_more_layers_than_the_limit_are_refused_in_the_words_of_ecr() -> None:
    with pytest.raises(ManifestInvalid, match="Limit on number of layers per image exceeded"):
        parse_manifest(encoded(image(layers=[entry()] * (ENTRY_LIMIT + 1))), None)


def test_a_manifest_of_more_than_four_mebibytes_is_refused() -> None:
    content = encoded(image())
    assert parse_manifest(content.ljust(MANIFEST_LIMIT), None).media_type == OCI_MANIFEST
    with pytest.raises(ManifestTooLarge):
        parse_manifest(content.ljust(MANIFEST_LIMIT + 1), None)
