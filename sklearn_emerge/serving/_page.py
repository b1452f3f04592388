"""A page that says how a service is asked, of plain HTML: it needs nothing from elsewhere."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any


def page_of(schema: Mapping[str, Any]) -> str:
    """Return what an OpenAPI schema says, as a page.

    Parameters
    ----------
    schema : dict
        As ``FastAPI.openapi()`` returns it.
    """
    title = escape(schema["info"]["title"])
    parts = [f"<h1>{title}</h1>", f"<p>{escape(schema['info'].get('description', ''))}</p>"]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            parts += [
                f"<h2>{escape(method.upper())} {escape(path)}</h2>",
                f"<p>{escape(operation.get('description', ''))}</p>",
            ]
    shapes = json.dumps(schema.get("components", {}).get("schemas", {}), indent=2)
    parts.append(f"<h2>Shapes</h2><pre>{escape(shapes)}</pre>")
    parts.append('<p>All of it is in <a href="openapi.json">openapi.json</a>.</p>')
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return head + "\n".join(parts) + "</html>\n"
