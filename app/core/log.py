"""Structured logging with a correlation id, and the filter no secret passes: neither ours nor a library's."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

MASK = "***"
SHORTEST_REGISTERED = 8
"""Shorter values would mask innocent words."""

SECRET_KEYS = frozenset(
    {
        "app_secret", "appsecret", "user_key", "userkey", "user-key", "authorization", "token", "admin_token",
        "secret_key", "secret", "password", "passwd", "validation_key", "validationkey", "x-ploomes-validation-key",
        "cookie", "set-cookie", "omie_token", "ploomes_token", "database_url", "redis_url", "smtp_url",
    }
)  # fmt: skip
_NAMED = re.compile(
    r"""(?ix) (["']? \b (?: app_?secret | user[-_]?key | (?:x-ploomes-)? validation[-_]?key | admin_token | secret_key
        | password | authorization ) ["']? \s* [:=] \s* ) (?: b?"(?:[^"\\]|\\.)*" | b?'(?:[^'\\]|\\.)*'
        | (?:bearer\s+)? [^\s,;&}"']+ )"""
)
_BEARER = re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}")
_ADDRESS = re.compile(r"(/webhooks/(?:omie|ploomes)/)[^/\s\"'?]+")
_URL_PASSWORD = re.compile(r"(\w://[^\s:/@]*:)[^\s@/]+(@)")

_registered: set[str] = set()


def register_secret(value: str) -> None:
    """From now on `value` is masked wherever it turns up in a log line of this process."""
    if len(value) >= SHORTEST_REGISTERED:
        _registered.add(value)


def mask(text: str) -> str:
    """The text without registered secrets, credentials by name, bearer tokens, webhook tokens and URL passwords."""
    for secret in _registered:
        if secret in text:
            text = text.replace(secret, MASK)
    text = _NAMED.sub(rf"\1{MASK}", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    text = _ADDRESS.sub(rf"\1{MASK}", text)
    return _URL_PASSWORD.sub(rf"\1{MASK}\2", text)


def setup_logging(log_format: str = "console", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Sends every log line of the process, libraries included, through one masked formatter to `stream` (stderr)."""
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        mask_keys,
    ]
    if log_format == "json":
        renderers: list[Processor] = [
            structlog.processors.format_exc_info,
            mask_texts,  # before JSON escapes the quotes by which a secret is found
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        renderers = [
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=shared, processors=[ProcessorFormatter.remove_processors_meta, *renderers, _mask_line]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "arq", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # A webhook's address holds its token and a body may hold credentials: request lines come from our own middleware
    logging.getLogger("uvicorn.access").setLevel("CRITICAL")
    for name in ("arq", "alembic", "httpx", "httpcore"):
        logging.getLogger(name).setLevel("WARNING")
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of our own modules."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


@contextmanager
def correlation(**ids: object) -> Iterator[None]:
    """Every line logged inside carries these ids (`request_id`, `event_id`, `integration_id`)."""
    with structlog.contextvars.bound_contextvars(**ids):
        yield


def mask_keys(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Masks values by the name of their key, also inside nested mappings."""
    return _masked(event)


def mask_texts(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Masks inside every text of the event, however deep."""
    return {key: _masked_text(value) for key, value in event.items()}


def _masked_text(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _masked_text(each) for key, each in value.items()}
    return [_masked_text(each) for each in value] if isinstance(value, list | tuple) else value


def _masked(mapping: Mapping[str, Any]) -> MutableMapping[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in mapping.items():
        if str(key).lower() in SECRET_KEYS:
            clean[key] = MASK
        else:
            clean[key] = _masked(value) if isinstance(value, dict) else value
    return clean


def _mask_line(logger: WrappedLogger, method: str, line: Any) -> str:
    return mask(str(line))
