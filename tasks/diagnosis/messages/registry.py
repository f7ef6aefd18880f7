"""Known messages about answers of the registry, or of a proxy in front of it."""

from __future__ import annotations

import re

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields
from moor.tasks.diagnosis.messages.known_message import KnownMessage

HARBOR = "Harbor"
API = "Docker Registry HTTP API V2"
OWNER = "ask the administrators of {name}"
OF_PODS = "moor apply workload makes those of data.workloads; any other pod has to name one in imagePullSecrets"


def has_status(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether a message names an HTTP status that refuses the request."""
    return message.status >= "400"


POLICIES = (
    KnownMessage(
        "policy-unscanned", "manifest",
        (r"status of vulnerability scanning cannot be pulled", r"\"(Pending|Running|Queued|Error|Not ?Scanned)\" "
         r"status of",
         r"without vulnerability scanning cannot be pulled"),
        "the project forbids pulling images that are not scanned, and this one is not, or its scan failed",
        "in Harbor: scan the artifact, and check that Interrogation Services has a working scanner; then pull again",
        OWNER, "Harbor, Prevent vulnerable images from running",
    ),
    KnownMessage(
        "policy-vulnerable", "manifest",
        (r"current image with \d+ vulnerabilit", r"cannot be pulled due to configured policy",
         r"Prevent images with vulnerability severity"),
        "the project's policy forbids pulling the image because of its vulnerabilities",
        "push an image without them, or in Harbor put the CVEs on the project's allowlist, or raise its severity",
        OWNER, "Harbor, Prevent vulnerable images from running",
    ),
    KnownMessage(
        "policy-unsigned", "manifest",
        (r"image is not signed", r"not signed (in|by) (Notary|cosign|Notation)", r"PROJECTPOLICYVIOLATION",
         r"content trust.*(cannot|not) be pulled"),
        "the project allows pulling signed images only, and this one has no signature in the registry",
        "sign it (cosign sign, notation sign), or turn off Cosign or Notation in the project's Configuration in Harbor",
        OWNER, "Harbor, deployment security",
    ),
    KnownMessage(
        "policy-refused", "manifest",
        (r"412 Precondition Failed", r"HTTP 412", r"\b412\b.*manifests|manifests.*\b412\b"),
        "a policy of the project forbids pulling the image: it is vulnerable, not scanned or not signed; containerd "
        "does not report which",
        "in Harbor look at the artifact {image}: scan it, sign it, or change the policy in the project's Configuration",
        OWNER, "Harbor, server/middleware: policies answer 412",
    ),
    KnownMessage(
        "push-quota", "manifest",
        (r"exceed the configured upper limit", r"quota.*exceeded.*storage", r"storage of project.*exceed"),
        "the project's quota is full",
        "in Harbor: delete artifacts and run garbage collection, or raise the quota of the project", OWNER, HARBOR,
    ),
    KnownMessage(
        "push-immutable", "manifest",
        (r"configured as immutable", r"immutable tag|tag is immutable|cannot be overwritten"),
        "a rule of the project makes this tag immutable, so it cannot be pushed a second time",
        "push under another tag, or change the immutability rule of the project", OWNER, HARBOR,
    ),
    KnownMessage(
        "push-readonly", "challenge",
        (r"read only mode", r"registry is in read-?only|UNSUPPORTED.*readonly"),
        "Harbor is set to read only: images can be pulled but not pushed",
        "in Harbor: Configuration, System Settings, Repository Read Only off; in old releases garbage collection "
        "turns it on",
        OWNER, HARBOR,
    ),
    KnownMessage(
        "manifest-old", "manifest",
        (r"manifest\.v1\+(prettyjws|json)", r"schema ?(version )?1\b.*(support|manifest)", r"Docker Image Format v1",
         r"unsupported (schema|manifest) (version|format|media type)", r"is no longer supported since containerd"),
        "the image has the oldest format (schema 1), which current runtimes no longer read",
        "build it again, or pull it with an old Docker, and push it with a current one",
        by="containerd 2.1, Docker 28.2",
    ),
    KnownMessage(
        "blob-missing", "manifest",
        (r"could not fetch content descriptor", r"blob unknown", r"BLOB_UNKNOWN", r"MANIFEST_BLOB_UNKNOWN",
         r"(blobs/sha256\S+|content at \S*/blobs/\S*).*not found", r"failed to copy: .*not found"),
        "the manifest exists, but one of its layers does not: storage was lost, or a push or replication was cut off",
        "push the image again from where it was built, which uploads what is missing; in a proxy project delete the "
        "artifact, and Harbor fetches it again",
        by=API,
    ),
    KnownMessage(
        "manifest-invalid", "manifest",
        (r"manifest invalid", r"MANIFEST_INVALID", r"tag invalid|TAG_INVALID"),
        "the registry does not accept the manifest that was pushed: it is older than the image's format, or "
        "what pushes does not follow it (build attestations, zstd layers, OCI image indexes, schema 1)",
        "upgrade Harbor, whose log has the reason (registry.log on the registry's host); or build without what it "
        "does not know: docker buildx build --provenance=false --sbom=false --output type=image,oci-mediatypes=false",
        OWNER, "OCI distribution specification, MANIFEST_INVALID",
    ),
    KnownMessage(
        "bytes-altered", "pull",
        (r"unexpected commit digest", r"digest (mismatch|did not match|invalid)",
         r"filesystem layer verification failed",
         r"manifest verification failed", r"does not match (the )?digest", r"checksum mismatch"),
        "the content that arrived does not match its digest: a proxy or mirror alters it, or a disk is damaged",
        "pull without the proxy or mirror on the way; if that fails too, the registry's storage is damaged: push again",
        by="OCI distribution specification: content is named by its digest",
    ),
)  # fmt: skip

# Registries refuse a push and a pull in the same words; the program that reports them adds which it was. Docker adds it
# for a pull only, so words without either are about a push. Source: containers/image, docker_image_src.go and _dest.go.
OF_A_PUSH = re.compile(r"action: push|pushing image|layer upload|blobs/uploads|remote destination|at destination", re.I)
OF_A_PULL = re.compile(
    r"pull access denied|action: pull|(failed to|unable to|error|trying to|back-off|while) pull|ErrImagePull"
    r"|initializing source|failed to resolve|reading (manifest|blob|signatures)",
    re.IGNORECASE,
)

ANSWERS = (
    KnownMessage(
        "rate-limit", "challenge",
        (r"429 Too Many Requests", r"toomanyrequests", r"HTTP 429", r"\bstatus(?:code| code)?:? ?429\b",
         r"pull rate limit"),
        "too many requests: the registry, or the one that a proxy project fetches from, limits them",
        "wait, then pull again; for a proxy project, give its endpoint in Harbor (Registries) a login of the upstream",
        "wait, or pull with a login of {name}", API,
    ),
    KnownMessage(
        "login-none", "login",
        (r"failed to fetch anonymous token: .*(401|403)", r"no basic auth credentials", r"anonymous.*401 Unauthorized"),
        "the pull had no login: the pod has no pull secret that covers the image",
        OF_PODS, "name a pull secret for {name} in imagePullSecrets of the pod",
        "distribution's token specification",
    ),
    KnownMessage(
        "rights-push", "rights",
        (r"action: push", r"requested access to the resource is denied",
         r"denied: .*(push|not authorized to upload)"),
        "the user who pushed may not push to that project, or was not logged in",
        "docker login {name} as a user or robot that may push; moor apply images pushes with a robot of its own",
        "docker login {name} as a user that may push", HARBOR,
        lambda message, _: bool(OF_A_PUSH.search(message.words)) or not OF_A_PULL.search(message.words),
    ),
    KnownMessage(
        "rights-missing", "rights",
        (r"insufficient_scope: authorization failed", r"unauthorized to access repository", r"pull access denied",
         r"action: pull", r"requested access to the resource is denied"),
        "the login may not pull that repository, or the project does not exist",
        "moor apply registry gives the robots of data.projects their rights; any other login needs the right to pull "
        "in the project",
        "ask the administrators of {name} to allow the login to pull, or correct the image's name", HARBOR,
    ),
    KnownMessage(
        "login-wrong", "login",
        (r"failed to fetch oauth token: unexpected status.*401", r"401 Unauthorized", r"authentication required",
         r"incorrect username or password", r"invalid (username|credentials)", r"access denied.*login",
         r"\bstatus(?: ?code)?:? ?401\b"),
        "the registry refuses the login that the pull secret holds",
        "moor apply registry; moor apply workload", "correct the login of {name} in the pull secret", API,
    ),
    KnownMessage(
        "answer-large", "challenge",
        (r"413 (Request|Payload|Content)", r"\bstatus ?code:? ?413\b", r"HTTP 413", r"entity too large"),
        "a proxy in front of the registry refuses uploads of that size",
        "raise the limit of the proxy in front of Harbor (nginx: client_max_body_size 0); Harbor's own has none",
        "ask the administrators of {name} to raise the limit of the proxy in front of it", "nginx, "
        "client_max_body_size",
    ),
    KnownMessage(
        "answer-forbidden", "challenge",
        (r"403 Forbidden", r"\bstatus ?code:? ?403\b", r"HTTP 403"),
        "403: a web application firewall or an address rule in front of the registry refuses, or the login lacks a "
        "right",
        "run on {host}: curl -s https://{name}/v2/; an HTML page comes from a proxy; JSON comes from Harbor: then "
        "moor apply registry",
        OWNER, "RFC 9110, 15.5.4",
    ),
    KnownMessage(
        "answer-method", "challenge",
        (r"405 Method Not Allowed", r"HTTP 405", r"\bstatus ?code:? ?405\b"),
        "405: the server is not a registry, or a redirect from http to https turned a push into a GET",
        "use https and the registry's own name; a proxy in front of it must pass on PUT, POST, PATCH and DELETE",
        by="RFC 9110, 15.5.6",
    ),
    KnownMessage(
        "core-down", "challenge",
        (r"\b50[0234] (Bad Gateway|Service Unavailable|Internal Server Error|Gateway Time-?out)",
         r"\bstatus(?: ?code)?:? ?50[0234]\b", r"HTTP 50[0234]", r"received unexpected HTTP status: 5"),
        "{name} answers {status}: its proxy runs, but the service behind it is down or overloaded",
        "run on the registry's host: docker ps, which shows what restarts; moor apply harbor starts what is down",
        OWNER, "RFC 9110, 15.6",
    ),
    KnownMessage(
        "answer-html", "challenge",
        (r"invalid character '<'", r"<!DOCTYPE|<html", r"error unmarshalling content", r"text/html"),
        "the answer is a web page, not a registry's: a proxy's error page, a captive portal, a login page, or "
        "another server of that name",
        "run on {host}: curl -si https://{name}/v2/; a registry answers 401 with Docker-Distribution-Api-Version",
        by=API,
    ),
    KnownMessage(
        "answer-redirect", "challenge",
        (r"stopped after \d+ redirects", r"too many redirects", r"HTTP 30[12378]", r"\b30[12378] (Moved|Found|See "
         r"Other|Temporary|Permanent)",
         r"missing Location header", r"redirect.*(http://|not allowed|denied)"),
        "the registry, or a proxy in front of it, redirects instead of answering",
        "set external_url in harbor.yml to the name that clients use; have a proxy in front of it pass on "
        "X-Forwarded-Proto",
        OWNER, API,
    ),
    KnownMessage(
        "token-missing", "challenge", (r"failed to fetch (oauth|anonymous) token: .*404", r"/service/token\S* .*404"),
        "{name}, which clients are sent to for a token, has no token service at that path",
        "have the proxy in front of the registry pass on /service/ too; if there is none, correct external_url in "
        "harbor.yml",
        OWNER, "distribution's token specification",
    ),
    KnownMessage(
        "upload-lost", "challenge", (r"blob upload unknown", r"BLOB_UPLOAD_UNKNOWN"),
        "the registry no longer knows an upload that was begun: it went on at another instance, or took too long",
        "push again; if the fault stays, have a load balancer in front of the registry keep a client on one instance",
        by=API,
    ),
    KnownMessage(
        "project-missing", "manifest", (r"\bproject \S+ not found",),
        "the registry has no project of that name",
        "moor apply registry creates those of data.projects; if the name is mistyped, {owner}",
        "correct the image's name in the pod's template", HARBOR,
    ),
    KnownMessage(
        "image-missing", "manifest",
        (r"name unknown", r"NAME_UNKNOWN", r"repository name not known", r"repository \S+ not found",
         r"repository does not exist(?!.*authorization)"),
        "the registry has no repository of that name",
        "{bring}; if the name is mistyped, {owner}", "correct the image's name in the pod's template", API,
    ),
    KnownMessage(
        "tag-missing", "manifest",
        (r"code = NotFound desc = .*: not found", r"manifest unknown", r"MANIFEST_UNKNOWN", r"\S+/\S+:\S+: not found\b",
         r"404 Not Found", r"\bstatus ?code:? ?404\b", r"manifest for \S+ not found", r"@sha256:\S+: not found",
         r"\bartifact \S+ not found"),
        "the registry does not have {image}",
        "{bring}; if the tag is mistyped, {owner}", "correct the image's name in the pod's template", API,
    ),
    KnownMessage(
        "answer-other", "challenge", (r"unexpected status (from|code)\b", r"received unexpected HTTP status"),
        "{name} answers {status}: a proxy in front of the registry does not let the request through, or the registry "
        "finds it invalid",
        "run on {host}: curl -si https://{name}/v2/; an HTML page comes from a proxy, whose administrators know its "
        "rules; JSON comes from the registry and has the reason",
        OWNER, "RFC 9110, 15.5", when=has_status,
    ),
)  # fmt: skip
