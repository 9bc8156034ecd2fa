"""Owns the signatures of packs: minisign files that the ordinary `minisign` tool reads. Keeps the secret key out of the repository."""

import base64
import hashlib
import os
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path

from nacl.signing import SigningKey

REPOSITORY = Path(__file__).resolve().parents[3]
PUBLIC_KEYS = REPOSITORY / "models/keys"
KEY_VARIABLE = "COURTSIDE_SIGNING_KEY"
MANIFEST, SIGNATURE = "manifest.toml", "manifest.toml.minisig"
ALGORITHM, PREHASHED = b"Ed", b"ED"  # of keys; of signatures over the file's BLAKE2b-512
NO_PASSWORD, CHECKSUM = b"\0\0", b"B2"


@dataclass(frozen=True)
class Key:
    """A secret key with the eight bytes by which signatures name it."""

    number: bytes
    signing: SigningKey

    @property
    def name(self) -> str:
        """The number as `minisign` prints it."""
        return f"{int.from_bytes(self.number, 'little'):016X}"

    def secret_text(self) -> str:
        """The secret key's file, as `minisign -G -W` writes it: without a password."""
        secret = self.number + bytes(self.signing) + bytes(self.signing.verify_key)
        head = ALGORITHM + NO_PASSWORD + CHECKSUM + bytes(32 + 8 + 8)
        return _lines("minisign unencrypted secret key", head + secret + _checksum(secret))

    def public_text(self) -> str:
        number = ALGORITHM + self.number + bytes(self.signing.verify_key)
        return _lines(f"minisign public key {self.name}", number)

    def signature_text(self, signed: bytes, trusted: str) -> str:
        """The signature's file. `trusted` is a comment that the second signature covers."""
        signature = self.signing.sign(hashlib.blake2b(signed).digest()).signature
        over_comment = self.signing.sign(signature + trusted.encode()).signature
        lines = _lines("signature of a Courtside model pack", PREHASHED + self.number + signature)
        return f"{lines}trusted comment: {trusted}\n{base64.b64encode(over_comment).decode()}\n"


def _lines(comment: str, content: bytes) -> str:
    return f"untrusted comment: {comment}\n{base64.b64encode(content).decode()}\n"


def _checksum(secret: bytes) -> bytes:
    return hashlib.blake2b(ALGORITHM + secret, digest_size=32).digest()


def parse_key(text: str, where: object = "the secret key") -> Key:
    """Reads a secret key's file.

    Raises `ValueError` when it is none, is damaged, or has a password.
    """
    lines = text.splitlines()
    content = base64.b64decode(lines[1]) if len(lines) >= 2 else b""
    if len(content) != 158 or content[:2] != ALGORITHM:
        raise ValueError(f"{where} is no minisign secret key: make one with `minisign -G -W -s {where}`")
    if content[2:4] != NO_PASSWORD:
        raise ValueError(f"{where} has a password, and nobody is asked for one here: remove it with `minisign -C -W -s {where}`")
    secret = content[54:126]
    if content[126:] != _checksum(secret):
        raise ValueError(f"{where} is damaged: its checksum is wrong; take it from its backup")
    return Key(secret[:8], SigningKey(secret[8:40]))


def key_file() -> Path:
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else Path.home() / ".config/courtside/signing.key"


def key() -> Key:
    """The secret key of this machine; makes one, and publishes its public half, when there is none."""
    path = key_file()
    if path.exists():
        found = parse_key(path.read_text(), path)
        if not public_file(found).exists():
            print(f"note: boxes do not trust key {found.name} yet: {public_file(found)} is missing", flush=True)
        return found
    made = Key(secrets.token_bytes(8), SigningKey.generate())
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(made.secret_text())
    public_file(made).parent.mkdir(parents=True, exist_ok=True)
    public_file(made).write_text(made.public_text())
    print(f"note: made a signing key, {path}: keep it secret and keep a copy.", flush=True)
    print(f"note: boxes trust it through {public_file(made)}: commit that file.", flush=True)
    return made


def public_file(key: Key) -> Path:
    return PUBLIC_KEYS / f"{key.name}.pub"


def sign(folder: Path) -> Path:
    """Signs a pack's manifest, and through its digests every file of the pack; returns the signature's file."""
    signed = (folder / MANIFEST).read_bytes()
    manifest = tomllib.loads(signed.decode())
    signer = key()
    text = signer.signature_text(signed, f"courtside pack {manifest['name']} version {manifest['version']}")
    (folder / SIGNATURE).write_text(text)
    print(f"signed {folder} with key {signer.name}", flush=True)
    return folder / SIGNATURE
