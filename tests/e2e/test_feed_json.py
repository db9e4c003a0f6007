"""`GET /revocations` without an event stream: the feed in pages, and as a long poll."""

import time

import pytest

from http_client import HANG_S
from people import epoch_of, is_cursor, is_recent, seq_of
from waiting import eventually


def without_age(answer):
    """The page of an answer, less how old its replica's knowledge is: a number of milliseconds, never the same twice."""
    page = answer.expect(200)
    age_ms = page.pop("log_age_ms")
    assert type(age_ms) is int and 0 <= age_ms < HANG_S * 1000
    return page


def ids(page):
    return [f"{epoch_of(page['cursor'])}-{event['seq']}" for event in page["events"]]


def test_without_a_cursor_it_starts_at_now(gateway, end_session):
    last = end_session()[1]
    assert without_age(gateway.get("/revocations")) == {"events": [], "cursor": last, "reset": False}


def test_a_page_brings_what_came_after_the_cursor(gateway, end_session, mint):
    start = gateway.get("/revocations").expect(200)["cursor"]
    assert is_cursor(start)
    minted = mint()
    session, account = minted["session"]["session_id"], minted["account"]["account_id"]
    first = gateway.delete(f"/sessions/{session}?reason=stolen").expect(200)["cursor"]
    second = gateway.delete(f"/accounts/{account}/sessions?reason=all").expect(200)["cursor"]
    eventually(lambda: gateway.get("/revocations").expect(200)["cursor"] == second, "the feed has both")
    page = without_age(gateway.get(f"/revocations?cursor={start}"))
    assert set(page) == {"events", "cursor", "reset"}
    assert page["cursor"] == second and page["reset"] is False
    one, all_of = page["events"]
    assert set(one) == {"type", "seq", "session_id", "account_id", "reason", "occurred_at"}
    assert one["type"] == "session.revoked" and one["seq"] == seq_of(first) and is_recent(one["occurred_at"])
    assert (one["session_id"], one["account_id"], one["reason"]) == (session, account, "stolen")
    assert set(all_of) == {"type", "seq", "account_id", "generation", "reason", "occurred_at"}
    assert all_of["type"] == "account.revoked" and all_of["seq"] == seq_of(second)


def test_pages_follow_one_another_without_gap(gateway, end_session):
    cursor = gateway.get("/revocations").expect(200)["cursor"]
    ended, seen, sizes = [end_session()[1] for _ in range(5)], [], []
    while len(seen) < 5:
        page = gateway.get(f"/revocations?cursor={cursor}&limit=2").expect(200)
        seen, sizes, cursor = seen + ids(page), sizes + [len(page["events"])], page["cursor"]
    assert sizes == [2, 2, 1] and seen == ended
    assert gateway.get(f"/revocations?cursor={cursor}&limit=2").expect(200)["events"] == []


def test_a_long_poll_answers_as_soon_as_there_is_something(service, gateway, end_session):
    cursor = end_session()[1]
    with service.connect() as waiting:
        waiting.send_request("GET", f"/api/v1/internal/revocations?cursor={cursor}&wait=30")
        started = time.monotonic()
        ended = end_session()[1]
        page = waiting.read_response().expect(200)
        took_s = time.monotonic() - started
    assert ids(page) == [ended] and page["cursor"] == ended
    assert took_s < 25, "it waited for the end although there was something"


def test_a_long_poll_answers_at_once_when_there_is_something_already(gateway, end_session):
    cursor, ended = (end_session()[1] for _ in range(2))
    started = time.monotonic()
    page = gateway.get(f"/revocations?cursor={cursor}&wait=30").expect(200)
    assert ids(page) == [ended] and time.monotonic() - started < 25


def test_a_long_poll_ends_empty_after_its_time(gateway, end_session):
    cursor = end_session()[1]
    started = time.monotonic()
    page = without_age(gateway.get(f"/revocations?cursor={cursor}&wait=1"))
    assert page == {"events": [], "cursor": cursor, "reset": False}
    assert time.monotonic() - started > 0.9


def test_a_long_poll_holds_up_nobody_else_and_can_be_left(service, gateway, end_session):
    cursor = end_session()[1]
    with service.connect() as waiting:
        waiting.send_request("GET", f"/api/v1/internal/revocations?cursor={cursor}&wait=30")
    assert ids(gateway.get(f"/revocations?cursor={cursor}").expect(200)) == []
    ended = end_session()[1]
    assert ids(gateway.get(f"/revocations?cursor={cursor}").expect(200)) == [ended]


@pytest.mark.parametrize("wait", ["", "&wait=5"])
def test_a_cursor_of_another_history_is_reset(gateway, end_session, wait):
    now = end_session()[1]
    strange = f"{int(epoch_of(now), 16) ^ 1:016x}-{seq_of(now)}"
    page = without_age(gateway.get(f"/revocations?cursor={strange}{wait}"))
    assert page == {"events": [], "cursor": now, "reset": True}


def test_a_cursor_from_the_future_is_reset(gateway, end_session):
    now = end_session()[1]
    strange = f"{epoch_of(now)}-{seq_of(now) + 1_000_000}"
    page = without_age(gateway.get(f"/revocations?cursor={strange}"))
    assert page == {"events": [], "cursor": now, "reset": True}


def test_a_cursor_that_is_none_is_refused(gateway):
    gateway.get("/revocations?cursor=yesterday").expect_problem(400, "cursor_malformed")


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "wait=31", "wait=-1", "wait=soon"])
def test_a_page_that_cannot_be_asked_for(gateway, query):
    gateway.get(f"/revocations?{query}").expect_problem(400, "parameter_malformed")


def test_head_answers_without_waiting_for_a_body(gateway):
    answer = gateway.head("/revocations")
    assert answer.status == 200 and int(answer.headers["Content-Length"]) > 0
