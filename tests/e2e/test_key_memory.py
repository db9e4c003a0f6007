"""Where a private key is in the memory of a running service: in pages that are locked, and nowhere else."""

import pathlib
import re
import resource

import pytest

from service import free_port
from tls import Authority, TlsConnection, client_context, openssl
from waiting import eventually

pytestmark = pytest.mark.uninstrumented  # a sanitizer's address space is too large to be searched

PAGE = resource.getpagesize()
REFUSED = "private keys may be swapped out: the system refuses to lock their memory"


class Mapping:
    """A part of the memory of a process, as /proc/PID/smaps tells it."""

    def __init__(self, head):
        where, self.access, *_ = head.split()
        self.begin, self.end = (int(edge, 16) for edge in where.split("-"))
        self.flags = set()

    @property
    def is_readable(self):
        return "r" in self.access

    def content(self, memory):
        """Without the pages that cannot be read, which the kernel has for itself."""
        pieces = []
        for begin in range(self.begin, self.end, 256 * PAGE):
            end = min(self.end, begin + 256 * PAGE)
            try:
                memory.seek(begin)
                pieces.append(memory.read(end - begin))
            except OSError:
                pieces.append(self._page_by_page(memory, begin, end))
        return b"".join(pieces)

    @staticmethod
    def _page_by_page(memory, begin, end):
        pages = []
        for page in range(begin, end, PAGE):
            try:
                memory.seek(page)
                pages.append(memory.read(PAGE))
            except OSError:
                pages.append(b"\0" * PAGE)
        return b"".join(pages)


def mappings(pid):
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
            found.append(Mapping(line))
        elif line.startswith("VmFlags:"):
            found[-1].flags = set(line.split()[1:])
    return found


def places_of(secrets, pid):
    """The flags of each mapping that holds one of them, once for each time that it does."""
    places = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for mapping in mappings(pid):
            content = mapping.content(memory) if mapping.is_readable and mapping.end < 1 << 63 else b""
            places += [mapping.flags] * sum(content.count(secret) for secret in secrets)
    return places


def number(key, name):
    """A number of a private key, as bytes of its size."""
    text = openssl("pkey", "-in", key, "-noout", "-text").stdout.decode()
    digits = re.search(rf"^{name}:\s*((?:\s+[0-9a-f:]+\n)+)", text, re.MULTILINE)[1]
    return bytes.fromhex(re.sub("[^0-9a-f]", "", digits)).lstrip(b"\0")


def refusals(service):
    """How often it has told of its memory. Lines are written a moment later, in their order: of a later one, too."""
    service.http.get("/healthz", headers={"X-Request-Id": "the-last-line"}).expect(200)
    eventually(lambda: "the-last-line" in service.log, "all is written")
    return service.log.count(REFUSED)


class KeyHolder:
    """A service with a key of its own, and what nobody but its locked memory may hold."""

    def __init__(self, new_service, database, directory, kind):
        self.authority = Authority(directory)
        self.certificate, self.key = self.authority.issue("server", "DNS:localhost", kind)
        # The primes of RSA are not looked for: with the first signature OpenSSL keeps them once more, as moduli.
        secret = number(self.key, {"ec": "priv", "rsa": "privateExponent"}[kind])
        self.secrets = [secret, secret[::-1]]  # as files have it and as OpenSSL reckons with it
        self.secrets += [self.key.read_bytes().splitlines()[n] for n in (1, 2)]
        self.port = free_port()
        self.service = new_service(
            database, BACKEND_TLS_CERT_FILE=str(self.certificate), BACKEND_TLS_KEY_FILE=str(self.key)
        )
        self.service.set("BACKEND_HTTP_ADDR", f"127.0.0.1:{self.port};tls,127.0.0.1:{self.service.port}")

    def shake_hands(self):
        for _ in range(3):
            with TlsConnection(self.port, client_context(self.authority)) as connection:
                connection.request("GET", "/healthz").expect(200)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_private_key_is_in_locked_memory_and_nowhere_else(new_service, database, tmp_path, kind):
    it = KeyHolder(new_service, database, tmp_path, kind)
    it.service.start()
    it.shake_hands()
    it.service.hang_up()  # which reads it once more
    eventually(lambda: "file=certificate" in it.service.log, "the files are read again")
    it.shake_hands()
    places = places_of(it.secrets, it.service.pid)
    assert places, "the key is nowhere: it was looked for in the wrong form"
    assert all("dd" in flags for flags in places)  # is left out of core files
    if REFUSED not in it.service.log:
        assert all("lo" in flags for flags in places)  # is not swapped out


def test_without_the_right_to_lock_memory_it_serves_and_says_so_once(new_service, database, tmp_path):
    it = KeyHolder(new_service, database, tmp_path, "ec")
    it.service.locked_bytes_max = 0
    it.service.start()
    it.shake_hands()
    assert refusals(it.service) == 1
    places = places_of(it.secrets, it.service.pid)
    assert places and all("dd" in flags and "lo" not in flags for flags in places)


def test_who_has_no_private_key_is_not_warned_of_its_memory(new_service, database):
    service = new_service(database)
    service.locked_bytes_max = 0
    service.start()
    service.stop()
    assert REFUSED not in service.log


def test_the_key_of_a_client_of_the_database_is_one(new_service, database, tmp_path):
    _, key = Authority(tmp_path).issue("client", "DNS:client")
    key.chmod(0o600)
    service = new_service(database, BACKEND_POSTGRES_DSN=f"{database.dsn}&sslmode=prefer&sslkey={key}")
    service.locked_bytes_max = 0
    service.start()
    assert refusals(service) == 1
