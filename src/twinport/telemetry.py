"""Structured events: facts with fields, one line each."""

import logging
import sys
from enum import Enum

import structlog


class Event(Enum):
    """Every event there is."""

    SERVER_STARTED = "server.started"
    SERVER_STOPPED = "server.stopped"
    REQUEST_FAILED = "request.failed"
    ANSWER_CUT_OFF = "answer.cut_off"
    ACCESS_DENIED = "access.denied"
    ROLE_CREATED = "role.created"
    ROLE_DELETED = "role.deleted"
    DELETION_SETTLED = "deletion.settled"
    BLOB_DAMAGED = "blob.damaged"
    IMAGE_PUT = "image.put"
    DELIVERY_SETTLED = "delivery.settled"
    DELIVERY_POSTPONED = "delivery.postponed"
    DELIVERY_LEASE_LOST = "delivery.lease_lost"
    WORKER_HINDERED = "worker.hindered"
    WORKER_FAILED = "worker.failed"
    STATE_RESET = "state.reset"


_log = structlog.get_logger()


def event(name: Event, **fields: str | float | bool | None) -> None:
    """Record that a fact changed."""
    _log.info(name.value, **fields)


def warning(name: Event, **fields: str | float | bool | None) -> None:
    """Record what went wrong and heals by itself."""
    _log.warning(name.value, **fields)


def failure(name: Event, error: BaseException, **fields: str | float | bool | None) -> None:
    """Record an unexpected exception with its traceback: a person must act."""
    _log.error(name.value, exc_info=error, **fields)


def configure() -> None:
    """Write to standard error: aligned text on a terminal, JSON elsewhere."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
