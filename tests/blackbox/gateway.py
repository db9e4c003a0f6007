"""The gateways that people run, each started with the file of `examples/` and nothing but its addresses and its patience
changed."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from http_client import HANG_S, exchange
from service import ROOT, free_port
from tls_front import TlsFront
from waiting import eventually

EXAMPLES = ROOT / "examples"
PATH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

# What the examples say: clients, Portcullis, the application.
PORTS = (":8000", ":8080", ":9000")

# Started by root, nginx would give its workers to a user who may not enter the tests' directory.
NGINX_GLOBALS = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")

COMMANDS = {
    "nginx": lambda directory: ["nginx", "-p", directory, "-c", "nginx.conf", "-e", "stderr", "-g", NGINX_GLOBALS],
    "caddy": lambda directory: ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"],
    "haproxy": lambda directory: ["haproxy", "-db", "-f", "haproxy.cfg"],
    "apache2": lambda directory: ["apache2", "-d", directory, "-f", f"{directory}/httpd.conf", "-DFOREGROUND"],
}


# How long they wait for Portcullis: while the machine stands still, that is no outage.
TIMEOUTS = re.compile(r"(proxy_(?:connect|send|read)_timeout|dial_timeout|response_header_timeout|timeout connect) [12]s")
LUA_TIMEOUT = "local timeout_ms = 2000"


def made_patient(text):
    return TIMEOUTS.sub(r"\1 30s", text).replace(LUA_TIMEOUT, "local timeout_ms = 30000")


FOLDERS = {"apache2": "apache"}
APACHE_MODULE = pathlib.Path("/usr/lib/apache2/modules/mod_auth_openidc.so")


def is_installed(name):
    return shutil.which(name, path=PATH) is not None and (name != "apache2" or APACHE_MODULE.exists())


class Gateway:
    def __init__(self, name, directory, portcullis_port, application_port, caller_key="pck_test"):
        self.name = name
        self.port = free_port()
        self._directory = pathlib.Path(directory)
        self._front = None
        if name == "apache2":
            portcullis_port = self._prepare_apache(portcullis_port)
        ports = dict(zip(PORTS, (self.port, portcullis_port, application_port)))
        for file in (EXAMPLES / FOLDERS.get(name, name)).iterdir():
            text = file.read_text()
            for shown, port in ports.items():
                text = text.replace(shown, f":{port}")
            (self._directory / file.name).write_text(made_patient(text))
        program, *arguments = COMMANDS[name](str(self._directory))
        self._log = open(self._directory / "gateway.log", "wb")
        self._process = subprocess.Popen(
            [shutil.which(program, path=PATH), *arguments],
            cwd=self._directory,
            env={**os.environ, "PORTCULLIS_CALLER_KEY": caller_key},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            eventually(self._is_listening, f"{name} listens")
        except BaseException:
            self.stop()
            raise

    @property
    def identity(self):
        """The identity fields that it can set: an introspection does not tell of guests."""
        return ["x-session-id", "x-user-id"] + ([] if self.name == "apache2" else ["x-account-guest"])

    def request(self, method="GET", path="/", **parts):
        return exchange(self.port, method, path, **parts)

    def stop(self):
        self._process.terminate()
        self._process.wait(HANG_S)
        self._log.close()
        if self._front is not None:
            self._front.stop()
        if self.name == "apache2":
            shutil.rmtree(self._directory)

    @property
    def log(self):
        return (self._directory / "gateway.log").read_text(errors="replace")

    def _prepare_apache(self, portcullis_port):
        """It asks over TLS, as a user who may not enter the tests' own directory."""
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-apache-", dir="/tmp"))
        self._directory.chmod(0o755)
        return self._serve_tls(portcullis_port)

    def _serve_tls(self, portcullis_port):
        self._front = TlsFront(self._directory, portcullis_port)
        return self._front.port

    def _is_listening(self):
        assert self._process.poll() is None, f"{self.name} ended by itself:\n{self.log}"
        try:
            return self.request("OPTIONS")
        except OSError:
            return None
