"""`portcullis ctl` against a running service: what it shows, what it asks, how it ends."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess

import pytest

from callers import caller, new_key, write_callers
from http_client import HANG_S
from needs import need
from people import UNKNOWN_ID, email, is_cursor
from service import BINARY, environment, free_port, run_command
from tls import Authority
from waiting import eventually

DONE, REFUSED, USAGE, NOT_FOUND, NOT_ALLOWED, UNAVAILABLE, DECLINED = range(7)


@pytest.fixture
def ctl(service):
    """Runs `portcullis ctl` against the module's service; returns what it printed, once its exit code is right."""

    def ctl(*arguments, code=DONE, **settings):
        done = run_command("ctl", *arguments, PORTCULLIS_ADDRESS=f"http://127.0.0.1:{service.port}", **settings)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "\033" not in done.stdout + done.stderr, "colours where no terminal is"
        ctl.errors = done.stderr
        return done.stdout

    return ctl


@pytest.fixture
def ctl_json(ctl):
    return lambda *arguments, **more: json.loads(ctl(*arguments, "-o", "json", **more))


def test_a_session_is_shown_listed_and_ended(service, ctl, ctl_json, mint):
    minted = mint(device={"label": "phone", "user_agent": "Agent/1", "ip": "192.0.2.7"})
    session_id, account_id = minted["session"]["session_id"], minted["account"]["account_id"]
    shown = ctl("session", "get", session_id)
    assert session_id in shown and account_id in shown and "192.0.2.7" in shown and "active" in shown
    assert ctl_json("session", "get", session_id)["session"]["device"]["label"] == "phone"
    assert [s["session_id"] for s in ctl_json("session", "list", account_id)["sessions"]] == [session_id]
    assert session_id in ctl("account", "sessions", account_id)
    ctl("session", "revoke", session_id, code=DECLINED)  # nobody is there to say yes
    assert "--yes" in ctl.errors
    service.resolve(minted["token"]).expect(200)
    assert "ended" in ctl("session", "revoke", session_id, "--reason", "lost it", "--yes")
    service.resolve(minted["token"]).expect_problem(401, "session_revoked")
    assert ctl_json("session", "get", session_id)["session"]["revoke_reason"] == "lost it"
    assert "over already" in ctl("session", "revoke", session_id, "-y")
    assert ctl_json("session", "list", account_id)["sessions"] == []


def test_lists_go_on_over_pages(ctl, ctl_json, mint):
    account_id = mint()["account"]["account_id"]
    for _ in range(4):
        mint(account_id=account_id)
    assert len(ctl_json("session", "list", account_id)["sessions"]) == 5
    assert len(ctl_json("session", "list", account_id, "--limit", "2")["sessions"]) == 2
    assert "there are more" in ctl.errors


def test_accounts_are_found_shown_and_deleted(ctl, ctl_json, mint):
    identity = email()
    account_id = mint(identity=identity)["account"]["account_id"]
    [found] = ctl_json("account", "find", "--kind", "email", "--external-id", identity["external_id"])["accounts"]
    assert found["account_id"] == account_id
    assert identity["external_id"] in ctl("account", "show", account_id)
    ctl("account", "delete", account_id, code=DECLINED)
    assert ctl("account", "delete", account_id, "--yes") == "deleted\n"
    ctl("account", "show", account_id, code=NOT_FOUND)
    assert "account_not_found" in ctl.errors


def test_many_sessions_end_after_they_were_counted(service, ctl, ctl_json, mint):
    one, two, other = (mint(device={"user_agent": agent}) for agent in ("ctl-bad/1", "ctl-bad/2", "ctl-good"))
    where = ("--where", "user_agent_contains=ctl-bad", "--where", "guest=false")
    assert ctl("revoke", *where, "--dry-run") == "2 sessions of 2 accounts would end\n"
    assert ctl_json("revoke", *where, "--dry-run") == {"sessions": 2, "accounts": 2, "dry_run": True}
    ctl("revoke", *where, code=DECLINED)
    service.resolve(one["token"]).expect(200)
    job = ctl_json("revoke", *where, "--reason", "leak", "--yes")
    assert job["state"] == "done" and job["done"] == {"sessions": 2, "accounts": 2} and job["reason"] == "leak"
    for minted in (one, two):
        service.resolve(minted["token"]).expect_problem(401, "session_revoked")
    service.resolve(other["token"]).expect(200)
    assert ctl_json("job", job["job_id"]) == job
    detached = ctl_json("revoke", "--account", other["account"]["account_id"], "--detach", "--yes")
    assert ctl_json("job", detached["job_id"], "--wait")["done"]["sessions"] == 1
    ctl("job", UNKNOWN_ID, code=NOT_FOUND)


def test_bad_orders_are_refused_before_anything_ends(ctl, mint):
    account_id = mint()["account"]["account_id"]
    for arguments in [
        ("revoke", "--yes"),
        ("revoke", "--all", "--account", account_id, "--yes"),
        ("revoke", "--where", "guest", "--yes"),
        ("revoke", "--where", "guest=true", "--where", "guest=false", "--yes"),
        ("session",),
        ("session", "get"),
        ("session", "get", account_id, "more"),
        ("sesion", "get", account_id),
        ("account", "find", "--guest", "maybe"),
        ("session", "list", account_id, "--limit", "0"),
        ("stats", "-o", "xml"),
        ("stats", "--cert-file", "only.pem"),
        ("stats", "--address", "127.0.0.1:80"),
        ("stats", "--caller-key-file", "/nonexistent"),
        ("stats", "--caller-key", "pck_on_the_command_line"),
    ]:
        assert ctl(*arguments, code=USAGE) == "" and ctl.errors, arguments
    for condition in ("user_agent=x", "ip_in=192.0.2.1/24", "created_before=today", "identity_kind=phone"):
        ctl("revoke", "--where", condition, "--yes", code=REFUSED)
        assert "422 value_unacceptable" in ctl.errors


def test_the_feed_is_followed_from_a_cursor(service, ctl, mint):
    before = service.gateway.get("/revocations").expect(200)["cursor"]
    minted = [mint() for _ in range(3)]
    for one in minted:
        cursor = service.gateway.delete(f"/sessions/{one['session']['session_id']}", {"reason": "a\x1bb"}).expect(200)["cursor"]
    eventually(lambda: service.gateway.get("/revocations").expect(200)["cursor"] == cursor, "the feed has them")
    lines = [json.loads(line) for line in ctl("feed", "tail", "--since", before, "--no-follow", "-o", "json").splitlines()]
    assert [e["session_id"] for e in lines] == [one["session"]["session_id"] for one in minted]
    shown = ctl("feed", "tail", "--since", before, "--count", "2")
    assert len(shown.splitlines()) == 2 and "a?b" in shown  # nothing of a reason steers the terminal
    ctl("feed", "tail", "--since", "soon", code=REFUSED)
    assert "cursor_malformed" in ctl.errors
    ctl("feed", "tail", "--since", "0000000000000001-1", "--no-follow")
    assert "another history" in ctl.errors


def test_the_feed_is_followed_as_it_comes(service, mint):
    minted = mint()
    tail = subprocess.Popen(
        [BINARY, "ctl", "feed", "tail", "--count", "1", "--address", f"http://127.0.0.1:{service.port}"],
        env=environment({}),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        # It began to follow at some moment; ends go on until it has seen one.
        while tail.poll() is None:
            one = mint()["session"]["session_id"]
            service.gateway.delete(f"/sessions/{one}").expect(200)
            try:
                tail.wait(0.2)
            except subprocess.TimeoutExpired:
                pass
        assert "session " in tail.communicate(timeout=HANG_S)[0] and tail.returncode == DONE
    finally:
        tail.kill()
    service.resolve(minted["token"]).expect(200)


def test_numbers_followers_and_the_sweep(service, ctl, ctl_json):
    assert "feed.cursor" in ctl("stats")
    assert is_cursor(ctl_json("followers")["cursor"])
    with service.subscribe():
        eventually(lambda: "127.0.0.1" in ctl("followers"), "who follows is shown")
    assert ctl_json("sweep", "--dry-run")["dry_run"] is True
    ctl("sweep", code=DECLINED)
    assert ctl_json("sweep", "--yes")["dry_run"] is False


def test_a_key_comes_from_a_file_or_a_variable(database, new_service, tmp_path):
    key, weak = new_key("ops"), new_key("weak")
    callers = tmp_path / "callers.json"
    write_callers(callers, caller("ops", ["*"], key), caller("weak", ["sessions:resolve"], weak))
    service = new_service(database, BACKEND_CALLERS_FILE=str(callers)).start()
    address = {"PORTCULLIS_ADDRESS": f"http://127.0.0.1:{service.port}"}
    key_file = tmp_path / "key"
    key_file.write_text(key + "\n")
    assert run_command("ctl", "stats", **address).returncode == NOT_ALLOWED
    assert run_command("ctl", "stats", "--caller-key-file", str(key_file), **address).returncode == DONE
    assert run_command("ctl", "stats", PORTCULLIS_CALLER_KEY_FILE=str(key_file), **address).returncode == DONE
    assert run_command("ctl", "stats", PORTCULLIS_CALLER_KEY=key, **address).returncode == DONE
    assert run_command("ctl", "stats", PORTCULLIS_CALLER_KEY=weak, **address).returncode == NOT_ALLOWED
    refused = run_command("ctl", "stats", PORTCULLIS_CALLER_KEY="pck_\nX: y", **address)
    assert refused.returncode == USAGE and "pck_" not in refused.stderr


def test_nobody_there_is_told_as_such(ctl):
    ctl("stats", "--address", "http://127.0.0.1:1", code=UNAVAILABLE)
    assert "no answer" in ctl.errors


# -- the doctor ----------------------------------------------------------------------------------------------------


def states_of(checks):
    return {check["check"]: check["state"] for check in checks["checks"]}


def test_a_sound_deployment_has_no_finding(ctl, ctl_json, database):
    """But for the cluster of the tests, which does not wait for the disk."""
    states = states_of(ctl_json("doctor", BACKEND_POSTGRES_DSN=database.dsn, code=REFUSED))
    assert set(states) >= {
        "reachable", "tls", "clock", "ready", "caller", "lag", "open-files",
        "dsn", "database", "durability", "schema", "privileges", "database-clock", "connections",
    }
    assert [check for check, state in states.items() if state == "fail"] == ["durability"]
    shown = ctl("doctor", BACKEND_POSTGRES_DSN=database.dsn, code=REFUSED)
    assert "reachable" in shown and "***" in shown
    password = re.search(r":([0-9a-f]{20,})@", database.dsn)[1]
    assert password not in shown
    assert states_of(ctl_json("doctor"))["database"] == "skip"


def test_the_doctor_names_what_is_wrong(ctl_json, database, cluster, tmp_path, new_service):
    assert states_of(ctl_json("doctor", "--address", "http://127.0.0.1:1", code=REFUSED))["reachable"] == "fail"
    wrong = [
        ("dsn", "postgres://u:secret-word@127.0.0.1:1/x"),  # pins no search_path
        ("database", "postgres://u:secret-word@127.0.0.1:1/x?search_path=backend"),
        ("schema", cluster.create_database().dsn),
    ]
    for check, dsn in wrong:
        told = ctl_json("doctor", BACKEND_POSTGRES_DSN=dsn, code=REFUSED)
        assert states_of(told)[check] == "fail", told
        assert "secret-word" not in json.dumps(told)
        assert all(one["advice"] for one in told["checks"] if one["state"] in ("warn", "fail"))
    key = new_key("somebody")
    callers = tmp_path / "callers.json"
    write_callers(callers, caller("somebody", ["sessions:resolve"], key))
    guarded = new_service(database, BACKEND_CALLERS_FILE=str(callers)).start()
    address = ("--address", f"http://127.0.0.1:{guarded.port}")
    assert states_of(ctl_json("doctor", *address, code=REFUSED))["caller"] == "fail"
    assert states_of(ctl_json("doctor", *address, PORTCULLIS_CALLER_KEY=key))["caller"] == "warn"


def test_servers_and_callers_prove_themselves_by_certificates(database, new_service, tmp_path):
    authority, other = Authority(tmp_path), Authority(tmp_path, "other authority")
    server, server_key = authority.issue("server", "DNS:localhost")
    operator, operator_key = authority.issue("operator", "URI:spiffe://example.org/operator")
    callers = tmp_path / "callers.json"
    write_callers(callers, caller("operator", ["*"], certificates=["spiffe://example.org/operator"]))
    service = new_service(
        database,
        BACKEND_TLS_CERT_FILE=str(server),
        BACKEND_TLS_KEY_FILE=str(server_key),
        BACKEND_TLS_CLIENT_CA_FILE=str(authority.certificate),
        BACKEND_TLS_CLIENT_CERT="optional",
        BACKEND_CALLERS_FILE=str(callers),
    )
    port = free_port()
    plain = f"127.0.0.1:{service.port};audiences=metrics"
    service._settings["BACKEND_HTTP_ADDR"] = f"127.0.0.1:{port};tls,{plain}"
    service.start()

    def stats(ca, *more):
        return run_command("ctl", "stats", "--address", f"https://localhost:{port}", "--ca-file", str(ca.certificate), *more)

    assert stats(other).returncode == UNAVAILABLE and "certificate" in stats(other).stderr
    assert stats(authority).returncode == NOT_ALLOWED
    identity = ("--cert-file", str(operator), "--key-file", str(operator_key))
    assert stats(authority, *identity).returncode == DONE


# -- bench ---------------------------------------------------------------------------------------------------------


def test_bench_measures_and_leaves_nothing(ctl, ctl_json):
    before = ctl_json("stats")
    found = ctl_json("bench", "--connections", "2", "--seconds", "1")
    assert found["connections"] == 2 and found["seconds"] >= 1 and found["errors"] == {}
    assert found["resolved"] > 0 and found["per_second"] == pytest.approx(found["resolved"] / found["seconds"])
    latency = found["latency_us"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"]
    after = ctl_json("stats")
    assert (after["accounts"], after["active_sessions"]) == (before["accounts"], before["active_sessions"])
    assert "PER SECOND" in ctl("bench", "--connections", "1", "--seconds", "1")


def test_bench_ends_the_session_that_it_gave_an_account(ctl, ctl_json, mint):
    account_id = mint()["account"]["account_id"]
    assert ctl_json("bench", "--seconds", "1", "--account", account_id)["resolved"] > 0
    assert len(ctl_json("session", "list", account_id)["sessions"]) == 1
    ctl("bench", "--account", UNKNOWN_ID, code=NOT_FOUND)
    for wrong in (("--connections", "0"), ("--connections", "65"), ("--seconds", "61")):
        ctl("bench", *wrong, code=USAGE)


def test_bench_that_is_interrupted_takes_its_guest_away(service, ctl_json):
    before = ctl_json("stats")
    command = [BINARY, "ctl", "bench", "--seconds", "60", "-o", "json", "--address", f"http://127.0.0.1:{service.port}"]
    with subprocess.Popen(command, env=environment({}), stdout=subprocess.PIPE, text=True) as running:
        eventually(lambda: ctl_json("stats")["active_sessions"] > before["active_sessions"], "it has begun")
        running.send_signal(signal.SIGINT)
        assert json.loads(running.communicate(timeout=HANG_S)[0])["errors"] == {}
    assert ctl_json("stats")["accounts"] == before["accounts"]


def test_bench_tells_what_was_refused(new_service, database, tmp_path):
    key, path = new_key(), tmp_path / "callers.json"
    write_callers(path, caller("bench", ["*"], key, rate={"quota": 10, "window_s": 86_400}))
    service = new_service(database, BACKEND_CALLERS_FILE=str(path)).start()
    address = f"http://127.0.0.1:{service.port}"
    done = run_command("ctl", "bench", "--seconds", "1", "-o", "json", "--address", address, PORTCULLIS_CALLER_KEY=key)
    measured = json.loads(done.stdout)
    assert measured["resolved"] == 8 and measured["errors"]["429"] > 0
    assert done.returncode == UNAVAILABLE and "left behind: /accounts/" in done.stderr  # that was refused as well


# -- the shell -----------------------------------------------------------------------------------------------------

EVERY_COMMAND = (
    "session get|session list|session revoke|account find|account show|account sessions|account delete|revoke|job|"
    "feed tail|followers|stats|sweep|audit|doctor|bench|completion|manual"
).split("|")


def test_help_the_manual_and_the_completions_know_every_command(ctl):
    manual = ctl("manual")
    scripts = {shell: ctl("completion", shell) for shell in ("bash", "zsh", "fish")}
    for command in EVERY_COMMAND:
        words = command.split()
        assert "Usage: " in ctl(*words, "--help"), command
        assert f".SS portcullis ctl {command}\n" in manual
        for script in scripts.values():
            assert words[-1] in script
    for option in ("--caller-key-file", "--address", "--dry-run", "--since"):
        assert option in ctl("--help") + ctl("revoke", "--help") + ctl("feed", "tail", "--help")
        assert option.replace("-", "\\-") in manual
        assert option in scripts["bash"] and option[2:] in scripts["fish"]
    assert "Exit codes:" in ctl("--help") and "PORTCULLIS_CALLER_KEY" in manual


def complete(script, *words):
    """What bash offers after `words`, the last of which is being written."""
    line = " ".join(f"'{word}'" for word in words)
    shell = f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _portcullis_ctl; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, check=True).stdout.split()


def test_bash_completes_commands_and_options(ctl):
    script = ctl("completion", "bash")
    assert complete(script, "portcullis", "c") == ["ctl"]
    assert complete(script, "portcullis", "ctl", "se") == ["session"]
    assert complete(script, "portcullis", "ctl", "session", "re") == ["revoke"]
    assert complete(script, "portcullis", "ctl", "session", "revoke", "--rea") == ["--reason"]
    assert complete(script, "portcullis", "ctl", "--address", "http://x", "feed", "t") == ["tail"]


class InteractiveZsh:
    """A zsh at a terminal, with `rc` for its settings."""

    def __init__(self, home, rc):
        (home / ".zshrc").write_text(f"PS1='ready> '\nautoload -Uz compinit && compinit -u -D\n{rc}\n")
        self._shown = b""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            ours = {"ZDOTDIR": str(home), "HOME": str(home), "TERM": "dumb", "PATH": os.environ["PATH"]}
            os.execve(shutil.which("zsh"), ["zsh", "-d", "-i"], ours)
        self.show(b"ready> ")

    def type(self, keys):
        os.write(self._terminal, keys)

    def show(self, text):
        """Waits until `text` is on the screen, behind what was waited for before."""
        while text not in self._shown:
            assert select.select([self._terminal], [], [], HANG_S)[0], f"{text} does not follow on {self._shown}"
            self._shown += os.read(self._terminal, 4096)
        self._shown = self._shown.partition(text)[2]

    def close(self):
        os.close(self._terminal)
        os.waitpid(self._pid, 0)


@pytest.mark.parametrize("way", ["sourced", "found in fpath"])
def test_zsh_completes_from_the_first_tab(ctl, tmp_path, way):
    need(shutil.which("zsh"), "zsh")
    script = tmp_path / "_portcullis"
    script.write_text(ctl("completion", "zsh"))
    if way == "sourced":
        shell = InteractiveZsh(tmp_path, f"source {script}")
    else:
        shell = InteractiveZsh(tmp_path, f"fpath=({tmp_path} $fpath)\ncompinit -u -D")
    shell.type(b"portcullis ctl ses\t")
    shell.show(b"session ")
    shell.type(b"rev\t")
    shell.show(b"revoke ")
    shell.type(b"--rea\t")
    shell.show(b"--reason ")
    shell.close()


def test_man_and_the_shells_take_what_is_printed(ctl, tmp_path):
    """Those of them that are installed."""
    page = tmp_path / "portcullis-ctl.1"
    page.write_text(ctl("manual"))
    if shutil.which("man"):
        shown = subprocess.run(
            ["man", "--warnings", "-l", str(page)], capture_output=True, text=True, env={**os.environ, "MANWIDTH": "100"}
        )
        assert shown.returncode == 0 and shown.stderr == "" and "EXIT STATUS" in shown.stdout
    for shell in ("bash", "zsh", "fish"):
        if shutil.which(shell):
            script = tmp_path / shell
            script.write_text(ctl("completion", shell))
            subprocess.run([shell, "-n", str(script)], check=True)
