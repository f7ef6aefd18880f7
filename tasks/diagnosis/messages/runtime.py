"""Known messages about the node and the programs that pull: containerd, CRI-O, podman, Docker."""

from __future__ import annotations

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields
from moor.tasks.diagnosis.messages.known_message import KnownMessage
from moor.tasks.diagnosis.rules.runtime import MIRRORS

CONTAINERD = "moor apply containerd --limit {host}"


def is_about_disk(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether the missing space is a disk's; the kernel reports exhausted cgroups in the same words."""
    return "cgroup" not in message.words


RUNTIME = (
    KnownMessage(
        "inotify-full", "containerd",
        (r"fsnotify watcher", r"inotify.*(no space left|too many)", r"too many open files"),
        "{host} has no inotify instances or open files left for kubelet and containerd",
        "run on {host}: sysctl -w fs.inotify.max_user_instances=8192, and write it into /etc/sysctl.d; or raise "
        "LimitNOFILE of the service",
        by="inotify(7)",
    ),
    KnownMessage(
        "disk-full", "pull",
        (r"no space left on device", r"disk quota exceeded", r"not enough (free )?space", r"ephemeral-storage"),
        "a disk is full, of {host} or of the server that reports it",
        "run on {host}: df -h; df -i; then crictl rmi --prune (Docker: docker image prune -a), or a larger disk",
        by="errno(3), ENOSPC", when=is_about_disk,
    ),
    KnownMessage(
        "disk-broken", "pull",
        (r"read-only file system", r"input/output error", r"structure needs cleaning", r"bad message"),
        "the file system below the runtime's directory is broken or read-only",
        "run on {host}: dmesg, which shows the disk's errors; repair or replace the disk, then restart the runtime",
        by="errno(3), EROFS, EIO",
    ),
    KnownMessage(
        "ca-unreadable", "containerd",
        (r"unable to read CA cert", r"unable to load CA",
         r"certs\.d/\S+: (no such file or directory|permission denied)"),
        "a CA or client certificate that is set for the registry is missing on {host}, or cannot be read",
        "moor apply {runtime} --limit {host}; if that changes nothing, put the named file there, or take it out of "
        "hosts.toml",
        "put the named file there, or take it out of hosts.toml", "containerd, Docker",
    ),
    KnownMessage(
        "docker-helper", "login",
        (r"error getting credentials", r"docker-credential-\S+.*not found", r"credentials? helper.*(not found|failed)"),
        "the Docker configuration of that user names a credential helper that is not installed",
        "remove credsStore (or credHelpers) from ~/.docker/config.json on {host}, then docker login again", by="Docker",
    ),
    KnownMessage(
        "docker-client-old", "containerd",
        (r"client version \S+ is too old", r"client version \S+ is too new"),
        "a docker or docker-compose on {host} speaks an API version that its Docker daemon does not: one of the two "
        "was upgraded alone",
        "upgrade both on {host} to the same release, and remove an old docker-compose from PATH: type -a "
        "docker-compose; docker version shows both versions",
        by="Docker 29: the oldest API version is 1.44",
    ),
    KnownMessage(
        "ids-missing", "pull",
        (r"insufficient UIDs or GIDs available in user namespace", r"might not be enough IDs available",
         r"no subuid ranges found|no subgid ranges found", r"cannot set up namespace using .*new[ug]idmap"),
        "the user who pulls on {host} without being root has too few subordinate user or group IDs for the owners of "
        "the image's files",
        "run on {host}: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, with a range that nobody "
        "has in /etc/subuid; then as USER: podman system migrate",
        by="subuid(5), podman(1)",
    ),
    KnownMessage(
        "snapshotter-unknown", "containerd",
        (r"snapshotter not loaded", r"unknown snapshotter", r"snapshotter \S+ (was )?not found",
         r"failed to (find|get) snapshotter", r"(dial|connect)\S* .*snapshotter\S*\.sock"),
        "containerd on {host} is to unpack images with a snapshotter that it has not loaded",
        "run on {host}: ctr plugins ls, which shows the snapshotters; start the service of the missing one, or name "
        "another as snapshotter in containerd's configuration; then restart containerd",
        by="containerd, snapshotters",
    ),
    KnownMessage(
        "credential-plugin", "login",
        (r"credential provider plugin", r"external registry credential provider"),
        "kubelet on {host} asks a program for the login (image-credential-provider), and that program is missing or "
        "fails",
        "run on {host}: journalctl -u kubelet, which has the program's words; install it in kubelet's "
        "--image-credential-provider-bin-dir, or take it out of --image-credential-provider-config",
        by="kubelet, CredentialProviderConfig",
    ),
    KnownMessage(
        "docker-chains", "containerd",
        (r"driver failed programming external connectivity", r"No chain/target/match by that name",
         r"Unable to enable (DNAT|ACCEPT|NAT)", r"iptables failed"),
        "Docker's own firewall chains are gone: iptables or nftables were flushed, or firewalld started, after "
        "Docker did",
        "run on {host}: systemctl restart docker; and load firewall rules without flushing those of other programs",
        by="Docker, packet filtering",
    ),
    KnownMessage(
        "docker-port", "containerd",
        (r"port is already allocated", r"bind: address already in use", r"failed to bind (host )?port"),
        "another program already uses that port",
        "run on {host}: ss -ltnp, which names it; stop it, or give one of the two another port", by="errno(3), "
        "EADDRINUSE",
    ),
    KnownMessage(
        "log-missing", "containerd",
        (r"failed to initialize logging driver", r"127\.0\.0\.1:1514"),
        "Harbor's container harbor-log, to which the others log, does not run",
        "run on the registry's host: docker start harbor-log; then moor apply harbor", by="Harbor, docker-compose.yml",
    ),
    KnownMessage(
        "docker-stopped", "containerd",
        (r"Cannot connect to the Docker daemon", r"docker\.sock: connect: (connection refused|no such file)"),
        "Docker does not run on {host}", "run on {host}: systemctl start docker; journalctl -u docker shows why it "
        "ended",
        by="Docker",
    ),
    KnownMessage(
        "docker-rights", "containerd",
        (r"docker\.sock.*permission denied|permission denied.*docker(\.sock| daemon)",),
        "this user has no access to Docker", "use sudo, or run usermod -aG docker USER and log in again", by="Docker",
    ),
    KnownMessage(
        "cri-disabled", "containerd",
        (r"unknown service runtime\.v1(alpha2)?\.(ImageService|RuntimeService)",
         r"validate CRI v1 (image|runtime) API"),
        "containerd runs without the CRI plugin that kubelet pulls through: it is disabled, or its settings are "
        "invalid",
        CONTAINERD + "; if that changes nothing, run on {host}: ctr plugins ls; containerd config dump",
        by="Docker's package containerd.io ships it so",
    ),
    KnownMessage(
        "containerd-stopped", "containerd",
        (r"container runtime is down", r"(containerd|crio)\.sock:? .*connect: (connection refused|no such file)",
         r"containerd\.sock.*(connection refused|no such file)", r"transport: Error while dialing.*\.sock"),
        "the container runtime of {host} does not run, or listens elsewhere",
        CONTAINERD + "; journalctl -u containerd on {host} shows why it ended", by="kubelet",
    ),
    KnownMessage(
        "mirrors-left", "containerd",
        (r"mirrors. cannot be set when .config_path", r"configs\.tls.* cannot be set when"),
        "a table of registry mirrors stands beside config_path, which keeps containerd's CRI plugin from loading",
        MIRRORS, by="containerd, docs/cri/registry.md",
    ),
    KnownMessage(
        "config-malformed", "containerd",
        (r"failed to (load|parse) (TOML|config)", r"toml: (line|expected|cannot)", r"invalid plugin config",
         r"expected TOML version", r"unknown (version|config version)"),
        "a configuration file of the runtime cannot be read",
        "run on {host}: containerd config dump; correct the file and line that it names", by="containerd-config(8)",
    ),
    KnownMessage(
        "signature-policy", "pull",
        (r"SignatureValidationFailed", r"Source image rejected", r"signature was required",
         r"signature validation failed",
         r"Running image .* is rejected by policy"),
        "a policy on {host} requires signed images of {name}, and the signature is missing or by an unknown key",
        "sign the image, or allow {name} in /etc/containers/policy.json on {host}", by="containers-policy.json(5)",
    ),
    KnownMessage(
        "pull-records", "node",
        (r"failed to record image pull intent", r"Unable to access cache records about image pulls",
         r"failed to (?:write|retrieve) (?:an )?(?:image ?pulled|image pull) ?record"),
        "kubelet of {host} cannot read or write its records of pulls in /var/lib/kubelet/image_manager, so that it "
        "does not know which pods may use an image that is there",
        "run on {host}: df -h /var/lib/kubelet; ls -l /var/lib/kubelet/image_manager/pulled; then systemctl restart "
        "kubelet",
        by="Kubernetes 1.35, image pull credential verification (KEP 2535)",
    ),
    KnownMessage(
        "image-short", "pull",
        (r"short-name", r"did not resolve to an alias", r"unqualified-search registries"),
        "the image's name does not begin with a registry, and CRI-O and podman do not guess one",
        "write the whole name: REGISTRY/PROJECT/REPOSITORY:TAG", by="containers-registries.conf(5)",
    ),
    KnownMessage(
        "platform-wrong", "manifest",
        (r"no match for platform in manifest", r"exec format error", r"no matching manifest for",
         r"no image found in (image index|manifest list) for architecture", r"cannot be used on this platform"),
        "the image is not made for the architecture of {host}",
        "build and push it for that architecture too (docker buildx build --platform)", by="OCI image index",
    ),
    KnownMessage(
        "pull-locked", "pull",
        (r"ref \S+ locked", r"locked: unavailable", r"failed to reserve(?! sandbox| container)",
         r"reserve .*already exists"),
        "another pull of the same layer is under way, or an interrupted one still locks it",
        "wait until it ends; if it does not, run on {host}: systemctl restart containerd",
        by="containerd, content store",
    ),
    KnownMessage(
        "layer-bad", "pull",
        (r"failed to extract layer", r"wrong diff id", r"gzip: invalid|invalid tar header|archive/tar",
         r"failed to (mount|unmount) .*(overlay|snapshots)", r"failed to unpack", r"failed to register layer",
         r"magic number mismatch|zstd: ", r"lchown .*invalid argument"),
        "the layer arrived, but {host} cannot unpack it: it is damaged, has an unknown format, or the snapshotter "
        "fails",
        "run on {host}: crictl rmi {image}; then pull again; if the fault stays, check dmesg and the file system "
        "below /var/lib/containerd",
        by="containerd, snapshotters",
    ),
    KnownMessage(
        "pull-cancelled", "pull",
        (r"context canceled", r"image pull progress", r"pull cancelled|pull canceled"),
        "the pull was cancelled: no bytes arrived for minutes, or kubelet or the runtime was restarted",
        "pull again; if the fault stays, the connection to {name} is slow: run on {host}: time curl -so /dev/null "
        "https://{name}/v2/",
        by="containerd, image_pull_progress_timeout",
    ),
    KnownMessage(
        "pull-throttled", "pull",
        (r"pull QPS exceeded",),
        "kubelet limits its pulls to registryPullQPS",
        "wait; if many pods start at once, raise registryPullQPS of kubelet",
        by="kubelet configuration",
    ),
    KnownMessage(
        "registry-unavailable", "pull",
        (r"registry is unavailable", r"RegistryUnavailable"),
        "the runtime got no useful answer from {name}",
        "run on {host}: curl -si https://{name}/v2/ shows the answer; a registry answers 401",
        by="Kubernetes, CRI errors",
    ),
)  # fmt: skip
