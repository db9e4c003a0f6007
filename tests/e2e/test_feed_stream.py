"""`GET /revocations` with `Accept: text/event-stream`: the feed as a subscriber reads it."""

import pytest

from http_client import ConnectionEnded
from people import epoch_of, is_recent, seq_of, telegram


def test_the_stream_opens_with_retry_and_the_current_cursor(service, gateway):
    now = gateway.get("/revocations").expect(200)["cursor"]
    with service.subscribe() as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        assert stream.headers["Cache-Control"] == "no-store, no-transform"
        assert stream.headers["X-Accel-Buffering"] == "no"
        assert stream.headers["X-Request-Id"]
        assert stream.opening == {"retry": "1000", "id": now}


def test_the_end_of_a_session_arrives(service, end_session):
    with service.subscribe() as stream:
        minted, cursor = end_session("lost phone")
        event = stream.next_event()
    assert (event.type, event.id) == ("session.revoked", cursor)
    assert set(event.data) == {"seq", "session_id", "account_id", "reason", "occurred_at"}
    assert event.data["seq"] == seq_of(event.id)
    assert event.data["session_id"] == minted["session"]["session_id"]
    assert event.data["account_id"] == minted["account"]["account_id"]
    assert event.data["reason"] == "lost phone" and is_recent(event.data["occurred_at"])


def test_the_end_of_all_of_an_account_s_sessions_is_one_event(service, gateway, mint):
    account_id = mint()["account"]["account_id"]
    mint(account_id=account_id)
    with service.subscribe() as stream:
        first = gateway.delete(f"/accounts/{account_id}/sessions?reason=password").expect(200)
        second = gateway.delete(f"/accounts/{mint()['account']['account_id']}/sessions").expect(200)
        event, next_event = stream.next_events(2)
    assert (event.type, event.id) == ("account.revoked", first["cursor"])
    assert set(event.data) == {"seq", "account_id", "generation", "reason", "occurred_at"}
    assert event.data["account_id"] == account_id and event.data["reason"] == "password"
    assert event.data["generation"] > 0 and is_recent(event.data["occurred_at"])
    assert next_event.id == second["cursor"]


def test_each_revoke_all_has_a_higher_generation(service, gateway, mint):
    account_id = mint()["account"]["account_id"]
    with service.subscribe() as stream:
        gateway.delete(f"/accounts/{account_id}/sessions").expect(200)
        mint(account_id=account_id)
        gateway.delete(f"/accounts/{account_id}/sessions").expect(200)
        first, second = stream.next_events(2)
    assert second.data["generation"] > first.data["generation"]


def test_every_way_to_end_a_session_is_told(service, gateway, mint):
    """Rule 6: logout, revoke-all, the player's own, the account's deletion."""
    by_id, by_token, by_player, deleted = mint(), mint(), mint(), mint()
    all_of, all_own, all_other = mint(), mint(), mint()
    kept = mint(account_id=all_other["account"]["account_id"])

    def player(minted):
        return service.as_user(minted["account"]["account_id"], minted["session"]["session_id"])

    with service.subscribe() as stream:
        gateway.delete(f"/sessions/{by_id['session']['session_id']}").expect(200)
        gateway.post("/sessions/revoke", token=by_token["token"]).expect(200)
        player(by_player).delete(f"/sessions/{by_player['session']['session_id']}").expect(200)
        gateway.delete(f"/accounts/{all_of['account']['account_id']}/sessions").expect(200)
        player(all_own).delete("/sessions").expect(200)
        player(kept).delete("/sessions?keep=current").expect(200)
        gateway.delete(f"/accounts/{deleted['account']['account_id']}").expect(204)
        events = stream.next_events(7)
    assert [event.type for event in events] == ["session.revoked"] * 3 + ["account.revoked"] * 4
    sessions = [minted["session"]["session_id"] for minted in (by_id, by_token, by_player)]
    assert [event.data["session_id"] for event in events[:3]] == sessions
    accounts = [minted["account"]["account_id"] for minted in (all_of, all_own, all_other, deleted)]
    assert [event.data["account_id"] for event in events[3:]] == accounts


def test_events_come_in_the_order_of_the_log(service, end_session):
    with service.subscribe() as stream:
        cursors = [end_session()[1] for _ in range(20)]
        events = stream.next_events(20)
    assert [event.id for event in events] == cursors
    assert [event.data["seq"] for event in events] == sorted({event.data["seq"] for event in events})


def test_all_subscribers_see_the_same(service, end_session):
    streams = [service.subscribe() for _ in range(5)]
    cursors = [end_session()[1] for _ in range(5)]
    for stream in streams:
        with stream:
            assert [event.id for event in stream.next_events(5)] == cursors


@pytest.mark.parametrize("way", ["cursor", "last_event_id"])
def test_a_subscriber_resumes_where_it_left(service, end_session, way):
    with service.subscribe() as stream:
        end_session()
        left_at = stream.next_event().id
    missed = [end_session()[1] for _ in range(3)]
    with service.subscribe(**{way: left_at}) as stream:
        assert stream.opening["id"] == left_at, "an id beyond what was delivered would lose events"
        end_session()
        events = stream.next_events(4)
    assert [event.id for event in events[:3]] == missed


def test_last_event_id_wins_over_the_address(service, end_session):
    """A browser's EventSource reconnects to the address it was given, with the newer id in the header."""
    old = end_session()[1]
    new = end_session()[1]
    third = end_session()[1]
    with service.subscribe(cursor=old, last_event_id=new) as stream:
        assert stream.next_event().id == third


def test_a_cursor_can_be_used_as_soon_as_it_is_given(service, gateway, mint):
    """The acknowledgement of a revocation gives it; the feed may not have come that far yet."""
    for _ in range(20):
        cursor = gateway.post("/sessions/revoke", token=mint()["token"]).expect(200)["cursor"]
        assert gateway.get(f"/revocations?cursor={cursor}").expect(200)["reset"] is False
        with service.subscribe(cursor=cursor) as stream:
            new = gateway.post("/sessions/revoke", token=mint()["token"]).expect(200)["cursor"]
            assert stream.next_event().id == new


def test_resuming_at_the_end_brings_only_what_is_new(service, end_session):
    now = end_session()[1]
    with service.subscribe(cursor=now) as stream:
        new = end_session()[1]
        assert stream.next_event().id == new


def future(cursor):
    return f"{epoch_of(cursor)}-{seq_of(cursor) + 1_000_000}"


def of_another_history(cursor):
    return f"{int(epoch_of(cursor), 16) ^ 1:016x}-{seq_of(cursor)}"


@pytest.mark.parametrize("strange", [future, of_another_history])
@pytest.mark.parametrize("way", ["cursor", "last_event_id"])
def test_a_cursor_that_means_nothing_here_is_reset(service, end_session, strange, way):
    now = end_session()[1]
    with service.subscribe(**{way: strange(now)}) as stream:
        reset = stream.next_event()
        assert reset.type == "reset" and set(reset.data) == {"reason"} and reset.data["reason"]
        assert reset.id == now
        new = end_session()[1]
        assert stream.next_event().id == new


MALFORMED_CURSORS = ["x", "5", "-5", "0-", "0123456789abcdef-", "0123456789abcdef-x", "0123456789ABCDEFG-1"]


@pytest.mark.parametrize("cursor", MALFORMED_CURSORS)
@pytest.mark.parametrize("way", ["cursor", "last_event_id"])
def test_a_cursor_that_is_none_is_refused(gateway, cursor, way):
    headers = {"Accept": "text/event-stream"}
    if way == "cursor":
        answer = gateway.get(f"/revocations?cursor={cursor}", headers=headers)
    else:
        answer = gateway.get("/revocations", headers={**headers, "Last-Event-ID": cursor})
    answer.expect_problem(400, "cursor_malformed")


def test_a_quiet_stream_is_kept_alive_by_comments(service):
    with service.subscribe() as stream:
        stream.next_comment()


def test_a_resume_survives_a_killed_service(database, new_service):
    service = new_service(database).start()
    gateway = service.gateway

    def end_session():
        token = gateway.post("/sessions", {"identity": telegram()}).expect(201)["token"]
        return gateway.post("/sessions/revoke", token=token).expect(200)["cursor"]

    with service.subscribe() as stream:
        left_at = stream.opening["id"]
        seen = [end_session() for _ in range(3)]
        assert [event.id for event in stream.next_events(3)] == seen
        unseen = [end_session() for _ in range(3)]
        service.kill()
    service.start()
    unseen.append(end_session())
    with service.subscribe(last_event_id=seen[-1]) as stream:
        assert [event.id for event in stream.next_events(4)] == unseen
    with service.subscribe(cursor=left_at) as stream:
        assert [event.id for event in stream.next_events(7)] == seen + unseen


def test_a_subscriber_that_does_not_read_is_cut_off_and_loses_nothing(database, new_service):
    service = new_service(database, BACKEND_HTTP_MAX_SUBSCRIBER_BUFFER_BYTES="16384").start()
    account_id = service.gateway.post("/accounts/guest").expect(201)["account"]["account_id"]
    stalled = service.subscribe(small_window=True)
    cursors = []
    with service.subscribe() as reader, service.connect() as gateway:
        for _ in range(1500):  # some 600 KB: more than its buffers hold, in the kernel and here
            revoke_all(gateway, account_id, cursors)
            assert reader.next_event().id == cursors[-1]
    delivered = read_until_cut_off(stalled)
    assert len(delivered) < len(cursors), "it was never cut off"
    assert delivered == cursors[: len(delivered)]
    with service.subscribe(last_event_id=stalled.cursor) as again:
        rest = again.next_events(len(cursors) - len(delivered))
    assert [event.id for event in rest] == cursors[len(delivered) :]


def revoke_all(gateway, account_id, cursors):
    session = gateway.request("POST", "/api/v1/internal/sessions", body={"account_id": account_id}).expect(201)
    path = f"/api/v1/internal/sessions/{session['session']['session_id']}?reason={'x' * 200}"
    cursors.append(gateway.request("DELETE", path).expect(200)["cursor"])


def read_until_cut_off(stream):
    delivered = []
    try:
        while True:
            delivered.append(stream.next_event().id)
    except (ConnectionEnded, ConnectionResetError):
        return delivered
