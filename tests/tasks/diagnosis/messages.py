"""Messages that users meet, with the rule that explains each and a word of its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

NAME, IMAGE = "registry.moor.test", "registry.moor.test/shop/basket:2.1"
HEAD = f'failed to do request: Head "https://{NAME}/v2/shop/basket/manifests/2.1": '
GET = f'Get "https://{NAME}/v2/": '
STATUS = f"unexpected status from HEAD request to https://{NAME}/v2/shop/basket/manifests/2.1: "
X509 = HEAD + "tls: failed to verify certificate: x509: "
COPY = "failed to copy: httpReadSeeker: failed open: "
TOKEN = f"https://{NAME}/service/token?scope=repository%3Ashop%2Fbasket%3Apull&service=harbor-registry"
SANDBOX = "rpc error: code = Unknown desc = "

Kind = Literal["pull", "push", "sandbox", "said"]


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        kind: ``pull`` is passed on by what pulls, ``push`` by what pushes, ``sandbox`` by what makes pods; ``said``
            stands alone
    """

    words: str
    rule: str
    mend: str
    kind: Kind = "pull"


MESSAGES = (
    # programs on the node, and accounts
    Message("Error response from daemon: client version 1.41 is too old. Minimum supported API version is 1.44, "
            "please upgrade your client to a newer version", "docker-client-old", "docker-compose", "said"),
    Message("Error: copying system image from manifest list: writing blob: processing tar file(potentially "
            "insufficient UIDs or GIDs available in user namespace (requested 0:42 for /etc/shadow): Check "
            "/etc/subuid and /etc/subgid: lchown /etc/shadow: invalid argument): exit status 1",
            "ids-missing", "--add-subuids", "said"),
    Message("failed to stat snapshot sha256:4c67e404: snapshotter not loaded: stargz: invalid argument",
            "snapshotter-unknown", "ctr plugins ls"),
    Message("Failed getting credential from external registry credential provider: error execing credential provider "
            f"plugin corp-login for image {IMAGE}: fork/exec /opt/bin/corp-login: no such file or directory: ",
            "credential-plugin", "--image-credential-provider-bin-dir", "said"),
    Message('Error creating: pods "basket-7d9" is forbidden: error looking up service account shop/builder: '
            'serviceaccount "builder" not found', "service-account", "serviceAccountName", "said"),
    Message("manifest invalid: manifest invalid", "manifest-invalid", "--provenance=false", "push"),
    # the way
    Message(HEAD + "dial tcp 10.77.0.11:443: connect: connection refused", "registry-stopped", "moor apply harbor"),
    Message(HEAD + "dial tcp 10.77.0.11:443: connect: no route to host", "registry-unreachable",
            "start the registry's"),
    Message(HEAD + "dial tcp 10.77.0.11:443: connect: network is unreachable", "route-missing",
            "ip route get 10.77.0.11"),
    Message(HEAD + "dial tcp [2001:db8::7]:443: connect: network is unreachable", "route-ipv6", "registry.address6"),
    Message(HEAD + "dial tcp 10.77.0.11:443: connect: operation not permitted", "route-prohibited", "nft list ruleset"),
    Message(HEAD + "dial tcp 10.77.0.11:443: i/o timeout", "registry-silent", "nft list ruleset"),
    Message(HEAD + "net/http: TLS handshake timeout", "mtu-small", "ping -M do"),
    Message(HEAD + "context deadline exceeded", "registry-slow", "curl"),
    Message(GET + "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting "
                  "headers)",
            "registry-slow", "curl"),
    Message(HEAD + f"dial tcp: lookup {NAME} on 10.77.0.2:53: no such host", "name-missing", "moor apply names"),
    Message(HEAD + f"dial tcp: lookup {NAME}: no such host", "name-missing", "moor apply names"),
    Message(GET + f"dial tcp: lookup {NAME} on 127.0.0.53:53: server misbehaving", "name-failing", "127.0.0.53"),
    Message(HEAD + f"dial tcp: lookup {NAME} on 10.77.0.2:53: read udp 10.77.0.31:41000->10.77.0.2:53: i/o timeout",
            "name-timeout", "53"),
    Message(HEAD + f"dial tcp: lookup {NAME} on [::1]:53: read udp [::1]:50001->[::1]:53: read: connection refused",
            "name-timeout", "moor apply names"),
    Message(HEAD + f"dial tcp: lookup {NAME}: Temporary failure in name resolution", "name-timeout",
            "moor apply names"),
    Message(HEAD + "proxyconnect tcp: dial tcp 10.9.9.1:3128: i/o timeout", "proxy-down", "NO_PROXY"),
    Message(HEAD + "proxyconnect tcp: dial tcp 10.9.9.1:3128: connect: connection refused", "proxy-down", "NO_PROXY"),
    Message(HEAD + "Proxy Authentication Required", "proxy-between", "NO_PROXY"),
    Message(HEAD + "proxyconnect tcp: dial tcp: lookup proxy.corp.test: no such host", "proxy-wrong", "HTTPS_PROXY"),
    Message(HEAD + "read tcp 10.77.0.31:40000->10.77.0.11:443: read: connection reset by peer", "tls-cut", "openssl"),
    Message(HEAD + "EOF", "tls-cut", "openssl"),
    Message(COPY + "server closed connection: unexpected EOF", "layer-cut", "df -h"),
    Message('failed commit on ref "layer-sha256:ab": unexpected commit size 4096, expected 73400320: failed '
            'precondition',
            "layer-cut", "df -h"),
    Message("writing blob: storing blob to file: happened during read: unexpected EOF", "layer-cut", "df -h"),
    Message('http2: server sent GOAWAY and closed the connection; LastStreamID=1999, ErrCode=NO_ERROR, debug=""',
            "http2-goaway", "keepalive_requests"),
    Message("stream error: stream ID 7; INTERNAL_ERROR; received from peer", "http2-goaway", "keepalive_requests"),
    Message(f'{COPY}failed to do request: Get "https://minio.corp.test:9000/bucket/blobs/ab": dial tcp: lookup '
            "minio.corp.test on 10.77.0.2:53: no such host", "storage-redirect", "redirect"),
    Message('failed to authorize: failed to fetch oauth token: Post "https://10.88.0.4/service/token": dial tcp '
            "10.88.0.4:443: connect: connection refused", "realm-other", "hostname"),
    # certificates
    Message(X509 + "certificate signed by unknown authority", "ca-missing", "moor apply trust"),
    Message(HEAD + "x509: certificate signed by unknown authority", "ca-missing", "moor apply trust"),
    Message(X509 + 'certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" '
                   'while '
            'trying to verify candidate authority certificate "Shop CA")', "ca-namesake", "moor apply trust"),
    Message(X509 + "certificate has expired or is not yet valid: current time 2026-11-24T00:00:00Z is after "
            "2026-11-01T00:00:00Z", "tls-expired", "moor cert renew"),
    Message(X509 + "certificate has expired or is not yet valid: current time 2019-01-01T00:00:09Z is before "
            "2026-11-01T00:00:00Z", "clock-off", "set-ntp"),
    Message(X509 + f"certificate is valid for ingress.local, not {NAME}", "tls-name", "moor apply pki"),
    Message(X509 + "cannot validate certificate for 10.77.0.11 because it doesn't contain any IP SANs", "tls-name",
            "moor apply pki"),
    Message(X509 + "certificate relies on legacy Common Name field, use SANs instead", "tls-name", "moor apply pki"),
    Message(HEAD + "tls: failed to parse certificate from server: x509: negative serial number", "tls-serial",
            "positive"),
    Message(X509 + 'a root or intermediate certificate is not authorized to sign for this name: DNS name '
                   '"registry.moor.test" '
            "is not permitted by any constraint", "tls-constraint", "without registry.moor.test"),
    Message(X509 + "certificate specifies an incompatible key usage", "tls-usage", "serverAuth"),
    Message(X509 + "too many intermediates for path length constraint", "tls-ca", "moor plan pki"),
    Message(X509 + "unhandled critical extension", "tls-weak", "issued again"),
    Message(X509 + "cannot verify signature: insecure algorithm SHA1-RSA", "tls-weak", "SHA-256"),
    Message(HEAD + "remote error: tls: certificate required", "tls-client", "turn off client certificates"),
    Message(HEAD + "remote error: tls: handshake failure", "tls-handshake", "openssl s_client"),
    Message(HEAD + "remote error: tls: protocol version not supported", "tls-version", "TLS 1.2"),
    Message(HEAD + "http: server gave HTTP response to HTTPS client", "tls-plain", "moor apply harbor"),
    Message("unexpected status code 400: Client sent an HTTP request to an HTTPS server.", "tls-unasked", "http://"),
    # what the registry answers
    Message(STATUS + "401 Unauthorized", "login-wrong", "moor apply workload"),
    Message(f"failed to authorize: failed to fetch oauth token: unexpected status from GET request to {TOKEN}: 401 "
            f"Unauthorized",
            "login-wrong", "moor apply registry"),
    Message(f"pulling from host {NAME} failed with status code [manifests 2.1]: 401 Unauthorized", "login-wrong",
            "moor apply"),
    Message(f"failed to authorize: failed to fetch anonymous token: unexpected status from GET request to {TOKEN}: "
            f"401 Unauthorized",
            "login-none", "imagePullSecrets"),
    Message("pull access denied, repository does not exist or may require authorization: authorization failed: no "
            "basic auth "
            "credentials", "login-none", "imagePullSecrets"),
    Message("pull access denied, repository does not exist or may require authorization: server message: "
            "insufficient_scope: "
            "authorization failed", "rights-missing", "moor apply registry"),
    Message("unauthorized: unauthorized to access repository: shop/basket, action: push", "rights-push",
            "docker login", "push"),
    Message("denied: requested access to the resource is denied", "rights-push", "docker login", "push"),
    Message("errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required",
            "rights-push", "docker login", "push"),
    Message(f"reading manifest 2.1 in {NAME}/shop/basket: requested access to the resource is denied", "rights-missing",
            "moor apply registry"),
    Message(f"reading manifest 2.1 in {NAME}/shop/basket: errors:\ndenied: requested access to the resource is denied\n"
            "unauthorized: authentication required", "rights-missing", "moor apply registry"),
    Message(f"unable to copy from source docker://{IMAGE}: copying system image from manifest list: reading blob "
            "sha256:ab12: requested access to the resource is denied", "rights-missing", "moor apply registry"),
    Message("unauthorized: unauthorized to access repository: shop/basket, action: pull: unauthorized to access "
            "repository: shop/basket, action: pull", "rights-missing", "moor apply registry"),
    Message(f"Error response from daemon: pull access denied for {NAME}/shop/basket, repository does not exist or may "
            "require 'docker login': denied: requested access to the resource is denied", "rights-missing",
            "moor apply registry"),
    Message(STATUS + "403 Forbidden", "answer-forbidden", "curl"),
    Message(STATUS + "405 Method Not Allowed", "answer-method", "https"),
    Message(STATUS + "412 Precondition Failed", "policy-refused", "Harbor"),
    Message("unknown: current image with 7 vulnerabilities cannot be pulled due to configured policy in 'Prevent "
            "images with "
            "vulnerability severity of \"High\" or higher from running.'", "policy-vulnerable", "allowlist"),
    Message('unknown: current image with "Queued" status of vulnerability scanning cannot be pulled due to configured '
            'policy',
            "policy-unscanned", "scan"),
    Message("unknown: The image is not signed by cosign.", "policy-unsigned", "sign"),
    Message("error parsing HTTP 413 response body: invalid character '<' looking for beginning of value: \"<html>413 "
            "Request "
            'Entity Too Large</html>"', "answer-large", "client_max_body_size"),
    Message("error unmarshalling content: invalid character '<' looking for beginning of value", "answer-html",
            "curl -si"),
    Message(STATUS + "429 Too Many Requests", "rate-limit", "Registries"),
    Message("toomanyrequests: You have reached your unauthenticated pull rate limit.", "rate-limit", "wait"),
    Message("toomanyrequests: You have reached your unauthenticated pull rate limit. "
            "https://www.docker.com/increase-rate-limit", "rate-limit", "wait"),
    Message(STATUS + "502 Bad Gateway", "core-down", "moor apply harbor"),
    Message("received unexpected HTTP status: 503 Service Unavailable", "core-down", "moor apply harbor"),
    Message(STATUS + "504 Gateway Timeout", "core-down", "docker ps"),
    Message(STATUS + "500 Internal Server Error", "core-down", "docker ps"),
    Message(STATUS + "301 Moved Permanently", "answer-redirect", "external_url"),
    Message("denied: adding 12.0 MiB of storage resource, which when updated to current usage of 5.0 GiB will exceed "
            "the "
            "configured upper limit of 5.0 GiB.", "push-quota", "quota"),
    Message("unknown: Failed to process request due to 'basket:2.1' configured as immutable.", "push-immutable",
            "another tag"),
    Message("denied: The system is in read only mode. Any modification is prohibited.", "push-readonly", "Read Only"),
    Message(f"{IMAGE}: not found", "tag-missing", "push the image again"),
    Message("reading manifest 2.1 in registry.moor.test/shop/basket: manifest unknown", "tag-missing",
            "tag is mistyped"),
    Message("reading manifest 2.1 in registry.moor.test/shop/basket: unknown: artifact shop/basket:2.1 not found",
            "tag-missing", "push the image again"),
    Message("unknown: project shop not found", "project-missing", "moor apply registry"),
    Message("blob upload unknown: blob upload unknown to registry", "upload-lost", "push again", "push"),
    Message(f"failed to authorize: failed to fetch oauth token: unexpected status from GET request to {TOKEN}: 404 Not "
            "Found", "token-missing", "/service/"),
    *(Message(STATUS + status, "answer-other", "curl -si")
      for status in ("400 Bad Request", "411 Length Required", "451 Unavailable For Legal Reasons", "521 ")),
    Message("name unknown: repository name not known to registry", "image-missing", "mistyped"),
    Message(COPY + "could not fetch content descriptor sha256:ab (application/vnd.oci.image.layer.v1.tar+gzip) from "
                   "remote: not "
            "found", "blob-missing", "push the image again"),
    Message('not implemented: media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer '
            'supported since '
            "containerd v2.1", "manifest-old", "push it with a current"),
    Message('failed commit on ref "layer-sha256:ab": unexpected commit digest sha256:cd, expected sha256:ab: failed '
            'precondition',
            "bytes-altered", "proxy"),
    Message("no match for platform in manifest: not found", "platform-wrong", "buildx"),
    # the node
    Message('failed to extract layer sha256:ab: write /var/lib/containerd/x: no space left on device', "disk-full",
            "df -h"),
    Message("failed to prepare extraction snapshot: mkdir /var/lib/containerd/x: read-only file system", "disk-broken",
            "dmesg"),
    Message('failed to extract layer sha256:ab: mount callback failed on /tmp/x: archive/tar: invalid tar header',
            "layer-bad", "crictl rmi"),
    Message("ref layer-sha256:ab locked for 3m: unavailable", "pull-locked", "wait"),
    Message("failed to copy: context canceled", "pull-cancelled", "pull again"),
    Message("SignatureValidationFailed: Source image rejected: A signature was required, but no signature exists",
            "signature-policy", "policy.json"),
    Message("exec /app/run: exec format error", "platform-wrong", "buildx", "said"),
    Message("pull QPS exceeded", "pull-throttled", "registryPullQPS"),
    Message('short-name "basket" did not resolve to an alias and no unqualified-search registries are defined',
            "image-short", "whole name"),
    Message('unable to read CA cert "/etc/containerd/certs.d/registry.moor.test/ca.crt": open '
            "/etc/containerd/certs.d/registry.moor.test/ca.crt: no such file or directory", "ca-unreadable",
            "hosts.toml", "said"),
    Message('error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH',
            "docker-helper", "credsStore", "said"),
    Message("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "docker-stopped",
            "start docker", "said"),
    Message("driver failed programming external connectivity on endpoint nginx: Unable to enable DNAT rule: (iptables "
            "failed: "
            "iptables --wait -t nat -A DOCKER: iptables: No chain/target/match by that name.)", "docker-chains",
            "restart docker",
            "said"),
    Message("failed to initialize logging driver: dial tcp 127.0.0.1:1514: connect: connection refused", "log-missing",
            "harbor-log", "said"),
    Message("failed to create fsnotify watcher: too many open files", "inotify-full", "max_user_instances", "said"),
    Message('validate CRI v1 image API for endpoint "unix:///run/containerd/containerd.sock": rpc error: code = '
            'Unimplemented desc '
            "= unknown service runtime.v1.ImageService", "cri-disabled", "moor apply containerd", "said"),
    Message('rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix '
            '/run/containerd/containerd.sock: connect: connection refused"', "containerd-stopped",
            "moor apply containerd", "said"),
    Message("invalid plugin config: `mirrors` cannot be set when `config_path` is provided", "mirrors-left",
            "remove the table", "said"),
    Message("containerd: failed to load TOML: /etc/containerd/config.toml: toml: expected newline", "config-malformed",
            "config dump", "said"),
    # pods
    Message('failed to get sandbox image "registry.k8s.io/pause:3.9": failed to pull image '
            '"registry.k8s.io/pause:3.9": failed to '
            'do request: Head "https://registry.k8s.io/v2/pause/manifests/3.9": dial tcp: lookup registry.k8s.io: no '
            'such host',
            "sandbox-image", "sandbox_image", "sandbox"),
    Message('failed to setup network for sandbox "ab": plugin type="calico" failed (add): stat '
            '/var/lib/calico/nodename: no such '
            "file or directory", "sandbox-network", "/etc/cni/net.d", "sandbox"),
    Message('failed to setup network for sandbox "ab": plugin type="host-local" failed (add): failed to allocate for '
            'range 0: no IP '
            "addresses available in range set", "sandbox-network", "network plugin", "sandbox"),
    Message("failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            "failed: unable to "
            "start container process: unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: no space left on "
            "device",
            "sandbox-runc", "cgroup driver", "sandbox"),
    Message('failed to get sandbox runtime: no runtime for "gvisor" is configured', "sandbox-handler",
            "runtimeClassName", "sandbox"),
    Message('RuntimeHandler "kata" not supported', "sandbox-handler", "RuntimeClass|runtimeClassName", "sandbox"),
    Message('failed to create containerd task: OCI runtime create failed: runc create failed: exec: "/nosuch": stat '
            '/nosuch: no such '
            "file or directory", "pod-command", "command and args", "said"),
    Message("Unable to retrieve some image pull secrets (harbor); attempting to pull the image may not succeed.",
            "secret-missing",
            "moor apply workload", "said"),
    Message(f'Container image "{IMAGE}" is not present with pull policy of Never', "pod-never", "IfNotPresent", "said"),
    Message('Failed to apply default image tag "registry.moor.test/Shop/Basket:2.1": couldn\'t parse image name: '
            'invalid reference '
            "format: repository name (Shop/Basket) must be lowercase", "pod-name", "lower case", "said"),
    Message(f'Failed to record image pull intent for container image "{IMAGE}": open '
            "/var/lib/kubelet/image_manager/pulling/sha256-ab.tmp: permission denied", "pull-records", "image_manager"),
    Message(f"image pull failed for {IMAGE} because the registry is unavailable.", "registry-unavailable", "curl -si",
            "said"),
    Message('secret "db" not found', "pod-config", "kubectl describe", "said"),
    Message("container has runAsNonRoot and image will run as root", "pod-root", "runAsUser", "said"),
    Message("back-off 20s restarting failed container=c pod=basket-1_shop(ab)", "pod-crash", "logs --previous", "said"),
    Message("0/3 nodes are available: 3 Insufficient cpu.", "pod-unscheduled", "requests", "said"),
    Message('pods "basket-1" is forbidden: violates PodSecurity "restricted:latest"', "pod-refused", "template",
            "said"),
    Message("The node was low on resource: ephemeral-storage.", "disk-full", "df -h", "said"),
    Message("container runtime is down", "containerd-stopped", "moor apply containerd", "said"),
    Message("Back-off restarting failed container basket in pod basket-1_shop(ab)", "pod-crash", "logs --previous",
            "said"),
    Message("Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
            "sandbox-slow", "network plugin", "said"),
    Message('failed to reserve container name "basket": name "basket" is reserved for "ab12"', "sandbox-slow", "uptime",
            "said"),
    Message("crypto/rsa: 1024-bit keys are insecure (see https://go.dev/pkg/crypto/rsa#hdr-Minimum_key_size)",
            "tls-weak", "RSA 2048"),
    Message(f'Back-off pulling image "{IMAGE}"', "pod-waiting", "kubectl get events", "said"),
)  # fmt: skip

UNPACK = f'failed to pull and unpack image "{IMAGE}": '
NEW = f"{UNPACK}failed to resolve image: "
OLD = f'rpc error: code = Unknown desc = {UNPACK}failed to resolve reference "{IMAGE}": '


def quoted(message: str) -> str:
    """Quote a message as a Go program does that passes it on in an error of its own."""
    return '"' + message.replace("\\", "\\\\").replace('"', '\\"') + '"'


def wrapped(message: Message) -> Iterator[str]:
    """Yield a message as it stands alone and as each program passes it on."""
    yield message.words
    inner = [message.words]
    if message.kind == "pull":
        inner = [NEW + message.words, OLD + message.words]
        yield f'Failed to pull image "{IMAGE}": {inner[0]}'
        yield f'Back-off pulling image "{IMAGE}": ErrImagePull: {inner[1]}'
        yield f"Error response from daemon: {message.words}"
        yield f"initializing source docker://{IMAGE}: pinging container registry {NAME}: {message.words}"
        yield f"Trying to pull {IMAGE}...\nError: initializing source docker://{IMAGE}: {message.words}"
    if message.kind == "push":
        yield f"Error response from daemon: {message.words}"
        upload = f"initiating layer upload to /v2/shop/basket/blobs/uploads/ in {NAME}"
        yield f"Error: writing blob: {upload}: {message.words}"
        reuse = "trying to reuse blob sha256:ab12 at destination: checking whether a blob sha256:ab12 exists in"
        yield f"Error: copying image to the remote destination: {reuse} {NAME}/shop/basket: {message.words}"
        yield f"writing manifest: uploading manifest 2.1 to {NAME}/shop/basket: {message.words}"
    if message.kind == "sandbox":
        inner = [f"Failed to create pod sandbox: rpc error: code = Unknown desc = {message.words}"]
    if message.kind == "push":
        return  # kubelet pushes nothing
    for words in inner:
        yield words
        logged = quoted(f"failed to start with ErrImagePull: {quoted(words)}")
        yield f'"Error syncing pod, skipping" err={logged} pod="shop/basket"'
