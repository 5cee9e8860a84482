"""The commands that serve: serve, keys, webhooks and audit."""

from dataclasses import asdict
from typing import Annotated

import typer

from ingestion.console import AsJson, Home, err, out, print_json, table
from ingestion.errors import RetraceError
from ingestion.settings import Settings

app = typer.Typer()
keys_app = typer.Typer(no_args_is_help=True, help="API keys of the scoring API.")
app.add_typer(keys_app, name="keys")
webhooks_app = typer.Typer(no_args_is_help=True, help="Who may push signed webhooks.")
app.add_typer(webhooks_app, name="webhooks")
audit_app = typer.Typer(no_args_is_help=True, help="The chain of what the API did.")
app.add_typer(audit_app, name="audit")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.")] = 8000,
    home: Home = None,
) -> None:
    """Serve the scoring API. Docs: http://HOST:PORT/docs"""
    from scoring_api.server import serve as run

    run(Settings.load(home), host, port)


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will use it.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key. It is shown once."""
    key_id, key = new_key(Settings.load(home), name)
    if as_json:
        print_json({"key_id": key_id, "key": key})
    else:
        out.print(f"{key_id}\n{key}", highlight=False)
        err.print("Keep the second line: it is shown only now.")


def new_key(settings: Settings, name: str) -> tuple[str, str]:
    from ingestion.database import engine
    from scoring_api.keys import create_key

    return create_key(engine(settings), name)


@keys_app.command("list")
def keys_list(home: Home = None, as_json: AsJson = False) -> None:
    """List API keys (never the secrets)."""
    from ingestion.database import engine
    from scoring_api.keys import list_keys

    keys = [key.to_dict() for key in list_keys(engine(Settings.load(home)))]
    if as_json:
        print_json({"keys": keys})
    else:
        table(
            f"{len(keys)} API keys",
            ["id", "name", "created", "revoked"],
            [[k["key_id"], k["name"], k["created_at"], k["revoked_at"]] for k in keys],
        )


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")], home: Home = None, as_json: AsJson = False
) -> None:
    """Revoke an API key."""
    from ingestion.database import engine
    from scoring_api.keys import revoke_key

    revoke_key(engine(Settings.load(home)), key_id)
    if as_json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        out.print(f"Revoked {key_id}.")


@webhooks_app.command("create")
def webhooks_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who will sign with it.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the secret with which a sender signs webhooks. It is shown once.

    To replace a secret without a gap make a second one, hand it over, then revoke the first:
    `retrace webhooks create carrier-2026`, later `retrace webhooks revoke carrier`
    """
    from scoring_api.webhooks import create_webhook_secret, list_senders

    settings = Settings.load(home)
    if name in {sender.name for sender in list_senders(settings)}:
        raise RetraceError(f"{name!r} has a secret. Revoke it first, or choose another name.")
    secret = create_webhook_secret(settings, name)
    if as_json:
        print_json({"name": name, "secret": secret})
    else:
        out.print(secret, highlight=False)
        err.print("Keep it: it is shown only now. The sender signs POST /v1/events with it.")


@webhooks_app.command("list")
def webhooks_list(home: Home = None, as_json: AsJson = False) -> None:
    """List senders (never the secrets).

    Example: `retrace webhooks list --json`
    """
    from scoring_api.webhooks import list_senders

    senders = [sender.to_dict() for sender in list_senders(Settings.load(home))]
    if as_json:
        print_json({"senders": senders})
    else:
        rows = [[sender["name"], sender["created_at"]] for sender in senders]
        table(f"{len(senders)} webhook senders", ["name", "created"], rows)


@webhooks_app.command("revoke")
def webhooks_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME")], home: Home = None, as_json: AsJson = False
) -> None:
    """Accept a sender's signature no more, from the next webhook on.

    Example: `retrace webhooks revoke carrier`
    """
    from scoring_api.webhooks import revoke_webhook_secret

    revoke_webhook_secret(Settings.load(home), name)
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        out.print(f"Revoked {name}.")


@audit_app.command("verify")
def audit_verify(home: Home = None, as_json: AsJson = False) -> None:
    """Recompute the audit chain; exit 1 if a row was changed, removed or inserted.

    Example: `retrace audit verify --json`
    """
    from ingestion.database import engine
    from scoring_api.audit import verify

    database = engine(Settings.load(home))
    try:
        verdict = verify(database)
    finally:
        database.dispose()
    if as_json:
        print_json({"intact": verdict.broken_at is None, **asdict(verdict)})
        if verdict.broken_at is not None:
            raise typer.Exit(1)
    elif verdict.broken_at is not None:
        raise RetraceError(
            f"The audit chain breaks at row {verdict.broken_at}: it or a row before it was "
            "changed, removed or inserted outside Retrace. Compare with a backup."
        )
    else:
        out.print(f"The audit chain is intact: {verdict.rows:,} rows.")
