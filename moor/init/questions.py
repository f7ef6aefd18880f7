"""Questions for what no option says, asked one after the other on a terminal."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from moor.init.answers import Answers
from moor.init.found import Found
from moor.init.roles import CONTROL_PLANE, HARBOR, NODES, WORKSTATIONS, members_of_role, words_of

Ask = Callable[[str, str], str]  # the question and the default; returns what was typed
USUAL_KUBECONFIG = "~/.kube/config"
KEYS = ("ed25519", "ecdsa", "rsa")


@dataclass(frozen=True)
class Question:
    """A question for the value of one option.

    Attributes:
        option: as the name of a field of the answers
        default: what an empty answer means
        concerns: whether the answers so far leave it open
    """

    option: str
    words: str
    default: Callable[[Answers], str] = lambda _: ""
    concerns: Callable[[Answers, Found], bool] = lambda answers, found: True


def _is_own(answers: Answers, found: Found) -> bool:
    return _has(HARBOR, answers, found)


def _is_others(answers: Answers, found: Found) -> bool:
    return not _is_own(answers, found)


def _has_cluster(answers: Answers, found: Found) -> bool:
    return found.kubeconfig is None and _has(CONTROL_PLANE, answers, found)


def _has(role: str, answers: Answers, found: Found) -> bool:
    return bool(words_of(answers, role) or members_of_role(role, found))


def _usual_kubeconfig(_: Answers) -> str:
    return USUAL_KUBECONFIG if Path(USUAL_KUBECONFIG).expanduser().is_file() else ""


def _usual_key(_: Answers) -> str:
    paths = (Path(f"~/.ssh/id_{kind}") for kind in KEYS)
    return next((str(path) for path in paths if path.expanduser().is_file()), "")


QUESTIONS = (
    Question("registry", "The registry's full name, such as registry.example.org"),
    Question("harbor", "The host where moor installs Harbor; nothing, if the registry is there already"),
    Question("installer", "Harbor's offline installer, if you have it: its file", concerns=_is_own),
    Question("registry_address", "The registry's address; nothing, if its name resolves", concerns=_is_others),
    Question(
        "api",
        "What it is: harbor, or distribution (registry:2, Zot, Quay, Nexus, GitLab)",
        default=lambda _: "harbor",
        concerns=_is_others,
    ),
    Question("ca", "The file of its CA; nothing, if its certificate is a public one", concerns=_is_others),
    Question("login", "A login that may pull; nothing for none", concerns=_is_others),
    Question("control_plane", "The host where the cluster's API answers; nothing for none"),
    Question(
        "kubeconfig",
        "The cluster's kubeconfig; nothing, to bring it later",
        default=_usual_kubeconfig,
        concerns=_has_cluster,
    ),
    Question("nodes", "The nodes, such as node[1-3] or node1=10.0.0.31,node2=10.0.0.32"),
    Question("workstation", "The host where images are built; nothing for none"),
    Question("user", "Who logs in on the hosts", default=lambda _: getpass.getuser()),
    Question("key", "The user's private key; nothing for ssh-agent", default=_usual_key),
)


def is_complete(answers: Answers, found: Found) -> bool:
    """Return whether options and source say enough, so that nothing is asked."""
    roles = (HARBOR, CONTROL_PLANE, NODES, WORKSTATIONS)
    named = any(_has(role, answers, found) for role in roles)
    return bool(answers.registry.registry) and named


def ask_all(answers: Answers, found: Found, ask: Ask) -> Answers:
    """Return the answers with what was asked for: everything that no option and no source says."""
    for question in QUESTIONS:
        if (
            not _value(answers, question.option)
            and question.concerns(answers, found)
            and not _known(question.option, found)
        ):
            answers = _asked(answers, question, ask)
    return answers


def options_in(faults: str) -> list[str]:
    """Return the options that all of the faults are about; none if one of them is about something else."""
    options = [re.split("[: ]", line)[0].removeprefix("--").replace("-", "_") for line in faults.splitlines()]
    return [question.option for question in QUESTIONS if question.option in options] if _all_asked(options) else []


def _all_asked(options: list[str]) -> bool:
    return set(options) <= {question.option for question in QUESTIONS}


def ask_again(answers: Answers, options: list[str], ask: Ask) -> Answers:
    """Ask for the values of some options once more."""
    for question in QUESTIONS:
        if question.option in options:
            answers = _asked(answers, question, ask)
    return answers


def _asked(answers: Answers, question: Question, ask: Ask) -> Answers:
    word = ask(question.words, question.default(answers)).strip()
    part = "registry" if _is_of_registry(answers, question.option) else "hosts"
    value = [word] if question.option == "nodes" else word
    changed = replace(getattr(answers, part), **{question.option: value})
    return replace(answers, **{part: changed})


def _is_of_registry(answers: Answers, option: str) -> bool:
    return option in {field.name for field in fields(answers.registry)}


def _value(answers: Answers, option: str) -> object:
    return getattr(answers.registry if _is_of_registry(answers, option) else answers.hosts, option)


def _known(option: str, found: Found) -> bool:
    """Return whether the source answers a question."""
    roles = {"harbor": HARBOR, "control_plane": CONTROL_PLANE, "nodes": NODES, "workstation": WORKSTATIONS}
    if option in roles:
        return bool(members_of_role(roles[option], found))
    if option in ("user", "key"):
        attribute = "username" if option == "user" else "key_file"
        return found.ssh_config is not None or any(getattr(host, attribute) for host in found.hosts.values())
    return False
