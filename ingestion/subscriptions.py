"""How each broker hands its messages over: FastStream subscribers with manual acknowledgement.

Every subscriber turns what came into messages of the inbox, awaits their commit and only then
tells the broker. Streams, queues and topics belong to the broker's owner: they must exist.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from ingestion.broker_url import BadBrokerUrl, Place
from ingestion.inbox import Message

TOGETHER = 200
"""Messages under way at once: what one commit may store, and what a crash makes come again."""

_ACK_SECONDS = 10
_SASL = {"plain": "SASLPlaintext", "scram-sha-256": "SASLScram256", "scram-sha-512": "SASLScram512"}

Take = Callable[[Sequence[Message]], Awaitable[bool]]
"""Stores messages; True once they are committed and may be acknowledged."""

log = logging.getLogger("retrace.consume")


def to_message(
    place: Place, body: bytes, *, named: str | None, content_type: str | None
) -> Message:
    """Identify a message: by itself if it is a CloudEvent, else by ``named``, else by its bytes."""
    with suppress(ValueError, RecursionError):
        said = json.loads(body)
        if isinstance(said, dict) and "specversion" in said:
            source, name = said.get("source"), said.get("id")
            if _usable(source) and _usable(name):
                return Message(str(source), str(name), place.kind, body, content_type)
    own = named if _usable(named) else f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Message(place.source, str(own), place.kind, body, content_type)


def nats(place: Place, take: Take) -> Any:
    """Pull a JetStream stream with a durable consumer; each message is acknowledged by itself."""
    from faststream import AckPolicy
    from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
    from nats.js.api import ConsumerConfig

    broker = NatsBroker(place.url, logger=None, max_reconnect_attempts=-1)

    @broker.subscriber(
        place.subject or ">",
        stream=JStream(place.name, declare=False),
        durable=place.durable,
        config=ConsumerConfig(ack_wait=_ACK_SECONDS),
        pull_sub=PullSub(batch_size=TOGETHER, timeout=1.0),
        max_workers=TOGETHER,
        ack_policy=AckPolicy.MANUAL,
    )
    async def handle(_body: Any, message: NatsMessage) -> None:
        at = message.raw_message.metadata.sequence.stream
        named = message.headers.get("Nats-Msg-Id") or f"{place.name}/{at}"
        body = message.raw_message.data
        if await take([to_message(place, body, named=named, content_type=message.content_type)]):
            await message.ack()

    return broker


def amqp(place: Place, take: Take) -> Any:
    """Consume a RabbitMQ queue; each message is acknowledged by itself."""
    from faststream import AckPolicy
    from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(place.url, logger=None, default_channel=Channel(prefetch_count=TOGETHER))

    @broker.subscriber(RabbitQueue(place.name, declare=False), ack_policy=AckPolicy.MANUAL)
    async def handle(_body: Any, message: RabbitMessage) -> None:
        raw = message.raw_message
        said = to_message(place, raw.body, named=raw.message_id, content_type=raw.content_type)
        if await take([said]):
            await message.ack()

    return broker


def kafka(place: Place, take: Take) -> Any:
    """Read a Kafka topic in a consumer group; offsets are committed after each stored batch.

    One batch at a time: a commit covers everything read so far, so nothing may be under way.
    """
    from aiokafka.errors import KafkaError
    from faststream import AckPolicy
    from faststream.kafka import KafkaBroker, KafkaMessage, Topic

    broker = KafkaBroker(
        f"{place.host}:{place.port}",
        logger=None,
        security=_kafka_security(place),
        consumer_only=True,
    )

    @broker.subscriber(
        Topic(place.name, declare=False),
        batch=True,
        max_records=TOGETHER,
        group_id=place.durable,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
    )
    async def handle(_bodies: Any, message: KafkaMessage) -> None:
        records = message.raw_message
        said = [
            to_message(
                place,
                record.value or b"",
                named=f"{record.topic}/{record.partition}@{record.offset}",
                content_type=dict(record.headers).get("content-type", b"").decode() or None,
            )
            for record in (records if isinstance(records, tuple) else (records,))
        ]
        if await take(said):
            try:
                await message.ack()
            except KafkaError as error:
                log.warning("stored, but not committed to Kafka; they come again: %s", error)

    return broker


SUBSCRIPTIONS: dict[str, Callable[[Place, Take], Any]] = {
    "nats": nats,
    "amqp": amqp,
    "kafka": kafka,
}


async def missing_topic(place: Place) -> str | None:
    """Say why a Kafka topic cannot be read; asking for it would create it on many clusters."""
    if place.kind != "kafka":
        return None
    from aiokafka.admin import AIOKafkaAdminClient
    from faststream.kafka.security import parse_security

    security = parse_security(_kafka_security(place))
    admin = AIOKafkaAdminClient(bootstrap_servers=f"{place.host}:{place.port}", **security)
    try:
        await admin.start()
        known = place.name in await admin.list_topics()
    finally:
        await admin.close()
    return None if known else "there is no such topic"


def _kafka_security(place: Place) -> Any:
    """SASL by the URL's user, and TLS unless ``tls=0``; without a user TLS only by ``tls=1``."""
    import ssl

    from faststream import security

    parts = urlsplit(place.url)
    asked = place.options.get("tls", "1" if parts.username else "0")
    context = ssl.create_default_context() if asked == "1" else None
    if not parts.username:
        return security.BaseSecurity(use_ssl=True, ssl_context=context) if context else None
    mechanism = place.options.get("sasl", "plain").lower()
    if mechanism not in _SASL:
        raise BadBrokerUrl(f"sasl={mechanism} is unknown; there are: {', '.join(_SASL)}")
    return getattr(security, _SASL[mechanism])(
        username=unquote(parts.username),
        password=unquote(parts.password or ""),
        use_ssl=context is not None,
        ssl_context=context,
    )


def _usable(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 300 and name.isprintable()
