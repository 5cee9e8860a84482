"""Everything a request needs, built once per app and kept in ``app.state.service``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.engine import Engine
from starlette.requests import Request

from ingestion.database import engine as open_engine
from ingestion.settings import Settings
from scoring_api.auth import Authenticator, Principal, RateLimiter
from scoring_api.books import Books
from scoring_api.config import Limits
from scoring_api.desk import Desk
from scoring_api.facts import Facts
from scoring_api.holdings import Holdings
from scoring_api.journal import Claim
from scoring_api.metrics import Metrics
from scoring_api.rack import ALIAS, ModelRack, Scorer
from scoring_api.sealer import Sealer
from scoring_api.webhooks import Webhooks


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Service:
    """The parts of one running app.

    ``claimed`` are the idempotency keys being worked on in this process, ``lag_seconds`` how late
    the event loop last was, ``draining`` is set once the process has been asked to stop.
    """

    settings: Settings
    limits: Limits
    now: Callable[[], datetime]
    engine: Engine
    metrics: Metrics
    rack: ModelRack
    desk: Desk
    authenticator: Authenticator
    rates: RateLimiter
    facts: Facts
    books: Books
    sealer: Sealer
    webhooks: Webhooks
    claimed: set[tuple[str, str]] = field(default_factory=set)
    lag_seconds: float = 0.0
    draining: bool = False

    def close(self) -> None:
        """Finish and store queued work, then let go of the database."""
        self.desk.close()
        self.engine.dispose()


def open_service(
    settings: Settings,
    *,
    scorer: Scorer | None,
    now: Callable[[], datetime],
    limits: Limits,
) -> Service:
    """Open the database and put the parts together; the bundle, if any, is loaded."""
    engine = open_engine(settings)
    metrics = Metrics()
    metrics.also(Holdings(settings, engine))
    rack = ModelRack(settings.models_dir / ALIAS, metrics=metrics, scorer=scorer)
    rack.refresh()
    return Service(
        settings=settings,
        limits=limits,
        now=now,
        engine=engine,
        metrics=metrics,
        rack=rack,
        desk=Desk(engine, rack),
        authenticator=Authenticator(engine, remember_seconds=limits.key_cache_seconds),
        rates=RateLimiter(default=limits.rate, special={"giveFeedback": limits.feedback_rate}),
        facts=Facts(settings.home),
        books=Books(settings, engine),
        sealer=Sealer(settings, engine, every_seconds=limits.seal_seconds),
        webhooks=Webhooks(settings.secrets_dir),
    )


def service_of(request: Request) -> Service:
    """The service behind a request."""
    service: Service = request.app.state.service
    return service


def principal_of(request: Request) -> Principal:
    """Who asks; set by the guard of every ``/v1`` route."""
    principal: Principal = request.scope["retrace.principal"]
    return principal


def claim_of(request: Request) -> Claim | None:
    """The request's idempotency claim, if it came with a key."""
    claim: Claim | None = request.scope.get("retrace.claim")
    return claim
