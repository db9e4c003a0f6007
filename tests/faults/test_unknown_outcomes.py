"""Connections that are cut after COMMIT was sent and before the answer: what was done is told, and nothing is done twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import ask_all, mint_many
from history import Violation
from http_client import HANG_S
from people import seq_of, telegram

PATIENT = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "20s"}  # a second run finds its outcome before the caller's deadline
CLIENTS = 6
CUTS_MAX = 2  # the pool tries three times
SESSIONS = 3


def at_once(calls):
    """The results of all calls, made at the same time, in their order."""
    with ThreadPoolExecutor(len(calls)) as clients:
        return list(clients.map(lambda call: call(), calls))


def number(stage, sql):
    return int(stage.database.execute(sql))


def expect_told(answers, what):
    """That everybody was told of what was done: with a time-out like this there is time to find it again."""
    if not all(answers):
        raise Violation(f"{what} was done and not acknowledged")


def ask_and_lose(stage, replica, statement, call, meanwhile=lambda: None):
    """The answer to `call`, which runs `statement` on the replica: the transaction commits, `meanwhile` runs, and only
    then is the database's answer lost with the connection."""
    with replica.db.hold_answer(statement) as held, ThreadPoolExecutor(1) as client:
        asked = client.submit(call)
        assert held.answered.wait(HANG_S), f"{statement} was never answered"
        meanwhile()
        held.lose()
        stage.fired_by(f"answer to {statement} lost", held)
        return asked.result(HANG_S)


def expect_number(stage, what, query, expected):
    found = number(stage, query)
    if found != expected:
        raise Violation(f"{found} {what} instead of {expected}")


# -- minting


def one_session_or_none(stage):
    """Mints of every kind, several at a time, whose answers are cut off as they come from the database."""
    (replica,) = stage.start_replicas(1, **PATIENT)
    accounts = [each["account"]["account_id"] for each in mint_many(replica, CLIENTS)]
    kinds = {
        "mint_session": [lambda a=a: replica.mint(account_id=a) for a in accounts],
        "mint_for_identity": [lambda i=telegram(): replica.mint(identity=i) for _ in accounts],
        "mint_guest": [lambda: guest(replica) for _ in accounts],
    }
    for statement, calls in kinds.items():
        before = number(stage, "select count(*) from sessions")
        with replica.db.cut_answer(statement, times=stage.dice.randint(1, CUTS_MAX)) as cut:
            minted = at_once(calls)
        stage.fired_by(f"{statement} cut", cut)
        expect_told(minted, statement)
        expect_number(stage, "sessions", "select count(*) from sessions", before + len(calls))
        for each, status in zip(minted, ask_all(replica, minted)):
            if status != 200:
                raise Violation(f"an acknowledged session is {status}: {each['session']['session_id']}")


def guest(replica):
    answer = replica.service.client("/api/v1/public").post("/sessions/guest", body={})
    return answer.json if answer.status == 201 else None


def test_a_mint_whose_answer_is_cut_off_is_one_session(stage):
    one_session_or_none(stage)


@pytest.mark.control
def test_one_session_needs_the_retry_to_be_the_same_mint(stage):
    stage.expect_violation(one_session_or_none, without="idempotent_retry")


# -- revoking


def revoked_once(stage):
    """Several revocations at a time: each caller ended a session, and is told so and where the event is."""
    (replica,) = stage.start_replicas(1, **PATIENT)
    minted = mint_many(replica, CLIENTS)
    with replica.db.cut_answer("revoke_session", times=stage.dice.randint(1, CUTS_MAX)) as cut:
        answers = at_once([lambda each=each: replica.revoke(each) for each in minted])
    stage.fired_by("revoke_session cut", cut)
    expect_told(answers, "a revocation")
    for each, answer in zip(minted, answers):
        session_id = each["session"]["session_id"]
        events = stage.database.execute(f"select seq from revocation_events where session_id = '{session_id}'")
        if not answer["revoked"] or str(seq_of(answer["cursor"])) != events:
            raise Violation(f"told {answer} of a session that it ended with the events {events.split()}")
    if set(ask_all(replica, minted)) != {401}:
        raise Violation("a session that was revoked resolves")


def test_a_revocation_whose_answer_is_cut_off_is_told_as_it_was(stage):
    revoked_once(stage)


@pytest.mark.control
def test_telling_a_revocation_needs_the_retry_to_be_the_same_one(stage):
    stage.expect_violation(revoked_once, without="idempotent_retry")


def revoked_all_once(stage):
    """A session is minted on another replica after the first run's commit: the second run spares it."""
    replica, other = stage.start_replicas(2, **PATIENT)
    [first] = mint_many(replica, 1)
    account_id = first["account"]["account_id"]
    minted = [first, *(replica.mint(account_id=account_id) for _ in range(SESSIONS - 1))]
    later = []
    answer = ask_and_lose(
        stage,
        replica,
        "revoke_account",
        lambda: replica.revoke_all(account_id),
        meanwhile=lambda: later.append(other.mint(account_id=account_id)),
    )
    expect_told([answer], "a revocation")
    assert later[0], "nothing was minted in between"
    if answer["revoked"] != SESSIONS:
        raise Violation(f"{SESSIONS} sessions ended, and the caller is told {answer}")
    expect_number(stage, "events", "select count(*) from revocation_events", 1)
    expect_number(stage, "is the last event", "select max(seq) from revocation_events", seq_of(answer["cursor"]))
    at_least = {"X-Min-Cursor": answer["cursor"]}
    for each in (replica, other):
        if ask_all(each, later, **at_least) != [200]:
            raise Violation("a session that was minted after the first run did not survive the second")
        if set(ask_all(each, minted, **at_least)) != {401}:
            raise Violation("a session of before resolves")


def test_a_revoke_all_whose_answer_is_cut_off_ends_nothing_twice(stage):
    revoked_all_once(stage)


@pytest.mark.control
def test_ending_nothing_twice_needs_the_retry_to_be_the_same_revocation(stage):
    stage.expect_violation(revoked_all_once, without="idempotent_retry")


# -- deleting


def deleted_once(stage):
    (replica,) = stage.start_replicas(1, **PATIENT)
    [minted] = mint_many(replica, 1)
    account_id = minted["account"]["account_id"]
    answer = ask_and_lose(
        stage, replica, "delete_account", lambda: replica.gateway.delete(f"/accounts/{account_id}")
    )
    assert answer.status != 503, "the deletion was not acknowledged"
    if answer.status != 204:
        raise Violation(f"an account was deleted, and the caller is told {answer}")
    expect_number(stage, "events", "select count(*) from revocation_events", 1)
    expect_number(stage, "accounts", "select count(*) from accounts", 0)
    if ask_all(replica, [minted]) != [401]:
        raise Violation("a session of a deleted account resolves")


def test_a_deletion_whose_answer_is_cut_off_is_told_as_it_was(stage):
    deleted_once(stage)


@pytest.mark.control
def test_telling_a_deletion_needs_the_retry_to_be_the_same_one(stage):
    stage.expect_violation(deleted_once, without="idempotent_retry")
