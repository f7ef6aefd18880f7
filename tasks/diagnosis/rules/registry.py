"""The known causes of faults in the registry's answers to a node: challenge, login, rights, manifest."""

from __future__ import annotations

from moor.tasks.diagnosis.rules.route import RECORDED
from moor.tasks.diagnosis.rules.rule import Evidence, Rule


def is_other_kind(evidence: Evidence) -> bool:
    """Return whether a registry other than Harbor asks for a login by basic authentication, or for none."""
    accepted = evidence.get("status") == "200" or (evidence.get("status"), evidence.get("kind")) == ("401", "basic")
    return evidence.get("api") == "distribution" and accepted


def has_other_token_service(evidence: Evidence) -> bool:
    """Return whether a registry other than Harbor sends its clients to a token service, which may have another name."""
    return evidence.get("api") == "distribution" and evidence.get("kind") == "bearer"


def lacks_right(evidence: Evidence) -> bool:
    """Return whether a token grants no pull; the tokens of registries other than Harbor may not be readable."""
    known = evidence.get("api") != "distribution" or evidence.get("readable") == "yes"
    return known and "pull" not in evidence.get("actions", "").split()


REGISTRY_RULES = (
    Rule(
        "core-down", "challenge",
        lambda e: e.get("status") in ("500", "502", "503", "504"),
        "{name} answers {status}: Harbor's proxy runs, and the service behind it does not", "moor apply harbor",
        RECORDED,
        elsewhere="ask the team that runs {name} to look at what stands behind its proxy",
    ),
    Rule(
        "registry-dumb", "challenge",
        lambda e: e.get("status") == "",
        "{name} completes the TLS handshake, then does not answer the request", "moor apply harbor",
        "Docker Registry HTTP API V2",
        elsewhere="ask the team that runs {name} why it does not answer",
    ),
    Rule(
        "registry-answer", "challenge",
        lambda e: e.get("status") != "401" and bool(e.get("meaning")),
        "{name} answers {status} where a registry asks for a login: {meaning}", "{said_mend}",
        "RFC 9110; Docker Registry HTTP API V2",
    ),
    Rule(
        "registry-other", "challenge",
        lambda e: not is_other_kind(e) and (e.get("status") != "401" or not e.get("realm") or e.get("kind") == "basic"),
        "{name} answers {status} where a registry asks for a login: another program answers there", "moor plan harbor",
        "Docker Registry HTTP API V2; distribution's token specification",
        elsewhere="check data.registry.address and port; write data.registry.api: distribution if it is no Harbor",
    ),
    Rule(
        "realm-plain", "challenge",
        lambda e: not is_other_kind(e) and e.get("scheme") != "https",
        "the registry sends its clients to {realm} for a token, which is not HTTPS",
        "set external_url in harbor.yml to https://{host_port}; moor apply harbor",
        "goharbor/harbor issues 3114, 20530",
        elsewhere="ask the team that runs {name} to have it send its clients to HTTPS (in Harbor, external_url)",
    ),
    Rule(
        "realm-other", "challenge",
        lambda e: e.get("api") != "distribution" and e.get("realm_host") != e.get("host_port"),
        "the registry sends its clients to {realm_host} for a token instead of {host_port}",
        "set hostname or external_url in harbor.yml to {name}; moor apply harbor",
        "goharbor/harbor pull request 21898: before 2.14 the realm is made from external_url or hostname",
        elsewhere="ask the team that runs {name} to set its own name there (in Harbor, hostname or external_url)",
    ),
    Rule(
        "realm-unresolved", "challenge",
        lambda e: has_other_token_service(e) and not e.get("realm_found"),
        "the registry sends its clients to {realm_host} for a token, and {host} cannot resolve that name",
        "write {realm_host} with its address below data.names.hosts, or into DNS; moor apply names",
        "distribution's token specification",
    ),
    Rule(
        "robot-absent", "login",
        lambda e: e.get("robot_state") == "absent" and e.get("ours") != "no" and e.get("status") != "200",
        "the registry does not have the robot that the pull secret logs in as", "moor apply registry; moor apply "
        "workload",
        "Harbor, GET /api/v2.0/robots",
        elsewhere="ask the team that runs {name} for a robot; write its login below data.logins; moor apply workload",
    ),
    Rule(
        "robot-disabled", "login",
        lambda e: e.get("robot_state") == "disabled" and e.get("ours") != "no" and e.get("status") != "200",
        "the robot {user} is disabled", "moor apply registry",
        "Harbor, GET /api/v2.0/robots",
        elsewhere="ask the team that runs {name} to enable it",
    ),
    Rule(
        "robot-expired", "login",
        lambda e: e.get("robot_state") == "expired" and e.get("ours") != "no" and e.get("status") != "200",
        "the robot {user} has expired",
        "moor apply registry; if data.projects gives it duration_days, raise that first",
        "Harbor, GET /api/v2.0/robots: expires_at",
        elsewhere="ask the team that runs {name} to extend it, and write its new password where data.logins says",
    ),
    Rule(
        "login-unknown", "login",
        lambda e: not e.get("user") and e.get("anonymous") != "yes",
        "there is no robot to log in with", "moor apply registry",
        "inventory, data.projects",
        elsewhere="write the login of data.workloads below data.logins",
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
        elsewhere="correct user and password below data.logins; moor apply workload; or ask the team that "
        "runs {name} whether {user} is in force",
    ),
    Rule(
        "login-broken", "login",
        lambda e: e.get("status") != "200" and e.get("anonymous") != "yes",
        "the login of {user} is answered by {status}: {meaning}", "{said_mend}",
        "distribution's token specification",
    ),
    Rule(
        "project-missing", "rights",
        lambda e: e.get("project_state") == "absent",
        "the registry has no project {project}",
        "if it is in data.projects: moor apply registry; {bring}; otherwise correct the image in {setter}",
        "goharbor/harbor, server/middleware/v2auth: a project that is not there answers as one without rights",
        elsewhere="ask the team that runs {name} to make the project {project}, or correct the image in {setter}",
    ),
    Rule(
        "rights-foreign", "rights",
        lambda e: lacks_right(e) and e.get("ours") == "no",
        "{user}, which a pod's pull secret holds, may not pull {repository}",
        "give {user} the right to pull in the project {project} in Harbor",
        "Harbor, GET /service/token: the access that the token grants",
    ),
    Rule(
        "rights-missing", "rights",
        lacks_right,
        "{user} may not pull {repository}", "moor apply registry",
        "Harbor, GET /service/token: the access that the token grants",
        elsewhere="ask the team that runs {name} whether {repository} exists, and to give {user} the right to pull it",
    ),
    Rule(
        "image-missing", "manifest",
        lambda e: e.get("status") == "404" and e.get("repository_state") == "absent" and e.get("api") != "distribution",
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
        "manifest-denied", "manifest",
        lambda e: e.get("status") in ("401", "403") and e.get("api") == "distribution",
        "{user} may not pull {repository}, or the registry has none of that name",
        "ask the team that runs {name} whether {repository} exists and {user} may pull it; or correct it in {setter}",
        "Docker Registry HTTP API V2",
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
