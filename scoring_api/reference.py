"""The reference page: the OpenAPI description as one static page, without scripts or strangers.

Swagger UI and ReDoc are loaded from somebody else's servers; this page needs nothing but itself.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

STYLE = """
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5b6776;--line:#d9dfe6;--ground:#fff;
--panel:#f5f7f9;--post:#0b6b53;--get:#1f5fa8;--accent:#0b6b53}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf1;--soft:#9aa7b5;--line:#2c3743;
--ground:#12181f;--panel:#1a222b;--post:#4fc3a1;--get:#7db4f0;--accent:#4fc3a1}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.55 system-ui,sans-serif}main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 5rem}
h1{font-size:1.7rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.6rem 0 .8rem;
border-bottom:1px solid var(--line);padding-bottom:.3rem}p{margin:.5rem 0}a{color:var(--accent)}
code,pre{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}code{background:var(--panel);
padding:.05rem .3rem;border-radius:3px}pre{background:var(--panel);border:1px solid var(--line);
border-radius:6px;padding:.8rem 1rem;overflow-x:auto}pre code{padding:0;background:none}
details{border:1px solid var(--line);border-radius:8px;margin:.55rem 0;padding:0 1rem}
summary{cursor:pointer;padding:.65rem 0;display:flex;gap:.75rem;align-items:baseline;
flex-wrap:wrap}summary b{font:600 12px ui-monospace,monospace;width:3.2rem}.post{color:var(--post)}
.get{color:var(--get)}summary span{color:var(--soft)}table{border-collapse:collapse;width:100%;
margin:.5rem 0 1rem;font-size:14px}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem
.3rem 0;border-bottom:1px solid var(--line)}th{color:var(--soft);font-weight:600}
"""
POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src "
    f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


def reference_page(schema: dict[str, Any], *, origin: str) -> str:
    """Render an OpenAPI description.

    Parameters
    ----------
    origin : str
        Scheme, host and port for the ``curl`` lines, without a slash at the end.
    """
    described = schema["info"]
    families: dict[str, list[str]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            block = "".join(_operation(schema, path, method, operation, origin=origin))
            families.setdefault(operation.get("tags", ["other"])[0], []).append(block)
    body = "".join(
        f"<h2>{escape(family.capitalize())}</h2>{''.join(blocks)}"
        for family, blocks in families.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(described['title'])}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(described['title'])}</h1><p>Version {escape(described['version'])}, "
        f'<a href="/openapi.json">openapi.json</a>, <a href="/source">source</a></p>'
        f"{_prose(described['description'])}{body}</main></body></html>"
    )


def _operation(
    schema: dict[str, Any], path: str, method: str, operation: dict[str, Any], *, origin: str
) -> Iterator[str]:
    yield (
        f'<details id="{escape(operation["operationId"])}"><summary><b class="{method}">'
        f"{method.upper()}</b><code>{escape(path)}</code>"
        f"<span>{escape(operation.get('summary', ''))}</span></summary>"
    )
    yield _prose(operation.get("description", ""))
    content = operation.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), None)
    body = _resolve(schema, content.get(media_type, {}).get("schema", {}))
    sent = (media_type, (body.get("examples") or [None])[0]) if media_type else None
    command = _curl(path, operation, sent, origin=origin)
    yield f"<pre><code>{escape(command)}</code></pre>"
    if body.get("properties"):
        yield _fields(schema, body)
    yield "<table><tr><th>Status</th><th>Meaning</th></tr>"
    for status, response in sorted(operation["responses"].items()):
        yield f"<tr><td>{status}</td><td>{escape(response['description'])}</td></tr>"
    yield "</table></details>"


def _curl(
    path: str, operation: dict[str, Any], sent: tuple[str, object] | None, *, origin: str
) -> str:
    parts = [f"curl {origin}{path}"]
    if operation.get("security"):
        parts.append('-H "Authorization: Bearer $RETRACE_KEY"')
    if sent:
        text = json.dumps(sent[1], indent=1).replace("'", "'\\''")
        parts += [f"-H 'Content-Type: {sent[0]}'", f"-d '{text}'"]
    return " \\\n  ".join(parts)


def _fields(schema: dict[str, Any], body: dict[str, Any]) -> str:
    required = set(body.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_kind(schema, field))}</td>"
        f"<td>{'required' if name in required else ''}</td>"
        f"<td>{_inline(field.get('description', ''))}</td></tr>"
        for name, field in body["properties"].items()
    )
    return f"<table><tr><th>Field</th><th>Type</th><th></th><th></th></tr>{rows}</table>"


def _kind(schema: dict[str, Any], field: dict[str, Any]) -> str:
    field = _resolve(schema, field)
    if "anyOf" in field:
        kinds = [_kind(schema, option) for option in field["anyOf"]]
        return " or ".join(dict.fromkeys(kind for kind in kinds if kind != "null"))
    if "enum" in field:
        return ", ".join(str(value) for value in field["enum"])
    return str(field.get("format") or field.get("type") or "any")


def _resolve(schema: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        field = schema["components"]["schemas"][name]
    return field


def _prose(text: str) -> str:
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip()):
        if block.startswith("* "):
            points = re.split(r"\n?^\* ", block, flags=re.M)[1:]
            blocks.append(f"<ul>{''.join(f'<li>{_inline(p)}</li>' for p in points)}</ul>")
        elif block:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "".join(blocks)


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
