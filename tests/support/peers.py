"""Other people's OpenPGP programs, driven as those people would drive them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType


class Failed(Exception):
    """The program said no; its words are the text."""


def run(argv: list[str], given: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """Standard output of a program. Raises `Failed` with what it complained of."""
    done = subprocess.run(argv, input=given, capture_output=True, env=env, timeout=60, check=False)
    if done.returncode:
        raise Failed(done.stderr.decode("utf-8", "replace"))
    return done.stdout


_KEYS: dict[tuple[str, str, str], tuple[dict[Path, bytes], bytes]] = {}
"""What `GnuPG.make_key` made in this process: files in the home, and the certificate."""


class GnuPG:
    """GnuPG with default settings and a home of its own, under a short path: its agent's socket allows no long one."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.home = Path(tempfile.mkdtemp(prefix="gnupg-", dir=os.environ.get("XDG_RUNTIME_DIR") or "/tmp"))
        self.home.chmod(0o700)
        self.env = {
            "PATH": os.environ["PATH"],
            "GNUPGHOME": str(self.home),
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
        }

    def __enter__(self) -> GnuPG:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        subprocess.run(["gpgconf", "--kill", "all"], env=self.env, capture_output=True, check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        return run([self.program, "--batch", "--no-tty", *arguments], given, self.env)

    def make_key(self, user_id: str, algorithm: str = "default", expires: str = "0") -> bytes:
        """A key without passphrase, as GnuPG makes it by default; its certificate.

        To find the primes of one takes two seconds: whoever asks for the same again gets the same key, laid where
        GnuPG had laid it."""
        made = (user_id, algorithm, expires)
        if made not in _KEYS:
            before = self._kept()
            loopback = ["--pinentry-mode", "loopback", "--passphrase", ""]
            self(*loopback, "--quick-generate-key", user_id, algorithm, "default", expires)
            files = {file.relative_to(self.home): file.read_bytes() for file in self._kept() - before}
            _KEYS[made] = files, self("--export", user_id)
        else:
            files, certificate = _KEYS[made]
            for path, data in files.items():
                (self.home / path).parent.mkdir(mode=0o700, exist_ok=True)
                (self.home / path).write_bytes(data)
            self("--import", given=certificate)
            (fingerprint, *_) = (line.split(":")[9] for line in self._listed(user_id) if line.startswith("fpr"))
            self("--import-ownertrust", given=f"{fingerprint}:6:\n".encode())
        return _KEYS[made][1]

    def _kept(self) -> set[Path]:
        """The files of secret keys and of their revocations."""
        return {*self.home.glob("private-keys-v1.d/*"), *self.home.glob("openpgp-revocs.d/*")}

    def _listed(self, *what: str) -> list[str]:
        return self("--with-colons", "--list-keys", *what).decode().splitlines()

    def take(self, certificate: bytes) -> None:
        self("--import", given=certificate)

    def seal(self, text: bytes, to: str, by: str, *options: str) -> bytes:
        """Signed and sealed, armored, with GnuPG's own choices."""
        return self(
            "--trust-model", "always", "--armor", "-u", by, "-r", to, *options, "--sign", "--encrypt", given=text
        )

    def open(self, sealed: bytes) -> tuple[bytes, list[str]]:
        """(text, fingerprints of the primary keys whose signatures are good)."""
        with tempfile.NamedTemporaryFile(dir=self.home) as status:
            text = self("--trust-model", "always", "--status-file", status.name, "--decrypt", given=sealed)
            lines = Path(status.name).read_text().splitlines()
        good = [line.split()[-1].lower() for line in lines if line.startswith("[GNUPG:] VALIDSIG")]
        return text, good

    def user_ids(self, fingerprint: str) -> dict[str, str]:
        """User ID -> validity letter ("r" when revoked)."""
        return {f[9]: f[1] for f in (line.split(":") for line in self._listed(fingerprint)) if f[0] == "uid"}


class Sq:
    """Sequoia's command line, which keeps nothing: every certificate is a file."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        return run([self.program, *arguments], given)

    def file(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def make_key(self, user_id: str) -> tuple[bytes, bytes]:
        """(secret key, certificate)."""
        path = self.folder / "made.key"
        self("key", "generate", "--userid", user_id, "--export", str(path))
        return path.read_bytes(), self("key", "extract-cert", str(path))
