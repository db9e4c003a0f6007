"""PostgreSQL over TLS: `sslmode=verify-full` lets the service talk to the server that it means, and to no other."""

import os
import urllib.parse

import pytest

from people import telegram
from postgres import Cluster
from service import Service, run_command
from tls import Authority
from waiting import eventually

SSL_CONNECTIONS = (
    "SELECT count(*) FILTER (WHERE s.ssl), count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
    " WHERE a.application_name LIKE 'portcullis%'"
)


class TlsCluster(Cluster):
    """A server with a certificate for `localhost`."""

    def __init__(self):
        super().__init__()
        self.authority = Authority(self._directory)
        self.stranger = Authority(self._directory, "another authority")
        self.certificate, self.key = self.authority.issue("server", "DNS:localhost")
        if os.getuid() == 0:  # then the server has a user of its own
            owner = os.stat(self.maintenance.execute("SHOW data_directory"))
            os.chown(self.key, owner.st_uid, owner.st_gid)
        self.key.chmod(0o600)
        self.set("ssl_cert_file", self.certificate)
        self.set("ssl_key_file", self.key)
        self.use_tls(True)

    def use_tls(self, is_on):
        self.set("ssl", "on" if is_on else "off")
        expected = "on" if is_on else "off"
        eventually(lambda: self.maintenance.execute("SHOW ssl") == expected, f"TLS is {expected}")


@pytest.fixture(scope="module")
def cluster():
    made = TlsCluster()
    yield made
    made.remove()


@pytest.fixture
def dsn_of(cluster):
    database = cluster.create_database()

    def dsn(host="localhost", authority=cluster.authority, **more):
        address = urllib.parse.urlsplit(database.dsn)
        query = {
            "search_path": "backend",
            "sslmode": "verify-full",
            "sslrootcert": str(authority.certificate),
            "hostaddr": "127.0.0.1",  # so that no resolver is asked
            **more,
        }
        netloc = f"{address.username}:{address.password}@{host}:{address.port}"
        return address._replace(netloc=netloc, query=urllib.parse.urlencode(query)).geturl()

    return dsn


def migrate(dsn, **settings):
    done = run_command("migrate", BACKEND_POSTGRES_DSN=dsn, **settings)
    assert urllib.parse.urlsplit(dsn).password not in done.stdout + done.stderr
    return done


def test_every_connection_is_one_to_the_server_that_is_meant(cluster, dsn_of, tmp_path):
    """The DSN comes in a file, as a secret does that is mounted."""
    secret = tmp_path / "dsn"
    secret.write_text(dsn_of() + "\n")
    service = Service(cluster.maintenance, tmp_path, BACKEND_POSTGRES_DSN="", BACKEND_POSTGRES_DSN_FILE=str(secret))
    try:
        service.start()
        minted = service.gateway.post("/sessions", {"identity": telegram()}).expect(201)
        service.resolve(minted["token"]).expect(200)
        encrypted, all_of_them = cluster.maintenance.execute(SSL_CONNECTIONS).split("|")
        assert int(encrypted) == int(all_of_them) >= 2  # the pool's and the feed's
    finally:
        service.stop()
    assert urllib.parse.urlsplit(dsn_of()).password not in service.log_path.read_text()


def test_a_server_of_another_authority_is_refused(cluster, dsn_of):
    done = migrate(dsn_of(authority=cluster.stranger))
    assert done.returncode == 1 and "certificate verify failed" in done.stderr


def test_a_server_of_another_name_is_refused(dsn_of):
    done = migrate(dsn_of(host="db.example.org"))
    assert done.returncode == 1 and "does not match host name" in done.stderr
    assert migrate(dsn_of(host="db.example.org", sslmode="verify-ca")).returncode == 0  # which does not look at it


def test_a_server_without_tls_is_refused(cluster, dsn_of):
    cluster.use_tls(False)
    try:
        done = migrate(dsn_of())
        assert done.returncode == 1 and "SSL" in done.stderr
    finally:
        cluster.use_tls(True)
