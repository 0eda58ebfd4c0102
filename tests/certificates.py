"""Certificates for TLS on the local host, made anew for each test run."""

from dataclasses import dataclass
from pathlib import Path

import trustme

from engine.site_configuration import Tls


@dataclass(frozen=True)
class Keys:
    """One authority with a server and a client, and another whom nobody trusts."""

    server: Tls
    client: Tls
    stranger: Tls  #: signed by the other authority, trusts the first
    anonymous: Tls  #: trusts the first, has no certificate
    distrustful: Tls  #: trusts the other alone


def make_keys(folder: Path) -> Keys:
    folder.mkdir(parents=True, exist_ok=True)
    own, other = trustme.CA(), trustme.CA()
    files = {}
    for name, authority in (("own", own), ("other", other)):
        files[name] = folder / f"{name}-ca.pem"
        authority.cert_pem.write_to_path(str(files[name]))

    def issued(name: str, authority: trustme.CA, trusted: Path) -> Tls:
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        for part, mode in zip(certificate.cert_chain_pems, "wa", strict=False):
            with open(chain, mode) as file:
                file.write(part.bytes().decode())
        certificate.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        return Tls(trusted, chain, key, "localhost")

    return Keys(
        issued("server", own, files["own"]),
        issued("client", own, files["own"]),
        issued("stranger", other, files["own"]),
        Tls(files["own"], name="localhost"),
        issued("distrustful", own, files["other"]),
    )
