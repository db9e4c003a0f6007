"""The gateway and the application of the compose stack, with the files that it mounts, and the walk through them."""

import re
import shutil
import subprocess
import sys

import pytest

from edge import Edge
from gateway import EXAMPLES, NGINX_GLOBALS, PATH, is_installed, made_patient
from http_client import HANG_S, exchange
from needs import need
from service import ROOT, free_port
from waiting import eventually


class ComposeNginx:
    """nginx with a file of `examples/compose`; `places` are what is to stand for the names and ports in it."""

    def __init__(self, name, directory, port, **places):
        self.port = port
        text = (EXAMPLES / "compose" / f"{name}.conf").read_text().replace("/tmp/", f"{directory}/")
        text = text.replace("/srv/player/", f"{EXAMPLES}/player/")
        for shown, place in places.items():
            assert shown.replace("__", ":") in text
            text = text.replace(shown.replace("__", ":"), place)
        (directory / "nginx.conf").write_text(made_patient(text))
        program = shutil.which("nginx", path=PATH)
        self._process = subprocess.Popen(
            [program, "-p", directory, "-c", directory / "nginx.conf", "-e", "stderr", "-g", NGINX_GLOBALS],
            stdin=subprocess.DEVNULL,
        )
        eventually(self._is_listening, f"the {name} listens")

    def stop(self):
        self._process.terminate()
        self._process.wait(HANG_S)

    def _is_listening(self):
        assert self._process.poll() is None, "nginx ended by itself"
        try:
            return exchange(self.port, "GET", "/")
        except OSError:
            return None


@pytest.fixture(scope="module")
def stack(service, tmp_path_factory):
    need(is_installed("nginx"), "nginx")
    directory = tmp_path_factory.mktemp
    edge = Edge([service], directory("edge")).start()
    ports = [free_port(), free_port()]
    listen = [{f"listen {shown}": f"listen 127.0.0.1:{port}"} for shown, port in zip((9000, 8000), ports)]
    application = ComposeNginx("application", directory("application"), ports[0], **listen[0])
    gateway = ComposeNginx(
        "gateway",
        directory("gateway"),
        ports[1],
        **listen[1],
        edge__8080=f"127.0.0.1:{edge.port}",
        portcullis__8080=f"127.0.0.1:{service.port}",
        application__9000=f"127.0.0.1:{application.port}",
    )
    yield gateway, edge
    gateway.stop()
    application.stop()
    if edge.is_running:
        edge.stop()
    edge.expect_no_complaint()


def walk(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "scripts/walk", *arguments], capture_output=True, text=True, timeout=2 * HANG_S
    )


def test_the_walk_goes_through_the_gateway(stack):
    gateway, _ = stack
    done = walk("--gateway", f"http://127.0.0.1:{gateway.port}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything is as it should be." in done.stdout


def test_the_walk_takes_a_service_for_no_gateway(service):
    done = walk("--gateway", f"http://127.0.0.1:{service.port}")
    assert done.returncode == 1 and "answered 404" in done.stderr


def test_the_player_s_page_is_there_with_all_that_it_names(stack):
    gateway, _ = stack
    page = exchange(gateway.port, "GET", "/player/")
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    scripts = re.findall(r'src="([^"]+)"', page.body.decode())
    assert '<meta name="color-scheme" content="light dark">' in page.body.decode()
    assert scripts == ["begin.js", "portcullis-sessions.js"]
    for script in scripts:
        answer = exchange(gateway.port, "GET", f"/player/{script}")
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/javascript")


def test_the_player_s_cookie_counts_where_there_is_no_authorization(stack, mint):
    gateway, _ = stack
    first, other = mint(), mint()
    ask = lambda method, path, **parts: exchange(gateway.port, method, path, **parts)
    cookie = {"Cookie": f"theme=dark; portcullis={first['token']}"}
    told = ask("GET", "/api/v1/user/sessions", headers=cookie).expect(200)["sessions"]
    assert [each["session_id"] for each in told] == [first["session"]["session_id"]]
    assert ask("GET", "/basket", headers=cookie, token=other["token"]).expect(200)["user"] == other["account"]["account_id"]
    ask("DELETE", f"/api/v1/user/sessions/{first['session']['session_id']}", headers=cookie).expect(200)
    eventually(lambda: ask("GET", "/basket", headers=cookie).status == 401, "the session has ended")
    assert ask("GET", "/api/v1/user/sessions").status == 401
    assert ask("GET", "/api/v1/user/sessions", headers={"Cookie": "portcullis="}).status == 401


def test_without_the_edge_nobody_gets_in(stack, mint):
    gateway, edge = stack
    token = mint()["token"]
    exchange(gateway.port, "GET", "/", token=token).expect(200)
    edge.stop()
    answer = exchange(gateway.port, "GET", "/", token=token)
    assert answer.status == 503 and answer.headers["Retry-After"] == "1"
