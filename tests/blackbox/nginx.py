"""A private nginx that guards an application by `auth_request`, as the README's gateway example does."""

import pathlib
import shutil
import subprocess

from http_client import HANG_S, exchange
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


class Nginx:
    def __init__(self, directory, portcullis_port, upstream):
        self.port = free_port()
        self._directory = pathlib.Path(directory)
        (self._directory / "nginx.conf").write_text(
            CONFIGURATION.format(
                port=self.port, application_port=free_port(), portcullis_port=portcullis_port, **upstream
            )
        )
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert program, "nginx is not installed (Debian package: nginx-light or nginx)"
        self._process = subprocess.Popen(
            [program, "-p", str(directory), "-c", "nginx.conf", "-e", "stderr"], stdin=subprocess.DEVNULL
        )
        eventually(self._is_listening, "nginx listens")

    def request(self, method="GET", path="/", **parts):
        return exchange(self.port, method, path, **parts)

    def stop(self):
        self._process.terminate()
        self._process.wait(HANG_S)

    def _is_listening(self):
        assert self._process.poll() is None, "nginx ended by itself"
        try:
            return self.request()
        except OSError:
            return None
