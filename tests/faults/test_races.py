"""Races between replicas that one row, one index or one lock must decide."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from asking import ask_all, mint_many
from history import Violation
from http_client import HANG_S, ConnectionEnded
from people import UNKNOWN_ID, seq_of, telegram
from replicas import STALENESS_S
from waiting import eventually

PATIENT = {"BACKEND_POSTGRES_OPERATION_TIMEOUT": "20s"}  # nobody gives up while the start is held
REPLICAS = 3

# -- find or create

CLIENTS = 64


def one_account(stage):
    """64 clients log in for the first time, as one person, over three replicas. Nobody gets through before
    several have looked and found nobody; then one replica is killed while its answers are on their way."""
    replicas = stage.start_replicas(REPLICAS, **PATIENT)
    identity = telegram()
    victim = stage.dice.choice(replicas)
    plans = [
        (stage.dice.choice([mint, find_or_create]), stage.dice.sample(replicas, REPLICAS)) for _ in range(CLIENTS)
    ]
    unanswered = []
    with ThreadPoolExecutor(CLIENTS) as clients, victim.db.hold_answer("claim_identities", times=CLIENTS) as held:
        with stage.database.amid(holding(identity)):
            asked = [clients.submit(until_told, ask, order, identity, unanswered) for ask, order in plans]
            stage.database.wait_for_blocked_statements(REPLICAS)
            assert held.seen.wait(HANG_S), "the replica that dies was never asked"  # once there is an account, it just finds it
        assert held.answered.wait(HANG_S), "the replica that dies was never answered"
        victim.service.kill()
        answers = [each.result(HANG_S) for each in asked]
    stage.fired_by("requests that the killed replica left unanswered", unanswered.count(victim))
    found = {answer["account"]["account_id"] for answer in answers}
    if len(found) != 1:
        raise Violation(f"one person was told of {len(found)} accounts: {sorted(found)}")
    if sum(answer["created"] for answer in answers) > 1:
        raise Violation("more than one was told that they made the account")
    accounts = stage.database.execute("select account_id from accounts").split()
    if accounts != list(found):
        raise Violation(f"one person has {len(accounts)} accounts: {accounts}")


def holding(identity):
    """Somebody else is about to have that identity, and thinks better of it."""
    return (
        f"insert into accounts (account_id, is_guest) values ('{UNKNOWN_ID}', false);"
        " insert into identities (identity_id, account_id, kind, external_id)"
        f" values ('{UNKNOWN_ID}', '{UNKNOWN_ID}', '{identity['kind']}', '{identity['external_id']}')"
    )


def mint(replica, identity):
    return replica.mint(identity=identity)


def find_or_create(replica, identity):
    try:
        answer = replica.gateway.post("/accounts", body={"identity": identity})
    except (OSError, ConnectionEnded):
        return None
    return answer.json if answer.status in (200, 201) else None


def until_told(ask, replicas, identity, unanswered):
    """Asks one replica after the other until one answers."""
    for replica in itertools.islice(itertools.cycle(replicas), 10 * REPLICAS):
        if answer := ask(replica, identity):
            return answer
        unanswered.append(replica)
    raise AssertionError("no replica answers")


def test_racing_first_log_ins_over_replicas_make_one_account(stage):
    one_account(stage)


@pytest.mark.control
def test_one_account_needs_the_index_to_decide(stage):
    stage.expect_violation(one_account, without="claim_decided_by_index")


# -- revoke-all against mints

MINTERS = 6
REVOCATIONS = 6


def exact_by_generation(stage):
    """Sessions of one account are minted everywhere while all of it is revoked, again and again: each session was ended,
    and counted, by exactly one revocation, or it lives. At first a revocation and mints stand in line for the account."""
    replicas = stage.start_replicas(REPLICAS, **PATIENT)
    first = mint_many(replicas[0], 1)[0]
    account_id = first["account"]["account_id"]
    minted = [first]
    revocations = []
    is_over = threading.Event()

    def keep_minting(dice_order):
        while not is_over.is_set():
            for replica in dice_order:
                if made := replica.mint(account_id=account_id):
                    minted.append(made)

    def revoke_all():
        done = stage.dice.choice(replicas).revoke_all(account_id)
        assert done, "a revocation was not acknowledged"
        revocations.append(done)

    with ThreadPoolExecutor(MINTERS + 1) as clients:
        with stage.database.amid(f"select from accounts where account_id = '{account_id}' for update"):
            revocation = clients.submit(revoke_all)
            stage.database.wait_for_blocked_statements(1)
            minters = [
                clients.submit(keep_minting, stage.dice.sample(replicas, REPLICAS)) for _ in range(MINTERS)
            ]
            stage.database.wait_for_blocked_statements(2)
        try:
            revocation.result(HANG_S)
            for _ in range(REVOCATIONS):
                wanted = len(minted) + stage.dice.randrange(1, 30)
                eventually(lambda: len(minted) >= wanted, "sessions are minted")
                revoke_all()
        finally:
            is_over.set()
        for minter in minters:
            minter.result(HANG_S)
    stage.fired_by("mints amid a revocation", overlapping(stage.history))
    check_generations(stage, account_id, minted, revocations)
    check_order(stage, account_id, minted)
    check_resolves(stage, replicas, account_id, minted)


def overlapping(history):
    revocations = history.of("revoke_all")
    return sum(any(r.begin < m.end and m.begin < r.end for r in revocations) for m in history.of("mint"))


def check_generations(stage, account_id, minted, revocations):
    """What each revocation told is what was born to the generation that it ended."""
    rows = rows_of(stage, f"select session_id, generation from sessions where account_id = '{account_id}'")
    if {each["session"]["session_id"] for each in minted} != set(rows):
        raise Violation(f"{len(minted)} mints were acknowledged, and there are {len(rows)} sessions")
    born = Counter(int(generation) for generation in rows.values())
    raised = rows_of(stage, f"select seq, generation from revocation_events where account_id = '{account_id}'")
    if len(raised) != len(revocations):
        raise Violation(f"{len(revocations)} revocations wrote {len(raised)} events")
    for told in revocations:
        ended = int(raised[str(seq_of(told["cursor"]))]) - 1
        if born[ended] != told["revoked"]:
            raise Violation(f"{told} of generation {ended}, to which {born[ended]} sessions were born")


def check_order(stage, account_id, minted):
    """A session that was acknowledged before a revocation began is dead; one that was asked for after the last was
    acknowledged lives."""
    alive = living(stage, account_id)
    revocations = stage.history.of("revoke_all", account_id)
    last_begin = max(each.begin for each in revocations)
    last_end = max(each.end for each in revocations)
    for entry in stage.history.of("mint"):
        if entry.end < last_begin and entry.subject in alive:
            raise Violation(f"alive after the end of all: {entry}")
        if entry.begin > last_end and entry.status == 201 and entry.subject not in alive:
            raise Violation(f"dead, and nobody ended it: {entry}")


def check_resolves(stage, replicas, account_id, minted):
    alive = living(stage, account_id)
    expected = [200 if each["session"]["session_id"] in alive else 401 for each in minted]
    for replica in replicas:
        eventually(
            lambda replica=replica: ask_all(replica, minted) == expected,
            f"replica {replica.number} resolves the living and nobody else",
            STALENESS_S,
        )


def living(stage, account_id):
    return rows_of(
        stage,
        "select session_id, generation from sessions join accounts using (account_id)"
        f" where account_id = '{account_id}' and generation = session_generation and revoked_at is null",
    )


def rows_of(stage, sql):
    """The rows of a query for two columns, the second by the first."""
    return dict(row.split("|") for row in stage.database.execute(sql).splitlines())


def test_revoke_all_among_mints_is_exact_by_generation(stage):
    exact_by_generation(stage)


@pytest.mark.control
def test_exactness_needs_the_generation_read_under_the_lock(stage):
    stage.expect_violation(exact_by_generation, without="generation_lock")
