"""A signature is over the manifest's exact bytes, by the key that this machine keeps."""

import base64
import hashlib
import stat

import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from courtside_train import sign


@pytest.fixture
def places(monkeypatch, tmp_path):
    monkeypatch.setenv(sign.KEY_VARIABLE, str(tmp_path / "secret/signing.key"))
    monkeypatch.setattr(sign, "PUBLIC_KEYS", tmp_path / "keys")
    folder = tmp_path / "rim"
    folder.mkdir()
    (folder / sign.MANIFEST).write_text('name = "rim"\nversion = 7\n')
    return tmp_path


def verify(folder, public):
    """What a verifier does, written from the format's description and not from `sign`."""
    _, number, trusted, over_comment = (folder / sign.SIGNATURE).read_text().splitlines()
    number, public = base64.b64decode(number), base64.b64decode(public.read_text().splitlines()[1])
    assert number[:2] == b"ED" and public[:2] == b"Ed" and number[2:10] == public[2:10]
    key, comment = VerifyKey(public[10:]), trusted.removeprefix("trusted comment: ")
    key.verify(hashlib.blake2b((folder / sign.MANIFEST).read_bytes()).digest(), number[10:])
    key.verify(number[10:] + comment.encode(), base64.b64decode(over_comment))
    return comment


def test_a_key_is_made_once_kept_secret_and_its_public_half_published(places):
    first, again = sign.key(), sign.key()
    assert first.name == again.name and bytes(first.signing) == bytes(again.signing)
    assert stat.S_IMODE(sign.key_file().stat().st_mode) == 0o600
    assert [path.stem for path in (places / "keys").iterdir()] == [first.name]


def test_a_signature_holds_for_the_manifest_and_for_nothing_else(places):
    sign.sign(places / "rim")
    public = sign.public_file(sign.key())
    assert verify(places / "rim", public) == "courtside pack rim version 7"
    with open(places / "rim" / sign.MANIFEST, "a") as manifest:
        manifest.write("\n")
    with pytest.raises(BadSignatureError):
        verify(places / "rim", public)


@pytest.mark.parametrize("text", ["", "one line", "untrusted comment: x\nAAAA\n"])
def test_what_is_no_key_is_refused_with_its_file(text):
    with pytest.raises(ValueError, match="here.key"):
        sign.parse_key(text, "here.key")


def test_a_damaged_key_is_refused(places):
    lines = sign.key().secret_text().splitlines()
    content = bytearray(base64.b64decode(lines[1]))
    content[60] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        sign.parse_key(f"{lines[0]}\n{base64.b64encode(bytes(content)).decode()}\n")
