"""The signature of a bundle's manifest, made and verified by ssh-keygen (PROTOCOL.sshsig of OpenSSH)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from moor.errors import InputError
from moor.settings import SecretRef

NAMESPACE = "moor-bundle"  # a signature for another purpose by the same key does not count
TOOL = "ssh-keygen"
LIMIT_S = 60


def sign(manifest: Path, signature: Path, key: SecretRef | str, public: str) -> None:
    """Write the signature of a manifest.

    Args:
        manifest: the file to sign.
        signature: the file to write.
        key: the private key, or ``agent`` for the one of ssh-agent.
        public: the public key; needed for ssh-agent's.

    Raises:
        InputError: the key cannot be used.
    """
    if isinstance(key, str) and not public:
        raise InputError("data.bundle.sign: agent needs data.bundle.key, the public key of the one to sign with")
    signature.unlink(missing_ok=True)
    with _key_file(key, public) as file:
        done = _run(["-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(file)], manifest.read_bytes())
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE"):
        raise InputError(
            f"data.bundle.sign: {TOOL} does not sign with it: {_said(done)}; it must be a private key of OpenSSH "
            "without a passphrase; one with a passphrase goes into ssh-agent: write sign: agent"
        )
    signature.write_bytes(done.stdout)


def verify(manifest: bytes, signature: bytes | None, public: str, name: str) -> None:
    """Check the signature of a manifest.

    Args:
        manifest: what was signed.
        signature: None if the bundle has none.
        public: the key that must have signed it; empty if anybody may, as long as it is what was signed.
        name: the bundle's, for messages.

    Raises:
        InputError: it is not signed by that key, or was altered since.
    """
    if signature is None:
        if public:
            words = "it is not signed, and data.bundle.key wants a signature; make it with data.bundle.sign"
            raise InputError(f"{name}: {words}")
        return
    with TemporaryDirectory(prefix="moor-") as folder:
        signers, file = Path(folder, "signers"), Path(folder, "signature")
        signers.write_text(f'{NAMESPACE} namespaces="{NAMESPACE}" {public}\n')
        file.write_bytes(signature)
        by = ["verify", "-I", NAMESPACE, "-f", str(signers)] if public else ["check-novalidate"]
        done = _run(["-Y", *by, "-n", NAMESPACE, "-s", str(file)], manifest)
    if done.returncode:
        who = "the owner of data.bundle.key has" if public else "its maker has"
        raise InputError(
            f"{name}: bundle.json is not what {who} signed ({_said(done)}); it was altered, or somebody else made it"
        )


@contextmanager
def _key_file(key: SecretRef | str, public: str) -> Iterator[Path]:
    """Yield a file that names the key: the private one, readable for nobody else, or the public one for ssh-agent."""
    with TemporaryDirectory(prefix="moor-", dir=os.environ.get("XDG_RUNTIME_DIR")) as folder:
        file = Path(folder, "key" if isinstance(key, SecretRef) else "key.pub")
        content = f"{key.resolve().reveal()}\n" if isinstance(key, SecretRef) else f"{public}\n"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(content)
        yield file


def _run(words: Sequence[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen with some input, in a session of its own, so that it has no terminal to ask for a passphrase."""
    try:
        return subprocess.run(
            [TOOL, *words],
            input=content,
            capture_output=True,
            check=False,
            timeout=LIMIT_S,
            start_new_session=True,
            env={**os.environ, "SSH_ASKPASS_REQUIRE": "never"},
        )
    except FileNotFoundError:
        raise InputError(f"{TOOL} is not on this machine, and signatures need it; install openssh-client") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{TOOL} did not answer within {LIMIT_S} s; does the key wait for a touch?") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else f"exit {done.returncode}"
