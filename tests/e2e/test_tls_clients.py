"""nginx, HAProxy and Apache before the TLS listener, each as a caller that proves who it is."""

import shutil
import subprocess

import pytest

from callers import caller, new_key, write_callers
from echo_upstream import EchoUpstream
from gateway import Gateway
from http_client import HANG_S, exchange
from nginx import Nginx
from people import telegram
from service import free_port
from test_tls import SPIFFE, TlsService
from waiting import eventually

NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream portcullis {{ server 127.0.0.1:{portcullis}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location = /guard {{
      internal;
      proxy_pass https://portcullis/api/v1/internal/verify;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_ssl_certificate {certificate};
      proxy_ssl_certificate_key {key};
      proxy_ssl_trusted_certificate {authority};
      proxy_ssl_verify on;
      proxy_ssl_name {name};
      proxy_ssl_server_name on;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }}
    location /page/ {{
      auth_request /guard;
      auth_request_set $user $upstream_http_x_user_id;
      proxy_set_header X-User-ID $user;
      proxy_pass http://127.0.0.1:{application};
    }}
  }}
  server {{ listen 127.0.0.1:{application}; return 200 $http_x_user_id; }}
}}
"""

HAPROXY = """
defaults
  mode http
  timeout connect 60s
  timeout client 60s
  timeout server 60s
frontend door
  bind 127.0.0.1:{port}
  default_backend portcullis
backend portcullis
  server one 127.0.0.1:{portcullis} ssl verify required ca-file {authority} crt {identity} sni str({name}) verifyhost {name}
"""


@pytest.fixture(scope="module")
def key():
    return new_key("gateway")


@pytest.fixture(scope="module")
def secure(database, tmp_path_factory, key):
    made = TlsService(database, tmp_path_factory.mktemp("tls"))
    issued = made.authority.issue("known-by-both", "DNS:localhost,IP:127.0.0.1")
    for issued, place in zip(issued, (made.certificate, made.key)):
        shutil.copy(issued, place)
    write_callers(made.callers, caller("gateway", ["internal"], key, certificates=[SPIFFE]))
    made.plain.start()
    yield made
    made.plain.stop()
    made.plain.expect_no_complaint()


@pytest.fixture(scope="module")
def minted(secure):
    with secure.connect(secure.gateway) as connection:
        return connection.request("POST", "/api/v1/internal/sessions", body={"identity": telegram()}).expect(201)


@pytest.fixture
def new_nginx(secure, tmp_path):
    started = []

    def new_nginx(identity, name="localhost"):
        directory = tmp_path / f"nginx-{len(started)}"
        directory.mkdir()
        certificate, its_key = identity

        def configure(port):
            return NGINX.format(
                port=port,
                portcullis=secure.port,
                application=free_port(),
                certificate=certificate,
                key=its_key,
                authority=secure.authority.certificate,
                name=name,
            )

        started.append(Nginx(directory, configure))
        return started[-1]

    yield new_nginx
    for each in started:
        each.stop()


def test_nginx_asks_with_its_certificate(secure, minted, new_nginx):
    nginx = new_nginx(secure.gateway)
    for _ in range(20):  # over connections that it keeps
        page = nginx.request(path="/page/1", token=minted["token"])
        assert (page.status, page.body.decode()) == (200, minted["account"]["account_id"])
    assert nginx.request(path="/page/1").status == 401
    assert nginx.request(path="/page/1", token="pcs_nonsense").status == 401


def test_nginx_with_another_certificate_lets_nobody_in(secure, minted, new_nginx):
    assert new_nginx(secure.stranger).request(path="/page/1", token=minted["token"]).status == 403


def test_nginx_asks_no_server_of_another_name(secure, minted, new_nginx):
    assert new_nginx(secure.gateway, name="db.example.org").request(path="/page/1", token=minted["token"]).status == 500


class Haproxy:
    def __init__(self, directory, secure, identity, name="localhost"):
        directory.mkdir()
        self.port = free_port()
        combined = directory / "identity.pem"
        combined.write_bytes(b"".join(path.read_bytes() for path in identity))
        configuration = directory / "haproxy.cfg"
        configuration.write_text(
            HAPROXY.format(
                port=self.port,
                portcullis=secure.port,
                authority=secure.authority.certificate,
                identity=combined,
                name=name,
            )
        )
        program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
        assert program, "haproxy is not installed"
        self._process = subprocess.Popen([program, "-db", "-f", configuration], stdin=subprocess.DEVNULL)
        eventually(self._is_listening, "HAProxy listens")

    def request(self, path, **parts):
        return exchange(self.port, "GET", path, **parts)

    def stop(self):
        self._process.terminate()
        self._process.wait(HANG_S)

    def _is_listening(self):
        assert self._process.poll() is None, "HAProxy ended by itself"
        try:
            return self.request("/healthz")
        except OSError:
            return None


@pytest.fixture
def new_haproxy(secure, tmp_path):
    started = []

    def new_haproxy(identity, **more):
        started.append(Haproxy(tmp_path / f"haproxy-{len(started)}", secure, identity, **more))
        return started[-1]

    yield new_haproxy
    for each in started:
        each.stop()


def test_haproxy_asks_with_its_certificate(secure, minted, new_haproxy):
    haproxy = new_haproxy(secure.gateway)
    for _ in range(20):
        answer = haproxy.request("/api/v1/internal/sessions/resolve", token=minted["token"])
        assert answer.expect(200)["account_id"] == minted["account"]["account_id"]


def test_haproxy_with_another_certificate_is_unknown(secure, minted, new_haproxy):
    haproxy = new_haproxy(secure.stranger)
    path = "/api/v1/internal/sessions/resolve"
    haproxy.request(path, token=minted["token"]).expect_problem(401, "caller_unknown")


def test_haproxy_asks_no_server_of_another_name(secure, minted, new_haproxy):
    assert new_haproxy(secure.gateway, name="db.example.org").request("/healthz").status == 503


class ApacheBeforeTls(Gateway):
    """The example's Apache, which asks the service's own TLS listener."""

    def __init__(self, secure, application_port, caller_key):
        self._authority = secure.authority.certificate
        super().__init__("apache2", "", secure.port, application_port, caller_key)

    def _serve_tls(self, portcullis_port):
        shutil.copy(self._authority, self._directory / "server.pem")
        return portcullis_port


def test_apache_asks_by_introspection(secure, minted, key):
    application = EchoUpstream()
    apache = ApacheBeforeTls(secure, application.port, key)
    try:
        page = apache.request(path="/page", token=minted["token"])
        assert page.status == 200, apache.log
        assert minted["account"]["account_id"] in page.body.decode()
        assert apache.request(path="/page", token="pcs_nonsense").status == 401
    finally:
        apache.stop()
        application.stop()
