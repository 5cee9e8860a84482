"""The commands that serve: serve and keys."""

from typing import Annotated

import typer

from ingestion.console import AsJson, Home, err, out, print_json, table
from ingestion.settings import Settings

app = typer.Typer()
keys_app = typer.Typer(no_args_is_help=True, help="API keys of the scoring API.")
app.add_typer(keys_app, name="keys")


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
