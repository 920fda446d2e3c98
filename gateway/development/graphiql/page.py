"""Renders the page's HTML, and holds its security headers."""

import json
from pathlib import Path
from string import Template

from gateway.development.graphiql.examples import OPERATORS_TITLES, TITLES, load_examples, remembered

_TEMPLATE = Path(__file__).parent / "page.html"

_POLICY = (
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # dialogs and menus of GraphiQL insert <style> elements
    "font-src 'self' data:",  # GraphiQL's fonts are inside its style sheet
    "img-src 'self' data:",  # and so are its editor's icons
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)

PAGE_HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # a new version of the package shows at once
}


def render_page(*, endpoint: str, assets: str, emulator_url: str | None, for_operators: bool) -> str:
    """Renders the HTML. `assets` is the base path of the static files.

    With `for_operators` it has no purchase example, fetches no visitor token, and does not store headers that are typed in.
    """
    links = []
    if emulator_url is not None:
        links.append({"text": "Healthie emulator", "href": emulator_url})
        links.append({"text": "its books", "href": f"{emulator_url.rstrip('/')}/_control/books"})
    page = {
        "endpoint": endpoint,
        "links": links,
        "walk": not for_operators,
        "remembered": {} if for_operators else remembered(),
        "tabs": [
            {"query": tab.query, "variables": tab.variables, "headers": tab.headers}
            for tab in load_examples(OPERATORS_TITLES if for_operators else TITLES)
        ],
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(assets=assets, page=_for_script(page))


def _for_script(value: object) -> str:
    """JSON that is safe inside a script element: nothing in it can end the element."""
    return json.dumps(value).replace("<", "\\u003c")
