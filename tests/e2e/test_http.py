"""HTTP/1.1 as every route speaks it: methods, ids, connections, pipelines, bodies."""

import re

import pytest

from http_client import encode_request
from people import UNKNOWN_ID, telegram

RESOLVE = "/api/v1/internal/sessions/resolve"
MINT = "/api/v1/internal/sessions"
LAG_DIGITS_MAX = 10  # of a number of milliseconds that readiness tells


NOWHERE = ["/", "/health", "/healthz/", "/api/v1", "/api/v1/internal", "/api/v2/internal/sessions"]


@pytest.mark.parametrize("path", NOWHERE)
def test_an_unknown_route_is_not_found(http, path):
    http.get(path).expect_problem(404, "route_unknown")
    http.post(path).expect_problem(404, "route_unknown")


WRONG_METHODS = [
    ("POST", "/healthz", {"GET", "HEAD"}),
    ("DELETE", "/metrics", {"GET", "HEAD"}),
    ("GET", "/api/v1/public/sessions/guest", {"POST"}),
    ("POST", "/api/v1/public/version", {"GET", "HEAD"}),
    ("PUT", RESOLVE, {"GET", "HEAD", "POST"}),
    ("PATCH", "/api/v1/internal/accounts", {"GET", "HEAD", "POST"}),
    ("POST", f"/api/v1/internal/sessions/{UNKNOWN_ID}", {"GET", "HEAD", "DELETE"}),
    ("OPTIONS", f"/api/v1/internal/accounts/{UNKNOWN_ID}/sessions", {"GET", "HEAD", "DELETE"}),
    ("GET", "/api/v1/internal/sessions/revoke", {"POST"}),
    ("POST", "/api/v1/internal/revocations", {"GET", "HEAD"}),
    ("PROPFIND", "/api/v1/user/sessions", {"GET", "HEAD", "DELETE"}),
]


@pytest.mark.parametrize("method,path,allowed", WRONG_METHODS)
def test_a_wrong_method_is_told_the_right_ones(http, method, path, allowed):
    answer = http.request(method, path, headers={"X-User-ID": UNKNOWN_ID})
    answer.expect_problem(405, "method_not_allowed")
    assert set(re.split(r", *", answer.headers["Allow"])) == allowed


def test_head_answers_as_get_without_the_body(http, mint):
    minted = mint()
    account, session = minted["account"]["account_id"], minted["session"]["session_id"]
    paths = ["/healthz", "/api/v1/public/version", RESOLVE, f"/api/v1/internal/sessions/{session}"]
    paths += [f"/api/v1/internal/accounts/{account}", f"/api/v1/internal/accounts/{account}/sessions"]
    paths += ["/api/v1/user/account", "/api/v1/internal/accounts/42", "/nowhere"]
    for path in paths:
        parts = {"token": minted["token"], "headers": {"X-User-ID": account}}
        get, head = http.get(path, **parts), http.head(path, **parts)
        assert head.body == b"" and head.status == get.status, path
        for name in ("Content-Type", "Content-Length"):
            assert head.headers[name] == get.headers[name], path
    # What tells how old the log is has a digit more from one moment to the next.
    get, head = http.get("/readyz"), http.head("/readyz")
    assert (head.status, head.body, head.headers["Content-Type"]) == (get.status, b"", get.headers["Content-Type"])
    assert abs(int(head.headers["Content-Length"]) - len(get.body)) < LAG_DIGITS_MAX


def test_a_request_after_a_head_is_not_out_of_step(service):
    with service.connect() as connection:
        assert connection.request("HEAD", "/healthz").status == 200
        assert connection.request("GET", "/healthz").expect(200) == {"status": "ok"}


def test_an_answer_has_a_date(http):
    date = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT"
    assert re.fullmatch(date, http.get("/healthz").headers["Date"])


@pytest.mark.parametrize("request_id", ["7", "0af7651916cd43dd8448eb211c80319c", "web-1.frontend_42:9"])
def test_a_sane_request_id_comes_back(http, request_id):
    for path in ("/healthz", "/nowhere", RESOLVE):
        assert http.get(path, headers={"X-Request-Id": request_id}).headers["X-Request-Id"] == request_id


INSANE = ["", "x" * 1000, "two words", 'quo"te', "tab\there", "caf\xe9", "<script>"]


@pytest.mark.parametrize("request_id", INSANE, ids=range(len(INSANE)))
def test_an_insane_request_id_is_replaced(http, request_id):
    first = http.get("/healthz", headers={"X-Request-Id": request_id}).headers["X-Request-Id"]
    second = http.get("/healthz", headers={"X-Request-Id": request_id}).headers["X-Request-Id"]
    assert request_id not in (first, second) and first != second
    assert re.fullmatch(r"[0-9A-Za-z._-]{8,128}", first)


def test_a_connection_is_kept(service):
    with service.connect() as connection:
        for _ in range(100):
            answer = connection.request("GET", "/healthz")
            assert answer.status == 200 and answer.headers.get("Connection", "keep-alive") == "keep-alive"


def test_a_connection_is_closed_when_the_client_says_so(service):
    with service.connect() as connection:
        answer = connection.request("GET", "/healthz", headers={"Connection": "close"})
        assert answer.status == 200 and answer.headers["Connection"] == "close"
        connection.expect_end()


def test_http_1_0_closes_unless_asked_to_stay(service):
    with service.connect() as connection:
        answer = connection.request("GET", "/healthz", version="1.0", headers={"Host": None})
        assert answer.expect(200) == {"status": "ok"}
        connection.expect_end()


def test_http_1_0_can_stay(service):
    with service.connect() as connection:
        for _ in range(3):
            answer = connection.request("GET", "/healthz", version="1.0", headers={"Connection": "keep-alive"})
            assert answer.status == 200 and answer.headers["Connection"] == "keep-alive"


def test_a_request_may_come_byte_by_byte(service, mint):
    with service.connect() as connection:
        for byte in encode_request("POST", MINT, body={"identity": telegram()}):
            connection.send(bytes([byte]))
        assert connection.read_response().status == 201


def test_a_body_may_come_in_chunks(service):
    body = b'{"identity":{"kind":"telegram","external_id":"%d"}}' % int(telegram()["external_id"])
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    headers = {"Content-Type": "application/json", "Content-Length": None, "Transfer-Encoding": "chunked"}
    with service.connect() as connection:
        connection.send(encode_request("POST", MINT, headers=headers) + chunks + b"0\r\n\r\n")
        assert connection.read_response().status == 201
        assert connection.request("GET", "/healthz").status == 200


def test_the_absolute_form_of_a_target_is_understood(service):
    with service.connect() as connection:
        assert connection.request("GET", "http://portcullis.test/healthz").expect(200) == {"status": "ok"}


def test_pipelined_requests_are_answered_in_order(service, mint):
    """Fast ones, answered from memory, behind slow ones, answered by the database."""
    token = mint()["token"]
    dialogue = []
    for _ in range(12):
        dialogue += [
            ("GET", "/healthz", {}, 200),
            ("POST", MINT, {"body": {"identity": telegram()}}, 201),
            ("GET", RESOLVE, {"token": token}, 200),
            ("GET", f"/api/v1/internal/accounts/{UNKNOWN_ID}", {}, 404),
            ("GET", RESOLVE, {}, 401),
        ]
    with service.connect() as connection:
        sent = b""
        for number, (method, path, parts, _) in enumerate(dialogue):
            sent += encode_request(method, path, headers={"X-Request-Id": f"n{number}"}, **parts)
        connection.send(sent)
        for number, (_, path, _, status) in enumerate(dialogue):
            answer = connection.read_response()
            assert answer.headers["X-Request-Id"] == f"n{number}"
            assert answer.status == status, path


def test_a_slow_request_holds_back_the_fast_ones_behind_it(service, database):
    with service.connect() as connection:
        with database.locked("backend.accounts"):
            body = {"identity": telegram()}
            connection.send_request("POST", MINT, body=body, headers={"X-Request-Id": "slow"})
            connection.send_request("GET", "/healthz", headers={"X-Request-Id": "fast"})
            database.wait_for_blocked_statements()
        first, second = connection.read_response(), connection.read_response()
    assert [(first.headers["X-Request-Id"], first.status), (second.headers["X-Request-Id"], second.status)] == [
        ("slow", 201),
        ("fast", 200),
    ]


def test_a_long_pipeline_is_served_whole(service, mint):
    """More than may be in flight at once: the service reads on as it answers."""
    token = mint()["token"]
    with service.connect() as connection:
        connection.send(b"".join(encode_request("GET", RESOLVE, token=token) for _ in range(1000)))
        assert [connection.read_response().status for _ in range(1000)] == [200] * 1000


def test_a_pipeline_ends_with_the_request_that_asks_for_it(service):
    with service.connect() as connection:
        connection.send(
            encode_request("GET", "/healthz")
            + encode_request("GET", "/healthz", headers={"Connection": "close"})
            + encode_request("GET", "/healthz")
        )
        assert [connection.read_response().status for _ in range(2)] == [200, 200]
        connection.expect_end()


def test_a_client_that_waits_for_100_continue_gets_it(service):
    request = encode_request("POST", MINT, body={"identity": telegram()}, headers={"Expect": "100-continue"})
    head, _, body = request.partition(b"\r\n\r\n")
    with service.connect() as connection:
        connection.send(head + b"\r\n\r\n")
        assert connection.read_response().status == 100
        connection.send(body)
        assert connection.read_response().status == 201


def test_no_other_expectation_is_met(service):
    with service.connect() as connection:
        answer = connection.request("GET", "/healthz", headers={"Expect": "a miracle"})
        answer.expect_problem(417, "expectation_failed")


def test_a_body_that_is_not_json_is_not_taken(gateway):
    body = b'{"identity":{"kind":"telegram","external_id":"5"}}'
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", None):
        answer = gateway.post("/sessions", body, headers={"Content-Type": media_type})
        answer.expect_problem(415, "media_type_unsupported")
    answer = gateway.post("/sessions", body, headers={"Content-Type": "application/json; charset=latin-1"})
    answer.expect_problem(415, "media_type_unsupported")


SPELLINGS = ["Application/JSON", "application/json; charset=UTF-8", 'application/json;charset="utf-8"']


@pytest.mark.parametrize("media_type", SPELLINGS)
def test_json_is_known_in_every_spelling(gateway, media_type):
    body = b'{"identity":{"kind":"telegram","external_id":"%s"}}' % telegram()["external_id"].encode()
    gateway.post("/sessions", body, headers={"Content-Type": media_type}).expect(201)
