"""The page and its calls: loopback only, with a token, and nothing from other sites."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from importlib.resources import files
from secrets import compare_digest, token_urlsafe
from typing import Any, Final, get_args

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from structgen.errors import InvalidOutputError, JournalError, NotJsonError
from structgen.pipeline.journal.reviews import Status
from structgen.reading.images.pages import with_pictures
from structgen.schema.check import validate
from structgen.schema.json_text import parse_json
from structgen.server.review.inputs import inputs_of
from structgen.server.review.numbers import for_page, from_page
from structgen.server.review.records import Records

_HOSTS: Final = {"127.0.0.1", "localhost", "[::1]"}
"""Other names may be those of a foreign site that leads here (DNS rebinding)."""
_HEADER: Final = "x-structgen-review"
"""A header that no form and no other site can send without being asked first (CSRF)."""
_DIGITS: Final = 10
"""Digits of the number of a page: more are none."""
_CONFLICT: Final = (
    "Somebody else has saved this record since you opened it. Nothing was overwritten; reload it "
    "to see the new version."
)


class _Json(JSONResponse):
    """JSON in ASCII: a text of somebody's file may have half a surrogate pair, which no encoding
    can write."""

    def render(self, content: Any) -> bytes:
        return json.dumps(for_page(content), separators=(",", ":")).encode()


_Handler = Callable[[Request], Awaitable[Response]]


def review_app(records: Records, token: str) -> Starlette:
    """Make the app.

    Args:
        records: What is reviewed.
        token: The secret in the address that opens the page.
    """
    # A cookie is sent to every port of a host, so two servers need two names.
    cookie = f"structgen_review_{sha256(token.encode()).hexdigest()[:8]}"

    def guarded(handler: _Handler) -> _Handler:
        async def checked(request: Request) -> Response:
            host = request.headers.get("host", "").rpartition(":")[0]
            given = request.cookies.get(cookie, "").encode()
            origin = request.headers.get("origin", f"http://{request.headers.get('host')}")
            if origin != f"http://{request.headers.get('host')}":
                return _refusal("This call comes from another site.", 403)
            if host not in _HOSTS or not compare_digest(given, token.encode()):
                return _refusal("Open the address that `structgen review` printed.", 403)
            if request.url.path.startswith("/api/") and request.headers.get(_HEADER) != "1":
                return _refusal("This call does not come from the review page.", 403)
            return await handler(request)

        return checked

    async def enter(request: Request) -> Response:
        given = request.query_params.get("token")
        if given is None:
            return await guarded(page)(request)
        if not compare_digest(given.encode(), token.encode()):
            return _refusal("The token is wrong; open the address that was printed.", 403)
        answer = RedirectResponse("/", 303, headers={"referrer-policy": "no-referrer"})
        answer.set_cookie(cookie, token, httponly=True, samesite="strict")
        return answer

    async def page(request: Request) -> Response:
        nonce = token_urlsafe()
        html = (files("structgen.server.review") / "page.html").read_text(encoding="utf-8")
        html = with_pictures(html)
        policy = f"default-src 'none'; connect-src 'self'; script-src 'nonce-{nonce}'; "
        policy += (
            f"style-src 'nonce-{nonce}'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        headers = {"content-security-policy": policy, "cache-control": "no-store"}
        return HTMLResponse(html.replace("NONCE", nonce), headers=headers)

    async def listed(request: Request) -> Response:
        schema: Any = records.target.schema
        return await _answer(lambda: _Json({**inputs_of(schema), "records": records.listed()}))

    async def record(request: Request) -> Response:
        key = request.query_params.get("key", "")
        if key not in records:
            return _refusal("There is no such record.", 404)
        return await _answer(lambda: _Json(records.shown(key)))

    async def pages(request: Request) -> Response:
        key = request.query_params.get("key", "")
        if key not in records:
            return _refusal("There is no such record.", 404)
        return _Json(await run_in_threadpool(records.pages, key))

    async def image(request: Request) -> Response:
        number = request.query_params.get("page", "")
        wanted = int(number) if number.isdecimal() and len(number) < _DIGITS else 0
        found = records.image(request.query_params.get("key", ""), wanted)
        if found is None:
            return _refusal("There is no such page.", 404)
        headers = {
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
            "cache-control": "no-store",
        }
        return Response(found.data, media_type=found.media_type, headers=headers)

    async def save(request: Request) -> Response:
        body = await request.body()
        return await _answer(lambda: _saved(records, body))

    async def check(request: Request) -> Response:
        return await run_in_threadpool(_checked, records, await request.body())

    return Starlette(
        routes=[
            Route("/", enter),
            Route("/api/records", guarded(listed)),
            Route("/api/record", guarded(record)),
            Route("/api/pages", guarded(pages)),
            Route("/image", guarded(image)),
            Route("/api/save", guarded(save), methods=["POST"]),
            Route("/api/check", guarded(check), methods=["POST"]),
        ]
    )


async def _answer(make: Callable[[], Response]) -> Response:
    """Answer in a thread; if the file of the decisions fails, say why."""
    try:
        return await run_in_threadpool(make)
    except JournalError as error:
        return _refusal(f"{error.message} Make room or the file writable, and try again.", 503)


def _saved(records: Records, body: bytes) -> Response:
    try:
        data: Any = parse_json(body)
        key, version, status = data["key"], data["version"], data["status"]
    except (NotJsonError, TypeError, KeyError):
        return _refusal("The body is not a review.", 400)
    if (
        not isinstance(key, str)
        or key not in records
        or not isinstance(version, int)
        or status not in get_args(Status)
    ):
        return _refusal("There is no such record or decision.", 400)
    try:
        kept = records.save(key, version, status, from_page(data.get("value")))
    except InvalidOutputError as error:
        return _violations(error, 422)
    if not kept:
        return _Json({"message": _CONFLICT, "record": records.shown(key)}, 409)
    return _Json(records.shown(key))


def _checked(records: Records, body: bytes) -> Response:
    try:
        validate(records.target, from_page(parse_json(body)))
    except InvalidOutputError as error:
        return _violations(error, 200)
    except NotJsonError:
        return _refusal("The body is not JSON.", 400)
    return _Json({"message": "", "violations": [], "paths": []})


def _violations(error: InvalidOutputError, status: int) -> Response:
    lines = [str(one) for one in error.violations]
    paths = [one.path for one in error.violations]
    return _Json({"message": "; ".join(lines[:3]), "violations": lines, "paths": paths}, status)


def _refusal(message: str, status: int) -> Response:
    return _Json({"message": message}, status)
