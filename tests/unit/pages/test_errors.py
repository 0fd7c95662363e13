"""Problems as pages for browsers, as documents for programs."""

from __future__ import annotations

import importlib
import re

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app import problems
from app.http import problem_responses
from app.http.csrf import CrossSiteCheck
from app.pages import errors
from app.presenting import language
from tests.unit.pages.conftest import Course

HTML = {"Accept": "text/html,*/*"}


class Refuses:
    """Middleware that answers a problem itself, as the request limit does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/refused":
            await problem_responses.from_problem(problems.TooLarge("Too <large>.", headers={"Retry-After": "7"}))(
                scope, receive, send
            )
        else:
            await self.app(scope, receive, send)


@pytest.fixture
def app() -> FastAPI:
    """Routes that go wrong, set up as the service does."""
    app = FastAPI()

    @app.api_route("/{kind}", methods=["GET", "POST"])
    @app.get("/api/{kind}")
    def wrong(kind: str) -> str:
        if kind == "forbidden":
            raise problems.Forbidden
        if kind == "unknown":
            raise problems.Unauthenticated
        if kind in ("crash", "login"):
            raise RuntimeError("secret")
        return "fine"

    problem_responses.install(app)
    app.add_middleware(Refuses)
    errors.install(app)
    return app


async def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, headers=headers)


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), [("/forbidden", 403), ("/refused", 413), ("/crash", 500), ("/a/b", 404)])
async def test_a_browser_reads_a_page(app: FastAPI, path: str, status: int) -> None:
    answer = await get(app, path, **HTML)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "secret" not in answer.text
    assert "<large>" not in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), [("/forbidden", 403), ("/refused", 413), ("/crash", 500)])
async def test_a_program_reads_the_document(app: FastAPI, path: str, status: int) -> None:
    answer = await get(app, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == problems.MEDIA_TYPE


@pytest.mark.anyio
async def test_the_api_never_answers_with_a_page(app: FastAPI) -> None:
    assert (await get(app, "/api/forbidden", **HTML)).headers["content-type"] == problems.MEDIA_TYPE


@pytest.mark.anyio
async def test_who_is_not_logged_in_is_led_to_the_login_and_back(app: FastAPI) -> None:
    answer = await get(app, "/unknown?review=1&q=a", **HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?back=%2Funknown%3Freview%3D1%26q%3Da")


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), [("/forbidden", 403), ("/refused", 413), ("/unknown", 401)])
async def test_the_script_of_a_page_gets_a_piece_to_put_into_it(app: FastAPI, path: str, status: int) -> None:
    answer = await get(app, path, **{"HX-Request": "true"})
    assert answer.status_code == status
    assert answer.text.startswith('<p role="alert">')


@pytest.mark.anyio
async def test_what_was_refused_is_told_in_the_readers_language(app: FastAPI) -> None:
    answer = await get(app, "/forbidden", **HTML, **{"Accept-Language": "zh-TW"})
    assert "請以有權限的帳號登入" in answer.text
    assert "Your role" not in answer.text


@pytest.mark.anyio
async def test_a_problem_without_words_of_its_own_says_its_detail(app: FastAPI) -> None:
    assert "Too &lt;large&gt;." in (await get(app, "/refused", **HTML)).text


async def post(app: FastAPI, path: str, body: bytes | dict[str, str], **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    sent = {"content": body} if isinstance(body, bytes) else {"data": body}
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(path, headers={**HTML, **headers}, **sent)


COMMENT = "Your <b>axes</b> have no labels.\nPlease add them."


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/unknown", "/crash", "/refused", "/forbidden"])
async def test_a_form_that_was_not_saved_is_shown_with_what_was_typed(app: FastAPI, path: str) -> None:
    answer = await post(app, path, {"reason": COMMENT, "revision": "3f2a", "score": "0.5"})
    assert answer.status_code >= 400
    assert COMMENT.replace("<", "&lt;").replace(">", "&gt;") in answer.text
    can_be_sent_again = '<input type="hidden" name="score" value="0.5">' in answer.text
    assert can_be_sent_again == (path in ("/unknown", "/crash"))


@pytest.mark.anyio
async def test_what_another_site_sent_is_not_shown(app: FastAPI) -> None:
    app.add_middleware(CrossSiteCheck)
    errors.install(app)
    answer = await post(app, "/unknown", {"reason": COMMENT}, **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert "axes" not in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/login", "/lti/launch"])
async def test_a_secret_is_never_shown_again(app: FastAPI, path: str) -> None:
    answer = await post(app, path, {"token": "assay_secret word"})
    assert answer.status_code >= 400
    assert "assay_secret" not in answer.text


@pytest.mark.anyio
@pytest.mark.parametrize("body", [b"reason=" + b"a+" * 2**17, b"a=b+c&" * 600, b"reason=a+\xff"])
async def test_a_form_beyond_the_limits_is_not_repeated(app: FastAPI, body: bytes) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await post(app, "/crash", body, **headers)
    assert answer.status_code == 500
    assert len(answer.text) < 10_000
    assert "What you typed" not in answer.text


@pytest.mark.anyio
async def test_what_a_problem_says_in_its_headers_is_kept(app: FastAPI) -> None:
    assert (await get(app, "/refused", **HTML)).headers["retry-after"] == "7"


@pytest.mark.anyio
async def test_what_went_well_is_left_alone(app: FastAPI) -> None:
    assert (await get(app, "/fine", **HTML)).json() == "fine"


@pytest.fixture
def anyio_backend() -> str:
    """The loop that the service runs on."""
    return "asyncio"


def test_a_refused_launch_shows_the_command_that_helps(course: Course) -> None:
    page = course.get("/lti/login?iss=https://x.org&login_hint=1&target_link_uri=http://test/").text
    assert "<code>assay lti add</code>" in page
    assert "`" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/nothing/here",
        "/submissions/no-id",
        "/submissions/00000000-0000-0000-0000-000000000000",
        "/compare?first=1&second=2",
        "/?assignment=no-assignment",
        "/dashboard/no-assignment",
        "/dashboard/hw13/students/nobody",
        "/admin/people/nobody",
        "/admin/regrades/no-id",
    ],
)
def test_an_address_that_names_nothing_is_not_found(course: Course, path: str) -> None:
    answer = course.send("GET", path, headers={"Accept": "text/html", "Accept-Language": "zh-TW"})
    assert answer.status_code == 404
    assert "找不到這個頁面" in answer.text
    assert '<a href="/" class="button">' in answer.text
    detail = re.search(r"</h1>\n<p>(.*)</p>", answer.text)
    assert detail is not None
    assert not re.search("[a-z]{4}", detail[1]), detail[1]


def test_a_value_that_is_not_valid_is_told_without_the_names_of_its_fields(course: Course) -> None:
    answer = course.get("/compare")
    assert answer.status_code == 422
    assert "Field required" not in answer.text
    assert "Go back" in answer.text


WITHOUT_A_TEXT = {
    # Their details name the rows, submissions or fields that they are about, or the page itself shows them.
    "assignment-faulty",
    "cannot-delete",
    "lti-platform-changed",
    "lti-registration-failed",
    "slug-taken",
    "conflict",
    "name-too-long",
    "precondition-failed",
    "regrade-outdated",
    "roster",
    "too-many-requests",
    "unknown-part",
    "unknown-question",
    "unprocessable",
    # Their texts are translated where they are raised.
    "lti-launch-refused",
    "too-many-checks",
    # Only clients of the API and the command line meet them.
    "extension-not-found",
    "extension-useless",
    "gradebook-unusable",
    "idempotency-key-reused",
    "lti-key-not-stored",
    "lti-no-key",
    "lti-platform-name-taken",
    "lti-platform-not-found",
    "lti-platform-unusable",
    "no-sandbox",
    "not-ready",
    "own-extension",
    "part-not-found",
    "problem",
    "release-not-found",
    "too-many-streams",
    "version-taken",
}


def slugs(kind: type[problems.Problem] = problems.Problem) -> set[str]:
    return {kind.slug}.union(*map(slugs, kind.__subclasses__()))


def test_every_problem_of_a_page_has_a_text() -> None:
    importlib.import_module("app.main")
    without = {slug for slug in slugs() if f"problem_{slug}" not in language.texts("en")}
    assert without - WITHOUT_A_TEXT == set()
