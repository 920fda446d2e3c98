"""The page: all of it comes with the package, and it can speak to no other host."""

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hatchling.builders.wheel import WheelBuilder
from starlette.applications import Starlette

from gateway.development.graphiql import graphiql_routes
from gateway.development.graphiql.routes import ASSETS

ROOT = Path(__file__).parents[2]


class References(HTMLParser):
    """Every address in an HTML page, and the text of its data script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found |= {str(given[name]) for name in ("src", "href", "action") if name in given}
        if tag == "style" or "style" in given or (tag == "script" and "src" not in given):
            self.inline.append(str(given.get("type")))


def client(**options: Any) -> httpx2.AsyncClient:
    app = Starlette(routes=graphiql_routes(**options))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://gateway.invalid")


async def get(path: str, **options: Any) -> httpx2.Response:
    async with client(**options) as http:
        return await http.get(path)


async def page_data(**options: Any) -> Any:
    html = (await get("/graphiql", **options)).text
    match = re.search(r'<script id="page" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    return json.loads(match[1])


async def test_everything_that_the_page_refers_to_is_served_with_the_package() -> None:
    references = References((await get("/graphiql")).text).found
    assert len(references) == 8
    async with client() as http:
        for address in references:
            response = await http.get(address)
            assert response.status_code == 200, address
            assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert response.headers["x-content-type-options"] == "nosniff"


async def test_the_page_refers_to_no_other_host() -> None:
    html = (await get("/graphiql")).text
    assert "//" not in re.sub(r"<script id=.*?</script>", "", html)
    assert all(address.startswith("/graphiql/assets/") for address in References(html).found)


async def test_our_own_files_name_no_host() -> None:
    for name in ("frontdoor.js", "frontdoor.css", "watch.js"):
        text = (ASSETS / name).read_text(encoding="utf-8")
        assert re.findall(r"(?:https?:)?//\w[\w.-]*\.\w+", text) == []


def test_the_vendored_style_sheet_loads_nothing() -> None:
    css = (ASSETS / "vendor/graphiql.min.css").read_text(encoding="utf-8")
    assert "@import" not in css
    assert {address[:5] for address in re.findall(r"url\(\s*[\"']?([^)]*)", css)} == {"data:"}


async def test_the_policy_lets_the_page_reach_its_own_host_only() -> None:
    headers = (await get("/graphiql")).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "script-src" not in policy
    assert "connect-src" not in policy
    assert {source for value in policy.values() for source in value.split()} == {
        "'self'",
        "'none'",
        "'unsafe-inline'",
        "data:",
    }
    assert "'unsafe-inline'" not in "".join(value for name, value in policy.items() if name != "style-src")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_the_page_has_no_script_or_style_of_its_own_but_data() -> None:
    assert References((await get("/graphiql")).text).inline == ["application/json"]


async def test_the_tabs_stand_in_their_order() -> None:
    titles = [
        re.search(r"(?:query|mutation|subscription) (\w+)", tab["query"])
        for tab in (await page_data())["tabs"]
    ]
    assert [title and title[1] for title in titles] == [
        "BrowsePlans",
        "FindSlots",
        "HoldSlot",
        "QuoteVisit",
        "StartCheckout",
        "WatchCheckout",
        "DeclineAndRetry",
        "ConfirmCheckout",
        "MyVisits",
        "MyPurchases",
        "StartPurchase",
        "BrowseGroups",
        "QuoteMove",
        "FindNewTime",
        "HoldNewTime",
        "MoveVisit",
        "QuoteCancellation",
        "CancelVisit",
    ]


async def test_for_operators_there_is_no_purchase_no_visitor_and_a_place_for_their_token() -> None:
    page = await page_data(for_operators=True)
    assert (page["walk"], page["remembered"], page["links"]) == (False, {}, [])
    (tab,) = page["tabs"]
    assert "query NeedingAttention" in tab["query"]
    assert json.loads(tab["headers"]) == {"Authorization": "Bearer "}
    assert (await page_data())["walk"] is True


async def test_for_operators_the_page_is_kept_to_itself_as_for_developers() -> None:
    theirs, ours = await get("/graphiql", for_operators=True), await get("/graphiql")
    assert theirs.headers["content-security-policy"] == ours.headers["content-security-policy"]
    assert References(theirs.text).found == References(ours.text).found
    assert References(theirs.text).inline == ["application/json"]


async def test_the_emulator_is_linked_when_its_address_is_given() -> None:
    assert (await page_data())["links"] == []
    links = (await page_data(emulator_url="http://127.0.0.1:8001/"))["links"]
    assert [link["href"] for link in links] == [
        "http://127.0.0.1:8001/",
        "http://127.0.0.1:8001/_control/books",
    ]


async def test_a_setting_cannot_end_the_data_script() -> None:
    address = "http://127.0.0.1/</script><script>alert(1)</script>"
    assert (await page_data(emulator_url=address))["links"][0]["href"] == address


@pytest.mark.parametrize(
    "endpoint", ["https://api.example.com/graphql", "//api.example.com/graphql", "graphql"]
)
def test_an_endpoint_on_another_host_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError, match="own host"):
        graphiql_routes(endpoint=endpoint)


async def test_the_page_asks_the_endpoint_that_it_is_given() -> None:
    assert (await page_data(endpoint="/api"))["endpoint"] == "/api"


def test_vendored_files_are_byte_for_byte_what_was_published() -> None:
    vendor = ASSETS / "vendor"
    sums = {line[66:]: line[:64] for line in (vendor / "SHA256SUMS").read_text().splitlines()}
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in vendor.glob("*.*s")}
    assert files == sums


def test_all_files_go_into_the_wheel() -> None:
    wheel = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gateway/development/graphiql").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files - wheel == set()
