"""Running the app: one process on uvicorn, which leaves the stage in order when asked to."""

import asyncio
import gc
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from ingestion.errors import RetraceError
from ingestion.settings import Settings
from scoring_api.app import create_app
from scoring_api.config import Limits
from scoring_api.service import Service

_SWITCH_SECONDS = 0.0005
_GRACE_SECONDS = 30


class CannotListen(RetraceError):
    """The address or port cannot be had."""

    def __init__(self, host: str, port: int, why: str) -> None:
        self.host = host
        self.port = port
        super().__init__(
            f"Cannot listen on {host}:{port}: {why}. Choose another with --host and --port."
        )


class _Server(uvicorn.Server):
    """Says "not ready" for a moment before it stops accepting, so balancers can look away."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        patient = sig == signal.SIGTERM and not self._service.draining
        self._service.draining = True
        if not patient:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        asyncio.get_running_loop().call_soon_threadsafe(self._stop_soon)

    def _stop_soon(self) -> None:
        asyncio.get_running_loop().call_later(self._service.limits.drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def serve(settings: Settings, host: str, port: int, *, limits: Limits | None = None) -> None:
    """Serve a home's API until SIGTERM or SIGINT; requests under way are finished.

    Raises
    ------
    CannotListen
        The port is taken, or the address is not ours.
    DatabaseUnreachable
    """
    listener = _listen(host, port)
    _write_logs_to_stderr()
    app = create_app(settings, limits=limits)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        workers=1,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    sys.setswitchinterval(_SWITCH_SECONDS)  # the loop must not wait 5 ms for a busy scorer thread
    gc.collect()
    gc.freeze()  # models and routes live as long as the process: never look at them again
    with listener:
        _Server(config, app.state.service).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(host, port, error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise CannotListen(host, port, error.strerror or str(error)) from error
    listener.setblocking(False)
    return listener


def _write_logs_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in ("retrace.api", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.INFO)
        logger.propagate = False
