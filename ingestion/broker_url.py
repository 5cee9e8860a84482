"""Where messages come from, said in one URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from ingestion.errors import RetraceError

PORTS = {"nats": 4222, "amqp": 5672, "kafka": 9092}
_SHAPES = {
    "nats": "nats://HOST:PORT?stream=NAME",
    "amqp": "amqp://USER:PASSWORD@HOST:PORT/?queue=NAME",
    "kafka": "kafka://HOST:PORT/TOPIC",
}


class BadBrokerUrl(RetraceError):
    """The URL does not say which stream, queue or topic to read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages come from, taken from a URL.

    Parameters
    ----------
    name : str
        Of the stream, queue or topic; ``kind:name`` is the source of messages that name none.
    url : str
        Without its options; may hold a password and is never shown.
    durable : str
        Name under which the broker remembers how far we are: consumer or consumer group.
    options : mapping
        The rest of the URL's query.
    """

    kind: str
    url: str
    host: str
    port: int
    name: str
    subject: str | None
    durable: str
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def source(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def of(cls, url: str) -> "Place":
        """Read a URL.

        Raises
        ------
        BadBrokerUrl
        """
        parts = urlsplit(url)
        if parts.scheme not in _SHAPES:
            raise BadBrokerUrl(
                f"{parts.scheme or url!r} is no broker Retrace can consume. "
                f"Use {' or '.join(_SHAPES.values())}"
            )
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        name = _name(parts, asked)
        if not name or not parts.hostname:
            raise BadBrokerUrl(
                f"{parts.scheme}://{unquote(parts.hostname or '')} does not say what to read. "
                f"Write {_SHAPES[parts.scheme]}"
            )
        return cls(
            kind=parts.scheme,
            url=parts._replace(query="").geturl(),
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            name=name,
            subject=asked.get("subject"),
            durable=asked.get("durable") or asked.get("group") or "retrace",
            options=MappingProxyType(asked),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} at {self.host}:{self.port}"


def _name(parts: SplitResult, asked: dict[str, str]) -> str | None:
    if parts.scheme == "kafka":
        return unquote(parts.path.strip("/"))
    return asked.get({"nats": "stream", "amqp": "queue"}[parts.scheme])
