"""What paths name, and which name nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.oci import routes
from twinport.oci.routes import Catalog, InRepository, Ping, Place
from twinport.refusals.requests import PathUnknown

DIGEST = "sha256:" + "a" * 64
segments = st.sampled_from(
    ["a", "team", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog", "v2"]
)
names = st.lists(segments, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2", Ping()),
        ("/v2/", Ping()),
        ("/v2/_catalog", Catalog("")),
        ("/v2/111122223333/eu-west-1/_catalog", Catalog("111122223333/eu-west-1")),
        ("/v2/team/api/manifests/v1", InRepository(Place.MANIFEST, "team/api", "v1")),
        ("/v2/team/api/manifests/_catalog", InRepository(Place.MANIFEST, "team/api", "_catalog")),
        (f"/v2/team/api/manifests/{DIGEST}", InRepository(Place.MANIFEST, "team/api", DIGEST)),
        (f"/v2/api/manifests/{DIGEST.replace(':', '%3A')}", InRepository(Place.MANIFEST, "api", DIGEST)),
        (f"/v2/api/blobs/{DIGEST}", InRepository(Place.BLOB, "api", DIGEST)),
        ("/v2/api/blobs/uploads/", InRepository(Place.UPLOADS, "api")),
        ("/v2/api/blobs/uploads", InRepository(Place.UPLOADS, "api")),
        ("/v2/api/blobs/uploads/1-2", InRepository(Place.UPLOAD, "api", "1-2")),
        ("/v2/api/tags/list", InRepository(Place.TAGS, "api")),
        (f"/v2/api/referrers/{DIGEST}", InRepository(Place.REFERRERS, "api", DIGEST)),
        ("/v2/a/manifests/b/manifests/c", InRepository(Place.MANIFEST, "a/manifests/b", "c")),
        ("/v2/a/blobs/uploads/manifests/v1", InRepository(Place.MANIFEST, "a/blobs/uploads", "v1")),
        ("/v2/tags/list/tags/list", InRepository(Place.TAGS, "tags/list")),
        ("/v2/../manifests/v1", InRepository(Place.MANIFEST, "..", "v1")),
        ("/v2/a//b/manifests/v1", InRepository(Place.MANIFEST, "a//b", "v1")),
    ],
)
def test_a_path_is_read_from_the_right(path: str, route: routes.Route) -> None:
    assert routes.parse(path) == route


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1/",
        "/v2x/",
        "//v2/",
        "/v2//",
        "/v2/api",
        "/v2/manifests/v1",
        "/v2/tags/list",
        "/v2/blobs/uploads/",
        "/v2/api/tags/lists",
        "/v2/api/manifests/v1/",
        "/v2/api/blobs/uploads/1/2",
        "/v2/team%2fapi/manifests/v1",
        "/v2/team%2Fapi/manifests/v1",
        "/v2/api/manifests%2Fv1",
        "/V2/api/manifests/v1",
        "/v2/_catalog/",
    ],
)
def test_every_other_path_names_nothing(path: str) -> None:
    with pytest.raises(PathUnknown):
        routes.parse(path)


@given(st.text(max_size=60))
def test_no_path_is_too_strange_to_be_refused(path: str) -> None:
    try:
        route = routes.parse("/v2/" + path)
    except PathUnknown:
        return
    assert isinstance(route, Ping | Catalog | InRepository)


@given(names, st.sampled_from(["manifests", "blobs", "referrers"]))
def test_a_repository_may_be_called_anything(name: str, place: str) -> None:
    assert routes.parse(f"/v2/{name}/{place}/{DIGEST}") == InRepository(Place(place), name, DIGEST)
    assert routes.parse(f"/v2/{name}/tags/list") == InRepository(Place.TAGS, name)
    assert routes.parse(f"/v2/{name}/blobs/uploads/") == InRepository(Place.UPLOADS, name)
