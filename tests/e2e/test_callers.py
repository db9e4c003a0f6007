"""Who may ask: every route by every kind of caller, the ways to say who one is, and the file that is read again."""

import re
import uuid
from urllib.parse import urlencode

import pytest
import yaml

from callers import by_basic, by_header, caller, new_key, write_callers
from people import telegram
from service import ROOT, Service, run_command
from waiting import eventually

SOME_ID = str(uuid.uuid4())
NO_TOKEN = "pcs_" + "0" * 49

# Each route with the right that it needs.
ROUTES = [
    ("GET", "/metrics", "metrics:read"),
    ("GET", "/api/v1/internal/sessions/resolve", "sessions:resolve"),
    ("POST", "/api/v1/internal/sessions/resolve", "sessions:resolve"),
    ("GET", "/api/v1/internal/verify", "sessions:resolve"),
    ("POST", "/api/v1/internal/introspect", "sessions:resolve"),
    ("POST", "/oauth2/introspect", "sessions:resolve"),
    ("POST", "/oauth2/revoke", "sessions:revoke"),
    ("POST", "/api/v1/internal/sessions/lookup", "sessions:lookup"),
    ("POST", "/api/v1/internal/sessions", "sessions:mint"),
    ("POST", "/api/v1/internal/sessions/revoke", "sessions:revoke"),
    ("DELETE", f"/api/v1/internal/sessions/{SOME_ID}", "sessions:revoke"),
    ("DELETE", f"/api/v1/internal/accounts/{SOME_ID}/sessions", "sessions:revoke"),
    ("GET", f"/api/v1/internal/sessions/{SOME_ID}", "accounts:read"),
    ("GET", f"/api/v1/internal/accounts/{SOME_ID}/sessions", "accounts:read"),
    ("GET", "/api/v1/internal/accounts?kind=telegram&external_id=1", "accounts:read"),
    ("GET", f"/api/v1/internal/accounts/{SOME_ID}", "accounts:read"),
    ("POST", "/api/v1/internal/accounts", "accounts:write"),
    ("POST", "/api/v1/internal/accounts/guest", "accounts:write"),
    ("PATCH", f"/api/v1/internal/accounts/{SOME_ID}", "accounts:write"),
    ("DELETE", f"/api/v1/internal/accounts/{SOME_ID}", "accounts:write"),
    ("POST", f"/api/v1/internal/accounts/{SOME_ID}/identities", "accounts:write"),
    ("DELETE", f"/api/v1/internal/accounts/{SOME_ID}/identities/telegram/1", "accounts:write"),
    ("PUT", f"/api/v1/internal/games/chess/players/{SOME_ID}", "accounts:write"),
    ("DELETE", f"/api/v1/internal/games/chess/players/{SOME_ID}", "accounts:write"),
    ("DELETE", "/api/v1/internal/games/chess", "accounts:write"),
    ("GET", "/api/v1/internal/revocations", "revocations:read"),
    ("GET", "/api/v1/user/account", "users:act"),
    ("PATCH", "/api/v1/user/account", "users:act"),
    ("GET", "/api/v1/user/sessions", "users:act"),
    ("DELETE", "/api/v1/user/sessions", "users:act"),
    ("DELETE", f"/api/v1/user/sessions/{SOME_ID}", "users:act"),
    ("GET", "/api/v1/admin/accounts", "admin:read"),
    ("GET", "/api/v1/admin/audit", "admin:read"),
    ("GET", "/api/v1/admin/stats", "admin:read"),
    ("GET", "/api/v1/admin/followers", "admin:read"),
    ("GET", "/api/v1/admin/callers", "admin:read"),
    ("GET", "/api/v1/admin/reaper", "admin:read"),
    ("POST", "/api/v1/admin/reaper/run", "admin:write"),
    ("POST", "/api/v1/admin/revocations", "admin:write"),
    ("GET", f"/api/v1/admin/revocations/{SOME_ID}", "admin:read"),
]
RIGHTS = sorted({right for _, _, right in ROUTES} | {"public:forward"})

# What answers to anybody.
OPEN = [
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/openapi.json", 200),
    ("GET", "/console", 308),
    ("GET", "/console/no-such-file", 404),
    ("GET", "/api/v1/public/version", 200),
    ("GET", "/.well-known/oauth-authorization-server", 200),
    ("POST", "/api/v1/public/sessions/guest", 201),
]


class Guarded:
    """A service that knows callers: one for each right, one for each right but it, and whom a test adds."""

    def __init__(self, service, path):
        self.service = service
        self.path = path
        self.holders = {right: new_key() for right in RIGHTS}
        self.others = {right: new_key() for right in RIGHTS}
        self.everything = new_key()
        self.gone = new_key()
        self.write(caller("gone", ["*"], self.gone))

    def write(self, *more):
        holders = [caller(f"only.{right.replace(':', '-')}", [right], key) for right, key in self.holders.items()]
        others = [
            caller(f"all-but.{right.replace(':', '-')}", [r for r in RIGHTS if r != right], key)
            for right, key in self.others.items()
        ]
        write_callers(self.path, *holders, *others, caller("everything", ["*"], self.everything), *more)

    def ask(self, method, path, headers=None, **parts):
        return self.service.http.request(method, path, headers=headers, **parts)


@pytest.fixture(scope="module")
def guarded(database, tmp_path_factory):
    directory = tmp_path_factory.mktemp("guarded")
    path = directory / "callers.json"
    service = Service(database, directory, BACKEND_CALLERS_FILE=str(path), BACKEND_CALLERS_REQUIRED="true")
    made = Guarded(service, path)
    service.start()
    ask = lambda: made.ask("GET", "/api/v1/admin/reaper", by_header(made.gone)).status
    assert ask() == 200
    made.write()  # from here on it is a caller that was taken out
    eventually(lambda: ask() == 401, "the file was read again")
    yield made
    service.stop()
    service.expect_no_complaint()


def expect_unknown(response, path):
    if path.startswith("/api/v1/internal/verify"):
        response.expect_problem(403, "caller_forbidden")
        return
    response.expect_problem(401, "caller_unknown")
    assert response.headers["WWW-Authenticate"] == 'Basic realm="portcullis"'


def is_admitted(response):
    return b"caller_" not in response.body and response.status != 403


@pytest.mark.parametrize(("method", "path", "right"), ROUTES)
def test_a_route_answers_to_those_who_have_its_right(guarded, method, path, right):
    expect_unknown(guarded.ask(method, path), path)
    expect_unknown(guarded.ask(method, path, by_header(new_key())), path)
    expect_unknown(guarded.ask(method, path, by_header("pck_nonsense")), path)
    expect_unknown(guarded.ask(method, path, by_header(guarded.gone)), path)
    guarded.ask(method, path, by_header(guarded.others[right])).expect_problem(403, "caller_forbidden")
    assert is_admitted(guarded.ask(method, path, by_header(guarded.holders[right])))
    assert is_admitted(guarded.ask(method, path, by_header(guarded.everything)))


def test_the_tables_have_every_route():
    """That the document has every route is checked elsewhere, against the endpoint tables."""
    asked = [(method, path.split("?")[0]) for method, path, _ in ROUTES + OPEN]
    for path, item in yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["paths"].items():
        pattern = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)))
        for method in {"get", "post", "put", "patch", "delete"} & set(item):
            is_verify = path.startswith("/api/v1/internal/verify")
            found = any(m == method.upper() and (pattern.fullmatch(p)) for m, p in asked)
            assert found or is_verify, f"{method} {path} is in no table"


@pytest.mark.parametrize(("method", "path", "status"), OPEN)
def test_probes_and_what_is_public_answer_to_anybody(guarded, method, path, status):
    for headers in ({}, by_header(new_key()), by_header(guarded.everything), by_basic("nobody", "nothing")):
        guarded.ask(method, path, headers).expect(status)


def test_a_path_that_does_not_exist_is_unknown_to_anybody(guarded):
    guarded.ask("GET", "/api/v1/internal/nothing").expect_problem(404, "route_unknown")


def test_a_caller_may_prove_itself_by_basic_authentication(guarded):
    ask = lambda *who: guarded.ask("GET", "/api/v1/admin/reaper", by_basic(*who))
    ask("everything", guarded.everything).expect(200)
    ask("everything", new_key()).expect_problem(401, "caller_unknown")
    ask("only.admin-read", guarded.everything).expect_problem(401, "caller_unknown")


def test_two_different_callers_in_one_request_are_none(guarded):
    both = {**by_header(guarded.holders["admin:read"]), **by_basic("everything", guarded.everything)}
    guarded.ask("GET", "/api/v1/admin/reaper", both).expect_problem(401, "caller_unknown")


def form(**fields):
    return {"body": urlencode(fields).encode()}


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", ["/api/v1/internal/introspect", "/oauth2/introspect"])
def test_a_client_of_introspection_may_prove_itself_in_the_form(guarded, path):
    def ask(name, key):
        fields = form(token=NO_TOKEN, client_id=name, client_secret=key)
        return guarded.ask("POST", path, FORM, **fields)

    assert ask("everything", guarded.everything).expect(200) == {"active": False}
    ask("everything", new_key()).expect_problem(401, "caller_unknown")
    ask("only.sessions-resolve", guarded.everything).expect_problem(401, "caller_unknown")


@pytest.mark.parametrize("path", ["/api/v1/internal/sessions/resolve", "/api/v1/internal/verify"])
def test_where_the_token_is_a_persons_authorization_says_nothing_of_the_caller(guarded, path):
    minted = guarded.ask(
        "POST", "/api/v1/internal/sessions", by_header(guarded.everything), body={"identity": telegram()}
    ).expect(201)
    token = {"Authorization": f"Bearer {minted['token']}"}
    key = by_header(guarded.holders["sessions:resolve"])
    assert guarded.ask("GET", path, {**token, **key}).status == 200
    expect_unknown(guarded.ask("GET", path, token), path)
    expect_unknown(guarded.ask("GET", path, by_basic("everything", guarded.everything)), path)


def test_a_user_is_believed_only_of_callers_that_act_for_users(guarded):
    minted = guarded.ask(
        "POST", "/api/v1/internal/sessions", by_header(guarded.everything), body={"identity": telegram()}
    ).expect(201)
    user = {"X-User-ID": minted["account"]["account_id"], "X-Session-ID": minted["session"]["session_id"]}
    ask = lambda headers: guarded.ask("GET", "/api/v1/user/account", {**user, **headers})
    ask({}).expect_problem(401, "caller_unknown")
    ask(by_header(guarded.others["users:act"])).expect_problem(403, "caller_forbidden")
    ask(by_header(guarded.holders["users:act"])).expect(200)


def test_the_file_is_read_again(guarded):
    first, second = new_key(), new_key()
    ask = lambda key: guarded.ask("GET", "/api/v1/admin/reaper", by_header(key)).status
    guarded.write(caller("late", ["admin:read"], first))
    eventually(lambda: ask(first) == 200, "a caller that was added is known")
    guarded.write(caller("late", ["admin:read"], first, second))
    eventually(lambda: ask(second) == 200, "both keys are known while one replaces the other")
    assert ask(first) == 200

    # Over one connection: the rights are those of now.
    with guarded.service.connect() as connection:
        get = lambda: connection.request("GET", "/api/v1/admin/reaper", headers=by_header(first)).status
        assert get() == 200
        guarded.path.write_text('{"callers": [')
        guarded.service.hang_up()
        eventually(lambda: "a changed file is refused" in guarded.service.log, "a broken file is refused")
        assert get() == 200
        guarded.write()
        eventually(lambda: get() == 401, "a caller that was taken out is refused")
        assert ask(second) == 401
    assert ask(guarded.everything) == 200


def test_no_key_is_in_the_log_or_the_numbers(guarded):
    numbers = guarded.ask("GET", "/metrics", by_header(guarded.everything)).body.decode()
    assert 'portcullis_callers_refused_total{why="unknown"}' in numbers
    assert f"portcullis_callers {2 * len(RIGHTS) + 1}" in numbers
    for key in [guarded.everything, *guarded.holders.values(), *guarded.others.values()]:
        assert key not in numbers
        assert key not in guarded.service.log


def test_without_the_file_whoever_asks_is_believed_and_the_start_says_so(service, gateway):
    gateway.post("/accounts/guest").expect(201)
    warning = "there is no callers' file: whoever reaches the port is believed"
    eventually(lambda: warning in service.log, "the warning is written")
    assert sum(warning in line and "level=warn" in line for line in service.log.splitlines()) == 1


def test_it_does_not_start_without_callers_that_are_required(database, tmp_path):
    dsn = database.dsn
    said = run_command("serve", BACKEND_POSTGRES_DSN=dsn, BACKEND_CALLERS_REQUIRED="true")
    assert said.returncode == 1
    assert "BACKEND_CALLERS_FILE" in said.stderr
    broken = tmp_path / "callers.json"
    for text in ("", "{", '{"callers": [{"name": "x"}]}'):
        broken.write_text(text)
        said = run_command(
            "serve",
            BACKEND_POSTGRES_DSN=dsn,
            BACKEND_CALLERS_FILE=str(broken),
            BACKEND_HTTP_ADDR="127.0.0.1:0",
        )
        assert said.returncode == 1
        assert str(broken) in said.stderr
