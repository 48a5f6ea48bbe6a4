"""Redis over TLS, with a user that may do what docs/deploy.md allows and nothing else."""

import asyncio
import datetime
import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jobs.child_processes import end_with
from omnibrowser.valkey import free_port, server_binary
from tests.owner import Owner
from tests.pages import ROOT
from tests.processes import Site
from tests.proxy import Proxy
from tests.viewers import Viewer, agree
from tests.waiting import wait_until

ADMIN_PASSWORD = "a-password-of-the-operator"


def make_certificate(folder: Path) -> None:
    """Make a key and a certificate for this machine, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    names: Any = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def rights() -> str:
    """Return the rights of the service's user, as the page has them."""
    match = re.search(r"^ACL SETUSER omnibrowser (.*)$", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    assert match
    return match[1]


class TlsRedis:
    """A Valkey of which one hears through TLS alone, as hosted ones are."""

    def __init__(self, folder: Path) -> None:
        make_certificate(folder)
        self._certificate = str(folder / "certificate.pem")
        port = free_port()
        acl = folder / "users.acl"
        acl.write_text(f"user default on >{ADMIN_PASSWORD} ~* &* +@all\nuser omnibrowser {rights()}\n")
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(server_binary()), "--port", str(port), "--dir", str(folder), "--save", "", "--aclfile", str(acl)],
                stdout=log, stderr=log, preexec_fn=partial(end_with, os.getpid()),
            )  # fmt: skip
        self.admin = redis.Redis(port=port, password=ADMIN_PASSWORD, decode_responses=True)
        wait_until(self.answers, what="a Valkey")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self._certificate, folder / "key.pem")
        self.proxy = Proxy("127.0.0.1", port, tls=tls)

    @property
    def url(self) -> str:
        return f"rediss://omnibrowser:secret@127.0.0.1:{self.proxy.port}/0?ssl_ca_certs={self._certificate}"

    def answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except redis.RedisError:
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TlsRedis]:
    made = TlsRedis(tmp_path)
    yield made
    made.proxy.stop()
    made.admin.close()
    made.process.kill()
    made.process.wait()


async def test_a_stream_needs_no_right_that_the_page_does_not_give(server: TlsRedis) -> None:
    with Site(redis_url=server.url) as site:
        site.serve()
        site.worker()
        owner = Owner(site)
        owner.create("j", chunks=30, seconds=0.03)
        viewer = Viewer([site.socket_url], owner.token, "j")
        await viewer.watch()

        health = (await asyncio.to_thread(site.call, "GET", "/health"))[1]
        assert (health["status"], viewer.snapshots <= 1, viewer.degraded) == ("ok", True, [])
        agree([viewer], {"j": owner.job("j")})
        assert server.admin.acl_log() == [], "something was refused"
