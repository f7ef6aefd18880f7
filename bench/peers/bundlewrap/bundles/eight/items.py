"""The eight checks as items of BundleWrap."""

import json
from pathlib import Path

CHECKS = json.loads(Path("checks.json").read_text())

files = {
    path: {"content": content, "content_type": "text", "owner": "root", "group": "root", "mode": "0644"}
    for path, content in CHECKS["files"].items()
}
svc_systemv = {CHECKS["service"]: {"running": True}}
room = f"[ $(df --output=avail -k {CHECKS['room']} | tail -n 1) -ge {CHECKS['room_kb']} ]"
said = {
    "hosts": {"command": f"grep -cxF '{CHECKS['hosts_line']}' /etc/hosts", "words": "1"},
    "ruleset": {"command": "nft list ruleset", "words": " ".join(CHECKS["ruleset"].split())},
    "room": {"command": f"{room} && echo yes", "words": "yes"},
}
