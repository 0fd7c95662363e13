"""A learning platform: a real HTTP server with real keys and signatures, and a browser that visits it.

It plays what Canvas and Moodle play: it begins launches, signs them, checks our signatures against our own key
address, hands out tokens, and keeps a gradebook. To scores and early tokens it gives the answers of a real Moodle
(`tests/platforms`). It can be told to be away, to refuse, or to sign something else, and its clock can differ from
ours: it takes nothing that was issued in its future or has ended in its past.
"""

from __future__ import annotations

import html
import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from jwt.types import Options

from app.lti.registration import Registration
from tests.platforms import answers
from tests.platforms.answers import Answer

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
LEARNER, INSTRUCTOR = f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}#Instructor"
DEPLOYMENT, CLIENT = "deployment-1", "client-1"
MOODLE = answers.recorded()
OLDEST_SECONDS = 300
"""Canvas takes no token that was issued longer ago."""

SCHOOL = Registration(
    name="school",
    issuer="https://school.example.edu",
    client_id="client",
    deployments=["1"],
    auth_url="https://school.example.edu/auth",
    token_url="https://school.example.edu/token",
    jwks_url="https://school.example.edu/jwks",
)
"""A registered platform that no test talks to."""


def new_key() -> rsa.RSAPrivateKey:
    """A key pair."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


class Platform:
    """The platform's state and its server, which answers in threads of its own."""

    def __init__(self) -> None:
        self.keys = {"first": new_key()}
        self.signing = "first"
        self.tool = ""
        self.users: dict[str, dict[str, Any]] = {}
        self.scores: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.assertions: list[dict[str, Any]] = []
        self.down = False
        self.refuse: dict[str, int] = {}
        self.locked: set[str] = set()
        self.left: set[str] = set()
        self.gradebook: dict[str, float | None] = {}
        self.configuration: dict[str, Any] = {}
        self.registered: list[tuple[str | None, dict[str, Any]]] = []
        self._graded_at: dict[str, int] = {}
        self.asked_for: list[str] = []
        self.ahead = 0.0
        self.asked = 0
        self.busy = threading.Lock()
        self.overlapped: list[str] = []
        self.pause = 0.0
        self._at_work: set[str] = set()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                platform.get(self)

            def do_POST(self) -> None:
                platform.post(self)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(platform.now() if timestamp is None else timestamp)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def now(self) -> float:
        """The time by the platform's clock."""
        return time.time() + self.ahead

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def enrol(self, subject: str, *roles: str, **claims: Any) -> str:
        """Somebody of the platform. Returns the login hint."""
        self.users[subject] = {"sub": subject, "name": f"Name of {subject}", f"{LTI}roles": list(roles), **claims}
        return subject

    def claims(self, hint: str, nonce: str, target: str) -> dict[str, Any]:
        """What the platform signs for a launch."""
        moment = int(self.now())
        return {
            "iss": self.url,
            "aud": CLIENT,
            "iat": moment,
            "exp": moment + 300,
            "nonce": nonce,
            f"{LTI}deployment_id": DEPLOYMENT,
            f"{LTI}message_type": "LtiResourceLinkRequest",
            f"{LTI}version": "1.3.0",
            f"{LTI}target_link_uri": target,
            f"{LTI}resource_link": {"id": "link-1"},
            f"{LTI}context": {"id": "course-1", "title": "Compression"},
            **self.users[hint],
        }

    def sign(self, claims: dict[str, Any], *, key: Any = None, kid: str | None = None, alg: str = "RS256") -> str:
        """A signed token."""
        used = key if key is not None else self.keys[self.signing]
        return jwt.encode(claims, used, algorithm=alg, headers={"kid": kid or self.signing})

    def get(self, request: BaseHTTPRequestHandler) -> None:
        """Our keys, and the page that takes a launch to the tool."""
        address = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/jwks":
            self.asked += 1
            _reply(request, 503 if self.down else 200, json.dumps(self.jwks()))
        elif address.path == "/configuration":
            _reply(request, 503 if self.down else 200, json.dumps(self._about()))
        elif address.path == "/auth":
            claims = self.claims(query["login_hint"], query["nonce"], query["lti_message_hint"])
            fields = {"id_token": self.sign(claims), "state": query["state"]}
            _reply(request, 200, _form(query["redirect_uri"], fields, submit=True), "text/html")
        elif address.path == "/course":
            frame = query.pop("frame", "")
            form = _form(f"{self.tool}/lti/login", self.initiation(**query), target="tool" if frame else "")
            _reply(
                request, 200, form + ("<iframe name=tool width=900 height=700></iframe>" if frame else ""), "text/html"
            )
        else:
            _reply(request, 404, "{}")

    def _about(self) -> dict[str, Any]:
        """What the platform publishes for dynamic registration."""
        paths = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        paths |= {"registration_endpoint": "register"}
        urls = {name: f"{self.url}/{path}" for name, path in paths.items()}
        return {"issuer": self.url, **urls, **self.configuration}

    def initiation(self, hint: str, target: str, **more: str) -> dict[str, str]:
        """What the platform sends to begin a launch."""
        return {
            "iss": self.url,
            "login_hint": hint,
            "target_link_uri": target,
            "lti_message_hint": target,
            "client_id": CLIENT,
            **more,
        }

    def jwks(self) -> dict[str, Any]:
        """The platform's public keys."""
        keys = [json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid} for kid, key in self.keys.items()]
        return {"keys": [{**key, "use": "sig", "alg": "RS256", "key_ops": ["verify"]} for key in keys]}

    def post(self, request: BaseHTTPRequestHandler) -> None:
        """Tokens, scores, and what deep linking brings back."""
        address = urlsplit(request.path)
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if self.down:
            _reply(request, 503, "maintenance")
        elif address.path == "/token":
            self._token(request, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        elif address.path == "/register":
            self.registered.append((request.headers["Authorization"], json.loads(body)))
            tool = {"deployment_id": self.configuration.get("deployment_id", DEPLOYMENT)}
            answered = {"client_id": CLIENT, "https://purl.imsglobal.org/spec/lti-tool-configuration": tool}
            _reply(request, 200, json.dumps(answered))
        elif address.path.endswith("/scores"):
            self._score(request, address.path, address.query, body)
        elif address.path == "/deep-link-return":
            chosen = self.from_tool(parse_qs(body.decode())["JWT"][0], audience=self.url)
            if self.is_timely(chosen):
                self.answers.append(chosen)
                _reply(request, 200, "<h1>The link is in the course</h1>", "text/html")
            else:
                _reply(request, 400, "<h1>Not issued yet, or ended</h1>", "text/html")
        else:
            _reply(request, 404, "{}")

    def from_tool(self, token: str, *, audience: str) -> dict[str, Any]:
        """What the tool has signed, checked with the key that the tool publishes under that id."""
        published = httpx.get(f"{self.tool}/lti/jwks").json()["keys"]
        kid = jwt.get_unverified_header(token)["kid"]
        (found,) = [key for key in published if key["kid"] == kid]
        times: Options = {"verify_exp": False, "verify_iat": False}
        return jwt.decode(token, jwt.PyJWK(found), algorithms=["RS256"], audience=audience, options=times)

    def is_timely(self, claims: dict[str, Any]) -> bool:
        """Whether the platform's clock agrees with the times of a token, to the second."""
        issued, ends = int(claims["iat"]), int(claims["exp"])
        return issued <= self.now() < ends <= issued + 3600 and self.now() - issued <= OLDEST_SECONDS

    def _token(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> None:
        claims = self.from_tool(form["client_assertion"], audience=f"{self.url}/token")
        right = form["grant_type"] == "client_credentials" and form["scope"] == SCORE
        right &= form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        right &= claims["iss"] == claims["sub"] == CLIENT and claims["jti"] not in {
            one["jti"] for one in self.assertions
        }
        right &= self.is_timely(claims)
        self.assertions.append(claims)
        token = secrets.token_urlsafe(16)
        self.tokens.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": SCORE}
        if right:
            _reply(request, 200, json.dumps(answer))
        elif int(claims["iat"]) > self.now():
            early = MOODLE["token from the future"]
            _reply(request, early.status, early.body, reason=early.reason)
        else:
            _reply(request, 400, json.dumps({"error": "invalid_client"}))

    def _score(self, request: BaseHTTPRequestHandler, path: str, query: str, body: bytes) -> None:
        score = json.loads(body)
        subject = score["userId"]
        with self.busy:
            if subject in self._at_work:
                self.overlapped.append(subject)
            self._at_work.add(subject)
        time.sleep(self.pause)
        token = (request.headers["Authorization"] or "").removeprefix("Bearer ")
        if token not in self.tokens or subject in self.refuse:
            status = 401 if token not in self.tokens else self.refuse[subject]
            answer = Answer(status, "", json.dumps({"error": f"status {status}"}))
        elif request.headers["Content-Type"] != "application/vnd.ims.lis.v1.score+json":
            answer = Answer(415, "", "{}")
        else:
            answer = MOODLE[self._grade(subject, score)]
        with self.busy:
            self.asked_for.append(subject)
            self._at_work.discard(subject)
            if answer.status == 200:
                self.scores.append({**score, "path": path, "query": query})
        _reply(request, answer.status, answer.body, reason=answer.reason)

    def _grade(self, subject: str, score: dict[str, Any]) -> str:
        """What Moodle does with a score, by the name of its recorded answer."""
        dated = int(datetime.fromisoformat(score["timestamp"]).timestamp())
        if subject in self.left:
            return "left"
        if self._graded_at.get(subject, 0) >= dated:
            return "not newer"
        if subject in self.locked:
            return "locked"
        if score["gradingProgress"] != "FullyGraded":
            self.gradebook[subject] = None
            self._graded_at.pop(subject, None)
            return "pending" if score["gradingProgress"] == "PendingManual" else "withheld"
        self.gradebook[subject], self._graded_at[subject] = score["scoreGiven"], dated
        return "final"

    def of(self, subject: str) -> list[dict[str, Any]]:
        """The scores of somebody, the last one last."""
        return [score for score in self.scores if score["userId"] == subject]

    def was_asked(self, subject: str) -> bool:
        """Whether a score of somebody was sent, taken or not."""
        return subject in self.asked_for

    def wait_for(self, subject: str, count: int, seconds: float = 30) -> dict[str, Any]:
        """The last score of somebody, once there are so many."""
        until = time.monotonic() + seconds
        while len(self.of(subject)) < count:
            assert time.monotonic() < until, self.scores
            time.sleep(0.05)
        return self.of(subject)[-1]

    def line_item(self, number: int = 1, **more: Any) -> dict[str, Any]:
        """The claim that names a column of the gradebook, with a query as Moodle has it."""
        url = f"{self.url}/api/lineitems/{number}/lineitem?type_id=1"
        return {ENDPOINT: {"scope": [SCORE], "lineitem": url, **more}}


def deep_linking(platform: Platform, **settings: Any) -> dict[str, Any]:
    """The claims of a deep linking request."""
    chosen = {
        "deep_link_return_url": f"{platform.url}/deep-link-return",
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["iframe", "window"],
        "data": "what the platform wants back",
        **settings,
    }
    return {f"{LTI}message_type": "LtiDeepLinkingRequest", f"{DEEP_LINKING}deep_linking_settings": chosen}


class Browser:
    """A browser that keeps cookies, also those marked `Secure`, and says where its requests come from."""

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.http = httpx.Client(headers={"Accept": "text/html", "Accept-Language": "en"}, timeout=60)
        self.cookies: dict[str, str] = {}

    def send(
        self, method: str, path: str, *, site: str = "cross-site", dest: str = "document", **more: Any
    ) -> httpx.Response:
        """A request to the tool. Cookies that only go to the own site come along when a form or link leads there."""
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": dest, **more.pop("headers", {})}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.http.request(method, f"{self.tool}{path}", headers=headers, **more)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def begin(self, platform: Platform, hint: str, target: str | None = None, **more: str) -> httpx.Response:
        """The login initiation."""
        fields = platform.initiation(hint, target or f"{self.tool}/lti/launch", **more)
        return self.send("POST", "/lti/login", data=fields)

    def authorize(self, begun: httpx.Response) -> dict[str, str]:
        """Go to the platform, which answers with the fields of a form for the tool."""
        assert begun.status_code == 302, begun.text
        page = self.http.get(begun.headers["location"])
        assert page.status_code == 200, page.text
        return dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))

    def launch(
        self, platform: Platform, hint: str, target: str | None = None, *, dest: str = "document"
    ) -> httpx.Response:
        """A whole launch."""
        return self.end(self.authorize(self.begin(platform, hint, target)), dest=dest)

    def end(self, fields: dict[str, str], *, dest: str = "document") -> httpx.Response:
        """Take the platform's form to the tool."""
        return self.send("POST", "/lti/launch", data=fields, dest=dest)


def ticket(page: httpx.Response) -> str:
    """The ticket in a page of a launch."""
    (found,) = re.findall(r'name="ticket" value="([^"]+)"', page.text)
    return str(found)


@contextmanager
def running() -> Iterator[Platform]:
    """A platform for as long as the block lasts."""
    platform = Platform()
    try:
        yield platform
    finally:
        platform.close()


def _form(action: str, fields: dict[str, str], *, submit: bool = False, target: str = "") -> str:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{html.escape(fields[name])}">' for name in fields)
    where = f' target="{target}"' if target else ""
    script = "<script>document.forms[0].submit()</script>" if submit else ""
    return f'<form method="post" action="{html.escape(action)}"{where}>{hidden}<button>Go</button></form>{script}'


def _reply(
    request: BaseHTTPRequestHandler, status: int, text: str, kind: str = "application/json", *, reason: str = ""
) -> None:
    body = text.encode()
    request.send_response(status, reason or None)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
