"""A private nginx that guards an application by `auth_request`, as the README's gateway example does."""

import pathlib
import re
import shutil
import subprocess

from http_client import HANG_S, Connection, exchange
from service import free_port
from waiting import eventually

# The application answers with what it was told of the user; only the guard stands before it.
CONFIGURATION = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream portcullis {{ server 127.0.0.1:{portcullis_port}; {keepalive} }}
  server {{
    listen 127.0.0.1:{port};
    location = /guard {{
      internal;
      proxy_pass http://portcullis/api/v1/internal/verify;
      {protocol}
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }}
    location / {{
      auth_request /guard;
      auth_request_set $user $upstream_http_x_user_id;
      auth_request_set $session $upstream_http_x_session_id;
      auth_request_set $guest $upstream_http_x_account_guest;
      proxy_set_header X-User-ID $user;
      proxy_set_header X-Session-ID $session;
      proxy_set_header X-Account-Guest $guest;
      proxy_pass http://127.0.0.1:{application_port};
    }}
  }}
  server {{
    listen 127.0.0.1:{application_port};
    default_type application/json;
    return 200 '{{"user":"$http_x_user_id","session":"$http_x_session_id","guest":"$http_x_account_guest"}}';
  }}
}}
"""

# nginx speaks HTTP/1.0 to an upstream unless it is told to keep connections.
HTTP_1_0 = {"keepalive": "", "protocol": ""}
HTTP_1_1_KEPT_ALIVE = {
    "keepalive": "keepalive 4;",
    "protocol": 'proxy_http_version 1.1; proxy_set_header Connection "";',
}


# Around the gateway's example of the README; 64 KiB of headers, as some gateways let through.
ENVIRONS = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 128; }
http {
  access_log off;
  large_client_header_buffers 4 64k;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  UPSTREAM
  upstream application { server 127.0.0.1:APPLICATION_PORT; }
  server {
    listen 127.0.0.1:PORT;
    LOCATIONS
  }
  server {
    listen 127.0.0.1:APPLICATION_PORT;
    default_type application/json;
    return 200 '{"user":"$http_x_user_id","session":"$http_x_session_id","guest":"$http_x_account_guest"}';
  }
}
"""

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


def configuration_of_readme(port, portcullis_port, without=()):
    """The README's example, with the addresses of this run and without the directives that have one of `without`."""
    [example] = re.findall(r"```nginx\n(.*?)```", README.read_text(), re.DOTALL)
    example = "\n".join(line for line in example.splitlines() if not any(text in line for text in without))
    upstream, separator, locations = example.partition("\n\n")
    assert separator and "10.0.0.5:8080" in upstream
    return (
        ENVIRONS.replace("UPSTREAM", upstream.replace("10.0.0.5:8080", f"127.0.0.1:{portcullis_port}"))
        .replace("LOCATIONS", locations)
        .replace("APPLICATION_PORT", str(free_port()))
        .replace("PORT", str(port))
    )


def configuration_of_replicas(port, replica_ports):
    """Hands everything to the replicas in turn, over connections that it keeps. Without `max_fails=0` nginx
    leaves a replica out for 10 s when its port was closed, and none is left when the next is stopped meanwhile."""
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in replica_ports)
    locations = """
    location / {
      proxy_pass http://portcullis;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
    """
    return (
        ENVIRONS.replace("UPSTREAM", f"upstream portcullis {{ {servers} keepalive 16; }}")
        .replace("LOCATIONS", locations)
        .replace("APPLICATION_PORT", str(free_port()))
        .replace("PORT", str(port))
    )


def configuration_of(port, portcullis_port, upstream):
    return CONFIGURATION.format(port=port, application_port=free_port(), portcullis_port=portcullis_port, **upstream)


class Nginx:
    """`configure(port)` makes its configuration."""

    def __init__(self, directory, configure):
        self.port = free_port()
        self._directory = pathlib.Path(directory)
        (self._directory / "nginx.conf").write_text(configure(self.port))
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program, "nginx is not installed (Debian package: nginx-light or nginx)"
        self._process = subprocess.Popen(
            [program, "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"], stdin=subprocess.DEVNULL
        )
        try:
            eventually(self._is_listening, "nginx listens")
        except BaseException:
            self.stop()
            raise

    def request(self, method="GET", path="/", **parts):
        return exchange(self.port, method, path, **parts)

    def connect(self):
        return Connection(self.port)

    def stop(self):
        self._process.terminate()
        self._process.wait(HANG_S)

    def _is_listening(self):
        assert self._process.poll() is None, "nginx ended by itself"
        try:
            return self.request()
        except OSError:
            return None
