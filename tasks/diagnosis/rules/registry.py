"""The known causes of faults in the registry's answers to a node: challenge, login, rights, manifest."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.route import RECORDED
from moor.tasks.diagnosis.rules.rule import Rule

REGISTRY_RULES = (
    Rule(
        "core-down", "challenge",
        lambda e: e.get("status") in ("500", "502", "503", "504"),
        "{name} answers {status}: Harbor's proxy runs, and the service behind it does not", "moor apply harbor",
        RECORDED,
    ),
    Rule(
        "registry-dumb", "challenge",
        lambda e: e.get("status") == "",
        "{name} completes the TLS handshake, then does not answer the request", "moor apply harbor",
        "Docker Registry HTTP API V2",
    ),
    Rule(
        "registry-answer", "challenge",
        lambda e: e.get("status") != "401" and bool(e.get("meaning")),
        "{name} answers {status} where a registry asks for a login: {meaning}", "{said_mend}",
        "RFC 9110; Docker Registry HTTP API V2",
    ),
    Rule(
        "registry-other", "challenge",
        lambda e: e.get("status") != "401" or not e.get("realm"),
        "{name} answers {status} where a registry asks for a login: another program answers there", "moor plan harbor",
        "Docker Registry HTTP API V2; distribution's token specification",
    ),
    Rule(
        "realm-plain", "challenge",
        lambda e: e.get("scheme") != "https",
        "the registry sends its clients to {realm} for a token, which is not HTTPS",
        "set external_url in harbor.yml to https://{host_port}; moor apply harbor",
        "goharbor/harbor issues 3114, 20530",
    ),
    Rule(
        "realm-other", "challenge",
        lambda e: e.get("realm_host") != e.get("host_port"),
        "the registry sends its clients to {realm_host} for a token instead of {host_port}",
        "set hostname or external_url in harbor.yml to {name}; moor apply harbor",
        "goharbor/harbor pull request 21898: before 2.14 the realm is made from external_url or hostname",
    ),
    Rule(
        "robot-absent", "login",
        lambda e: e.get("robot_state") == "absent" and e.get("ours") != "no" and e.get("status") != "200",
        "the registry does not have the robot that the pull secret logs in as", "moor apply registry; moor apply "
        "workload",
        "Harbor, GET /api/v2.0/robots",
    ),
    Rule(
        "robot-disabled", "login",
        lambda e: e.get("robot_state") == "disabled" and e.get("ours") != "no" and e.get("status") != "200",
        "the robot {user} is disabled", "moor apply registry",
        "Harbor, GET /api/v2.0/robots",
    ),
    Rule(
        "robot-expired", "login",
        lambda e: e.get("robot_state") == "expired" and e.get("ours") != "no" and e.get("status") != "200",
        "the robot {user} has expired",
        "moor apply registry; if data.projects gives it duration_days, raise that first",
        "Harbor, GET /api/v2.0/robots: expires_at",
    ),
    Rule(
        "login-unknown", "login",
        lambda e: not e.get("user"),
        "there is no robot to log in with", "moor apply registry",
        "inventory, data.projects",
    ),
    Rule(
        "login-foreign", "login",
        lambda e: e.get("status") == "401" and e.get("ours") == "no",
        "the registry refuses the login of {user}, which a pod's pull secret holds",
        "correct user and password in that pull secret, or check in Harbor that {user} exists and is enabled",
        "Harbor, GET /service/token without a scope; with one it answers 200 to a wrong password",
    ),
    Rule(
        "login-wrong", "login",
        lambda e: e.get("status") == "401",
        "the registry refuses the password of {user}", "moor apply registry; moor apply workload",
        "Harbor, GET /service/token without a scope; with one it answers 200 to a wrong password",
    ),
    Rule(
        "login-broken", "login",
        lambda e: e.get("status") != "200",
        "the token service answers {status} to {user}: {meaning}", "{said_mend}",
        "distribution's token specification",
    ),
    Rule(
        "project-missing", "rights",
        lambda e: e.get("project_state") == "absent",
        "the registry has no project {project}",
        "if it is in data.projects: moor apply registry; {bring}; otherwise correct the image in {setter}",
        "goharbor/harbor, server/middleware/v2auth: a project that is not there answers as one without rights",
    ),
    Rule(
        "rights-foreign", "rights",
        lambda e: "pull" not in e.get("actions", "").split() and e.get("ours") == "no",
        "{user}, which a pod's pull secret holds, may not pull {repository}",
        "give {user} the right to pull in the project {project} in Harbor",
        "Harbor, GET /service/token: the access that the token grants",
    ),
    Rule(
        "rights-missing", "rights",
        lambda e: "pull" not in e.get("actions", "").split(),
        "{user} may not pull {repository}", "moor apply registry",
        "Harbor, GET /service/token: the access that the token grants",
    ),
    Rule(
        "image-missing", "manifest",
        lambda e: e.get("status") == "404" and e.get("repository_state") == "absent",
        "the project {project} has no repository {repository}", "{bring}; or correct it in {setter}",
        "Docker Registry HTTP API V2",
    ),
    Rule(
        "tag-missing", "manifest",
        lambda e: e.get("status") == "404",
        "the registry has no {image}", "{bring}; or correct it in {setter}",
        RECORDED,
    ),
    Rule(
        "manifest-refused", "manifest",
        lambda e: e.get("status") != "200",
        "the registry answers {status} when asked for {image}: {meaning}", "{said_mend}",
        "Docker Registry HTTP API V2",
    ),
    Rule(
        "platform-wrong", "manifest",
        lambda e: e.get("fits") == "no",
        "{image} is made for {architectures}, and {host} is {architecture}",
        "push the image for {architecture} too",
        "OCI image specification, image index",
    ),
    Rule(
        "digest-other", "manifest",
        lambda e: bool(e.get("pushed")) and bool(e.get("digest")) and e.get("digest") != e.get("pushed"),
        "{image} is {digest} for {host}, but {pushed} for the controller: another registry or a mirror answers {host}",
        "run on {host}: getent ahosts {name}; then moor apply names --limit {host}",
        "Docker Registry HTTP API V2, Docker-Content-Digest",
    ),
)  # fmt: skip
