#!/bin/sh
# pyrage 1.4.0: encrypt_io() returns as if all were well when the target cannot take the end of the ciphertext, as on a
# full disk. It writes through a buffer of 8 KiB in Rust, which is flushed when it is dropped, where nobody sees the
# error. An earlier write that fails is raised, and decrypt_io() raises in both cases. So the size of what was written
# says nothing either: who encrypts has to keep the error that the target's own write() raised.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$folder/lib" pyrage==1.4.0
cat >"$folder/look.py" <<'END'
import io
import os
import sys
from importlib.metadata import version

from pyrage import decrypt_io, encrypt_io, x25519

print("pyrage", version("pyrage"))
key = x25519.Identity.generate()
whole = io.BytesIO()
encrypt_io(io.BytesIO(bytes(1000)), whole, [key.to_public()])


def outcome(call, *words):
    """Call with a target on which every write fails, and return what that raises."""
    with io.FileIO(os.open("/dev/full", os.O_WRONLY), "w") as full:
        try:
            call(words[0], full, *words[1:])
        except OSError as error:
            return f"OSError {error.errno}"
        except Exception as error:
            return type(error).__name__
    return "no error"


found = {
    "encrypt_io, 1000 bytes": outcome(encrypt_io, io.BytesIO(bytes(1000)), [key.to_public()]),
    "decrypt_io, 1000 bytes": outcome(decrypt_io, io.BytesIO(whole.getvalue()), [key]),
    "encrypt_io, 1 MB": outcome(encrypt_io, io.BytesIO(bytes(1_000_000)), [key.to_public()]),
}
for name, words in found.items():
    print(f"{name}, to /dev/full: {words}")
recorded = ["no error", "OSError 28"]
if list(found.values())[:2] != recorded or found["encrypt_io, 1 MB"] == "no error":
    sys.exit("another behaviour than the one recorded here")
print("as recorded: the error of the last write is lost in encrypt_io alone")
END
PYTHONPATH=$folder/lib python3 "$folder/look.py"
