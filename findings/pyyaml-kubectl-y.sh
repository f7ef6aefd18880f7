#!/bin/sh
# PyYAML 6.0.3 and kubectl 1.20: both read YAML 1.1, but not the same one. What PyYAML writes without quotes, because to
# itself it is a text, kubectl takes for a boolean (y, n) or an octal number (0o400), and the other way round.
#
# A program that makes manifests with yaml.safe_dump, and reads them back to be sure, sees nothing: data "y" and "n" are
# another key and another value in the cluster, and a mode of 0o400 that PyYAML calls a text is the number 256 there.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get --quiet=2 download kubernetes-client >/dev/null 2>&1
dpkg-deb --extract kubernetes-client_*.deb client
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target library pyyaml==6.0.3

PYTHONPATH=library python3 - client/usr/bin/kubectl <<'PYTHON'
import json
import subprocess
import sys

import yaml

meant = {"answer": "n", "y": "axis", "mode": "0o400"}
text = yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": meant}, sort_keys=False)
text += "  clock: 12:30:45\n"
kubectl = [sys.argv[1], "label", "--local", "--filename", "-", "--output", "json", "a=b"]
read = json.loads(subprocess.run(kubectl, input=text, capture_output=True, text=True, check=True).stdout)["data"]
version = subprocess.run([sys.argv[1], "version", "--client", "--short"], capture_output=True, text=True, check=True)
print("PyYAML", yaml.__version__, "and kubectl", version.stdout.strip())
print("PyYAML writes and reads back:", yaml.safe_load(text)["data"])
print("kubectl reads:               ", read)
same_to_pyyaml = yaml.safe_load(text)["data"] == {**meant, "clock": 45045}
other_to_kubectl = read == {"answer": False, "true": "axis", "mode": 256, "clock": "12:30:45"}
sys.exit(0 if same_to_pyyaml and other_to_kubectl else "behaviour changed: both read the same now?")
PYTHON
