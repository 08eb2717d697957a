"""Repositories with so much in them that it matters, made in one moment."""

from sqlalchemy import Connection

from tests.fakes import NOW, REGISTRY
from twinport.catalog.regional import repositories, schema
from twinport.model.content import Digest
from twinport.model.names import RepositoryName


def fill(db: Connection, name: RepositoryName, many: int) -> None:
    """Store many images with a layer, a child and a tag each, in a repository with an upload of many parts."""
    owner, now = repositories.get(db, REGISTRY.repository(name)).id, NOW
    digests = [str(Digest.of(b"%d" % number)) for number in range(many)]
    mine = [{"repository_id": owner, "digest": digest} for digest in digests]
    blank = {"media_type": "x", "content": b"", "image_size": 1, "pushed_at": now}
    db.execute(schema.blob.insert(), [{"digest": each, "key": each, "size": 1, "created_at": now} for each in digests])
    db.execute(schema.repository_blob.insert(), [{**each, "linked_at": now} for each in mine])
    db.execute(schema.layer_review.insert(), [{**each, "since": now} for each in mine])
    db.execute(schema.manifest.insert(), [{**each, **blank} for each in mine])
    db.execute(schema.manifest_blob.insert(), [{**each, "manifest": each["digest"]} for each in mine])
    parts = [{"repository_id": owner, "parent": each, "child": each} for each in digests]
    db.execute(schema.manifest_child.insert(), parts)
    position = {"epoch": 1, "sequence": 1, "updated_at": now}
    db.execute(schema.tag.insert(), [{**each, **position, "name": each["digest"]} for each in mine])
    upload = {"id": "u", "repository_id": owner, "size": many, "created_at": now, "touched_at": now}
    db.execute(schema.upload.insert(), [upload])
    segments = [
        {"upload_id": "u", "first_byte": number, "size": 1, "key": f"part {number}", "digest": digests[number]}
        for number in range(many)
    ]
    db.execute(schema.upload_segment.insert(), segments)
