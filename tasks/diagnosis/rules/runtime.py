"""The known causes of faults in a node's container runtime, and in a real pull."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.route import CERTS_D, RECORDED
from moor.tasks.diagnosis.rules.rule import Evidence, Rule

APPLY = "moor apply containerd --limit {host}"
MIRRORS = (
    "on {host}: move what the table says into that registry's hosts.toml below config_path, remove the table, then "
    "systemctl restart containerd"
)


def is_readable(evidence: Evidence) -> bool:
    """Return whether containerd is installed and its configuration can be parsed."""
    return evidence.get("containerd") != "missing" and evidence.get("config") != "malformed"


def has_no_fault(evidence: Evidence) -> bool:
    """Return whether containerd's configuration is readable and no other file overrides moor's."""
    return is_readable(evidence) and not evidence.get("fault")


def reads_other_directory(evidence: Evidence) -> bool:
    """Return whether hosts.toml for the registry is in a directory that containerd does not read."""
    return has_no_fault(evidence) and evidence.get("hosts_toml") == "missing" and bool(evidence.get("elsewhere"))


def has_broken_cri(evidence: Evidence) -> bool:
    """Return whether the CRI plugin is enabled and does not work."""
    wanted = has_no_fault(evidence) and "cri" not in evidence.get("disabled", "")
    return wanted and evidence.get("socket") == "answers" and evidence.get("cri") != "ok"


def lacks_ca(evidence: Evidence) -> bool:
    """Return whether containerd lacks the CA: no hosts.toml names it, and it was installed after containerd started."""
    absent = evidence.get("hosts_toml") == "missing" and not evidence.get("elsewhere") and not evidence.get("misnamed")
    return (
        has_no_fault(evidence)
        and absent
        and not evidence.get("hidden")
        and not (evidence.get("trusted") and evidence.get("older") == "no")
    )


RUNTIME_RULES = (
    Rule(
        "containerd-own", "containerd",
        lambda e: e.get("containerd") == "missing" and bool(e.get("own_registry")),
        "{host} runs {distribution}, which has its own containerd, but the inventory says that it uses the system's",
        "{own_registry}",
        "the distributions' own documentation",
    ),
    Rule(
        "containerd-missing", "containerd",
        lambda e: e.get("containerd") == "missing" and not e.get("own_registry"),
        "containerd is not installed on {host}", "run on {host}: apt-get install containerd; then " + APPLY,
        "PATH of a root shell",
    ),
    Rule(
        "containerd-stopped", "containerd",
        lambda e: e.get("containerd") != "missing" and e.get("active") not in ("active", "", None),
        "containerd does not run on {host} ({active})", APPLY,
        RECORDED,
    ),
    Rule(
        "disk-full", "containerd",
        lambda e: bool(e.get("full")),
        "{host} has {full} left below {root}, too little for a layer of an image",
        "run on {host}: df -h; df -i; then crictl rmi --prune, or a larger disk",
        "df(1)",
    ),
    Rule(
        "config-malformed", "containerd",
        lambda e: e.get("config") == "malformed" and not e.get("fault"),
        "containerd cannot read its configuration",
        "run on {host}: containerd config dump; correct the line that it names",
        "containerd-config(8)",
    ),
    Rule(
        "config-overruled", "containerd",
        lambda e: e.get("containerd") != "missing" and bool(e.get("fault")),
        "{fault}", "{fault_mend}; then " + APPLY,
        "containerd, cmd/containerd/server/config: LoadConfig, mergeConfig",
    ),
    Rule(
        "cri-disabled", "containerd",
        lambda e: has_no_fault(e) and "cri" in e.get("disabled", ""),
        "containerd's configuration disables the plugin that kubelet pulls through (disabled_plugins = "
        "{disabled})", APPLY,
        "Docker's package containerd.io ships it so",
    ),
    Rule(
        "mirrors-left", "containerd",
        lambda e: has_no_fault(e) and bool(e.get("mirror")) and bool(e.get("config_path")),
        "a table of registry mirrors ({mirror}) stands beside config_path, which keeps the CRI plugin from loading",
        MIRRORS,
        "containerd, docs/cri/registry.md",
    ),
    Rule(
        "cri-broken", "containerd",
        has_broken_cri,
        "containerd runs without a working CRI plugin ({cri})", "run on {host}: ctr plugins ls; then " + APPLY,
        "containerd, ctr plugins ls",
    ),
    Rule(
        "config-path-twice", "containerd",
        lambda e: is_readable(e) and e.get("colon") == "yes",
        "config_path names several directories ({config_path}), which containerd 2.1 and later read as one "
        "directory", APPLY,
        "containerd issues 12636, 12808",
    ),
    Rule(
        "hosts-toml-elsewhere", "containerd",
        reads_other_directory,
        "containerd does not read {elsewhere}: its config_path is {config_path}", APPLY,
        CERTS_D,
    ),
    Rule(
        "hosts-toml-misnamed", "containerd",
        lambda e: is_readable(e) and e.get("hosts_toml") == "missing" and bool(e.get("misnamed")),
        "{misnamed} is ignored: the file has to be called hosts.toml", APPLY,
        CERTS_D,
    ),
    Rule(
        "config-path-missing", "containerd",
        lambda e: lacks_ca(e) and not e.get("config_path"),
        "containerd's configuration has no config_path, a directory for registries, and it started before the system "
        "trusted the registry's CA",
        APPLY,
        "containerd issue 6485",
    ),
    Rule(
        "hosts-toml-missing", "containerd",
        lambda e: lacks_ca(e) and bool(e.get("config_path")),
        "containerd has no hosts.toml for {host_port} below {config_path}, and started before "
        "the system trusted the registry's CA",
        APPLY,
        "golang/go issue 41888: a process reads the system's trust once; " + CERTS_D,
    ),
    Rule(
        "hosts-toml-hidden", "containerd",
        lambda e: is_readable(e) and bool(e.get("hidden")),
        "{hidden} hides the directory of {host_port}: containerd looks there first, even where it is empty", APPLY,
        "containerd, core/remotes/docker/config: hostPaths",
    ),
    Rule(
        "certificate-unchecked", "containerd",
        lambda e: bool(e.get("unchecked")) and e.get("runtime", "") == "",
        "{toml_file} turns off the check of the certificate of {host_port}: {unchecked}", APPLY,
        CERTS_D,
    ),
    Rule(
        "certificate-unchecked-own", "containerd",
        lambda e: bool(e.get("unchecked")) and e.get("runtime", "") != "",
        "{runtime} does not check the certificate of {host_port}: {unchecked} ({toml_file})", 
        "remove it there, or from registries.yaml where that file is made from it; then " + APPLY,
        CERTS_D + "; containers-registries.conf(5)",
    ),
    Rule(
        "hosts-toml-malformed", "containerd",
        lambda e: e.get("hosts_toml") == "malformed",
        "containerd ignores hosts.toml for {host_port}, which is invalid: {toml_error}", APPLY,
        CERTS_D,
    ),
    Rule(
        "hosts-toml-ca", "containerd",
        lambda e: bool(e.get("ca_missing")),
        "hosts.toml names a CA that cannot be read: {ca_missing}", APPLY,
        CERTS_D,
    ),
    Rule(
        "ca-unread", "containerd",
        lambda e: e.get("hosts_toml") == "read" and e.get("toml_ca") == "no" and e.get("older") == "yes",
        "the CA was installed after containerd started, and hosts.toml does not name it: containerd does not trust it",
        APPLY,
        "golang/go issue 41888: a process reads the system's trust once",
    ),
    Rule(
        "proxy-between", "proxy",
        lambda e: e.get("between") == "yes",
        "{unit} goes through a proxy, and its NO_PROXY ({no_proxy}) does not leave out {name} "
        "(an address or a network there never leaves out a name)",
        "on {host}: {remedy}",
        "golang.org/x/net/http/httpproxy",
    ),
    Rule(
        "pull-failed", "pull",
        lambda e: e.get("pulled") == "no",
        "containerd cannot pull {image}: {cause} ({said})", "{mend}",
        "containerd's own words",
    ),
    Rule(
        "pull-bytes", "pull",
        lambda e: e.get("arrived") == "no",
        "{host} already has {image}, but only {bytes} bytes of {blob} arrive from the registry: {said}",
        "push {image} again from where it was built, which uploads lost layers; if none is lost, check the proxies and "
        "firewalls between {host} and the registry",
        "distribution's API, GET /v2/NAME/blobs/DIGEST: a pull asks for no layer that the node has",
    ),
)  # fmt: skip
