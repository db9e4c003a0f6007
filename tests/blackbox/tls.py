"""Certificates of a test's own, made by openssl, and clients over TLS."""

import shutil
import socket
import ssl
import subprocess

from http_client import HANG_S, Connection


def openssl(*arguments, **more):
    program = shutil.which("openssl")
    assert program, "openssl is not installed"
    return subprocess.run([program, *map(str, arguments)], capture_output=True, timeout=HANG_S, **more)


class Authority:
    """Issues certificates into a directory."""

    def __init__(self, directory, name="test authority"):
        self.directory = directory
        self.certificate = directory / f"{name.replace(' ', '-')}.pem"
        self._key = self.certificate.with_suffix(".key")
        files = ("-keyout", self._key, "-out", self.certificate)
        self._run("ec", "req", "-x509", "-days", "2", "-subj", f"/CN={name}", *files)

    def issue(self, name, alternative, kind="ec"):
        """A certificate and its key, of an elliptic curve or RSA, as two files."""
        certificate = self.directory / f"{name}.pem"
        key = certificate.with_suffix(".key")
        self._run(
            kind,
            *("req", "-x509", "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", certificate),
            *("-CA", self.certificate, "-CAkey", self._key),
            *("-addext", f"subjectAltName={alternative}", "-addext", "basicConstraints=critical,CA:FALSE"),
        )
        return certificate, key

    @staticmethod
    def _run(kind, *arguments):
        key = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",)}[kind]
        done = openssl(*arguments, "-newkey", *key, "-nodes")
        assert done.returncode == 0, done.stderr


def client_context(authority, identity=None):
    context = ssl.create_default_context(cafile=authority.certificate)
    context.set_alpn_protocols(["http/1.1"])
    if identity:
        context.load_cert_chain(*identity)
    return context


class TlsConnection(Connection):
    """One connection over TLS to `localhost`."""

    def __init__(self, port, context, session=None, source="127.0.0.1"):
        plain = socket.create_connection(("127.0.0.1", port), HANG_S, (source, 0))
        try:
            self._socket = context.wrap_socket(plain, server_hostname="localhost", session=session)
        except BaseException:
            plain.close()
            raise
        self._buffer = b""

    @property
    def tls(self):
        return self._socket

    def _fill(self):
        try:
            return super()._fill()
        except ssl.SSLEOFError:
            return False
