"""Simulated network devices, whose command lines know what access lists need; nothing is taken from a vendor.

A Box is a device: what it runs and starts with, and an undo that may be armed. A Session is one login to it.
``expire`` stands for the time after which a device takes an unconfirmed change back.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import takewhile

INVALID = "% Invalid input detected at '^' marker."
Sections = dict[str, list[str]]


@dataclass
class Box:
    """A simulated device.

    Attributes:
        running: a section's head to the lines below it; for Junos and VyOS one section "" of set commands
        instead: what it answers to a command (a pattern), in place of doing it; None is never a prompt again
        banner: text that stands in its configuration after its name
        deaf: closes every new connection before the login
        heard: every line that was sent to it
        name: its host name, which prompts contain; ``{}`` in it is a clock
        locked: who has locked its configuration, in the device's words
        greeting: what it prints after the login
        paged: whether it shows long answers page by page, whatever it was told
        pause_s: between the pieces of a long answer
        late_s: after which it shows a further prompt to an empty line, as over a slow network
        noise: a message of its log, which it prints within every long answer, and after its prompt
        runs_out: its undo comes when it hears this, a pattern, as if the time were over
        meanwhile: what another engineer does when it hears a line, by a pattern for that
    """

    platform: str
    running: Sections
    startup: Sections = field(default_factory=dict)
    instead: dict[str, str | None] = field(default_factory=dict)
    deaf: bool = False
    cuts_off: bool = False  # becomes deaf by the next change that comes into effect
    archive: bool = True
    banner: str = ""
    name: str = "edge1"
    locked: str = ""
    greeting: str = ""
    paged: bool = False
    pause_s: float = 0
    late_s: float = 0
    noise: str = ""
    runs_out: str = ""
    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    undo: Sections | None = None
    ticks: int = 0
    kept: dict[str, Sections] = field(default_factory=dict)  # checkpoints, or sessions

    def __post_init__(self) -> None:
        self.startup = self.startup or deepcopy(self.running)

    def arm(self) -> None:
        """Save the running configuration, to restore it without a confirmation."""
        self.undo = deepcopy(self.running)

    def expire(self) -> None:
        """Undo an unconfirmed change."""
        if self.undo is not None:
            self.running, self.undo = self.undo, None
        self.deaf = False

    def change(self, new: Sections) -> None:
        """Activate a configuration."""
        self.running = new
        self.deaf = self.deaf or self.cuts_off

    @property
    def shown_name(self) -> str:
        """Return its name as the next prompt has it; ``{}`` in it is a clock."""
        self.ticks += 1
        return self.name.format(f"09:{self.ticks // 60:02}:{self.ticks % 60:02}")

    def session(self) -> Session:
        """Return a new login."""
        return KINDS[self.platform](self)

    def printed(self) -> str:
        """Return what the device prints as its running configuration."""
        session = self.session()
        return f"{session.printed(self.running)}\n"

    def plain(self) -> Sections:
        """Return what runs, for Junos and VyOS without the order of lines, which counts in lists alone."""
        return {head: sorted(lines) if not head else lines for head, lines in self.running.items()}


class Session(ABC):
    """One login to a device: ``prompt`` is what it prints next, ``over`` whether it has ended."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.holds_lock = False
        self.over = False
        self.mode = ""

    @property
    @abstractmethod
    def prompt(self) -> str:
        """Return the prompt."""

    def answer(self, line: str) -> str | None:
        """Return what the device prints; None if no prompt follows."""
        line = line.strip()
        if not line:
            return ""
        self.box.heard.append(line)
        if self.box.undo is not None and self.box.runs_out and re.fullmatch(self.box.runs_out, line):
            self.box.expire()
        for pattern in [one for one in self.box.meanwhile if re.fullmatch(one, line)]:
            self.box.meanwhile.pop(pattern)()
        for pattern, said in self.box.instead.items():
            if re.fullmatch(pattern, line):
                return said
        return self.obey(line)

    def hang_up(self) -> None:
        """End the login, whose lock of the configuration goes with it."""
        if self.holds_lock:
            self.box.locked = ""
            self.holds_lock = False

    def lock(self) -> bool:
        """Lock the configuration; return whether nobody else has."""
        if not self.box.locked:
            self.box.locked, self.holds_lock = "this session", True
        return self.holds_lock

    @abstractmethod
    def obey(self, line: str) -> str:
        """Carry out a line."""

    @abstractmethod
    def configure(self, line: str) -> str:
        """Carry out a line in configuration mode."""

    @abstractmethod
    def printed(self, sections: Sections) -> str:
        """Return a configuration as the device prints it."""


class CiscoLike(Session):
    """The common part of the command lines of Cisco and Arista."""

    headers: tuple[str, str] = ("ip access-list", "ipv6 access-list")
    hooks: tuple[str, str] = ("ip access-group", "ipv6 traffic-filter")
    overwrites = False  # an entry of a number that is there already
    end = ""
    section = ""

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.target = box.running

    @property
    def prompt(self) -> str:
        below = "-x" if self.section else ""
        return f"{self.short_name}({self.mode}{below})#" if self.mode else f"{self.box.shown_name}#"

    @property
    def short_name(self) -> str:
        """Return the name in prompts of configuration mode."""
        return self.box.shown_name

    def obey(self, line: str) -> str:
        if self.mode and line in ("end", "exit"):
            self.mode = self.section = ""
            return ""
        if self.mode:
            return self.configure(line)
        if line == "exit":
            self.over = True
            return ""
        if line.startswith("terminal "):
            return "Width set to 511" if "width" in line else "Pagination disabled."
        if line in ("write mem", "write memory", "copy running-config startup-config"):
            self.box.startup = deepcopy(self.box.running)
            return "Building configuration...\n[OK]"
        if line.startswith("show "):
            return self.show(line)
        return self.command(line)

    def show(self, line: str) -> str:
        if line in ("show running-config", "show startup-config"):
            return self.printed(self.box.running if "running" in line else self.box.startup)
        return INVALID

    def printed(self, sections: Sections) -> str:
        lines = [f"! device: {self.box.name}", f"hostname {self.box.name}", "!", *self.box.banner.splitlines()]
        for head, below in sections.items():
            lines += [self.shown(head), *(f"   {self.shown(line)}" for line in below), "!"]
        return "\n".join([*lines, self.end] if self.end else lines)

    def shown(self, line: str) -> str:
        return line

    def begin(self, target: Sections, mode: str = "config") -> str:
        self.target, self.mode = target, mode
        return ""

    def command(self, line: str) -> str:
        return self.begin(self.box.running) if line == "configure terminal" else INVALID

    def configure(self, line: str) -> str:
        head = line.removeprefix("no ")
        if re.match("ip route |ipv6 route ", head):
            return self.route(line, head)
        if header := next((one for one in self.headers if head.startswith(f"{one} ")), ""):
            return self.open_list(line, head, head.removeprefix(header))
        if line.startswith("interface "):
            self.section = line if line in self.target else ""
            return "" if self.section else INVALID
        return self.below(line) if self.section else INVALID

    def route(self, line: str, head: str) -> str:
        self.section = ""
        if head != line:
            return "" if self.target.pop(head, None) is not None else "%No matching route to delete"
        self.target.setdefault(head, [])
        return ""

    def open_list(self, line: str, head: str, name: str) -> str:
        self.section = "" if line.startswith("no ") else head
        if not self.section:
            return "" if self.target.pop(head, None) is not None else INVALID
        if any(f"{one}{name}" in self.target for one in self.headers if f"{one}{name}" != head):
            return "% The name is in use by an access list of the other family"
        self.target.setdefault(head, [])
        return ""

    def below(self, line: str) -> str:
        lines = self.target[self.section]
        if self.section.startswith("interface "):
            return self.hook(line, lines)
        number = numbered(line.removeprefix("no "))
        kept = [one for one in lines if numbered(one) != number]
        if (len(kept) < len(lines)) != line.startswith("no ") and not (self.overwrites and len(kept) < len(lines)):
            return "% Duplicate sequence number" if len(kept) < len(lines) else "% Rule does not exist"
        added = [] if line.startswith("no ") else [line]
        self.target[self.section] = sorted([*kept, *added], key=numbered)
        return ""

    def hook(self, line: str, lines: list[str]) -> str:
        bare, _, way = line.removeprefix("no ").rpartition(" ")
        hook = next((one for one in self.hooks if bare.startswith(f"{one} ")), None)
        if hook is None:
            return INVALID
        kept = [one for one in lines if not re.fullmatch(rf"{hook} \S+ {way}", one)]
        self.target[self.section] = kept if line.startswith("no ") else [*kept, line]
        self.box.deaf = self.box.deaf or (self.box.cuts_off and self.target is self.box.running)
        return ""


def numbered(entry: str) -> int:
    """Return the number of an entry."""
    return int(entry.removeprefix("sequence ").split()[0])


class IosSession(CiscoLike):
    """A login to IOS, which prints no entry numbers and needs an archive for its revert timer."""

    headers = ("ip access-list extended", "ipv6 access-list")
    end = "end"

    @property
    def short_name(self) -> str:
        return self.box.shown_name[:20]

    def shown(self, line: str) -> str:
        return re.sub(r"^\d+ ", "", re.sub(r"\S+:\S*", lambda found: found[0].upper(), line))

    def show(self, line: str) -> str:
        if line == "show archive":
            return (
                "The maximum archive configurations allowed is 10."
                if self.box.archive
                else "Archive feature not enabled"
            )
        return super().show(line)

    def command(self, line: str) -> str:
        if line.startswith("configure terminal revert timer ") and self.box.archive:
            self.box.arm()
            return self.begin(self.box.running) + "Rollback Confirmed Change: Backing up current running config"
        if line in ("configure confirm", "configure revert now"):
            if self.box.undo is None:
                return "%No Rollback Confirmed Change pending"
            if line.endswith("now"):
                self.box.expire()
            self.box.undo = None
            return "Rollback Done" if line.endswith("now") else ""
        return super().command(line)


class NxosSession(CiscoLike):
    """A login to NX-OS, with checkpoints."""

    def command(self, line: str) -> str:
        *words, name = line.split()
        if words == ["checkpoint"]:
            self.box.kept[name] = deepcopy(self.box.running)
            return "Done"
        if words == ["no", "checkpoint"]:
            return "Done" if self.box.kept.pop(name, None) is not None else "ERROR: checkpoint does not exist"
        if words == ["rollback", "running-config", "checkpoint"] and name in self.box.kept:
            self.box.running = deepcopy(self.box.kept[name])
            return "Executing Rollback Patch\nGenerating Rollback Patch\n\nRollback completed successfully."
        return super().command(line)


class EosSession(CiscoLike):
    """A login to EOS, with configuration sessions that are committed with a timer."""

    hooks = ("ip access-group", "ipv6 access-group")
    end = "end"

    def shown(self, line: str) -> str:
        return line.replace("eq 443", "eq https")

    def command(self, line: str) -> str:
        words = line.split()
        if words[:2] != ["configure", "session"]:
            return super().command(line)
        if words[3:] == ["commit"] and self.box.undo is not None:
            self.box.undo = None
        elif words[3:] == ["abort"]:
            self.box.expire()
            self.box.kept.pop(words[2], None)
        elif len(words) == 3:
            self.box.kept[words[2]] = deepcopy(self.box.running)
            return self.begin(self.box.kept[words[2]], f"config-s-{words[2][:6]}")
        else:
            return INVALID
        return ""

    def configure(self, line: str) -> str:
        if line.startswith("commit timer "):
            self.box.arm()
            self.box.change(deepcopy(self.target))
            self.mode = self.section = ""
            return ""
        return super().configure(line)


class XrSession(CiscoLike):
    """A login to IOS XR, which changes a candidate configuration and commits it, for a trial too."""

    headers = ("ipv4 access-list", "ipv6 access-list")
    hooks = ("ipv4 access-group", "ipv6 access-group")
    overwrites = True
    end = "end"
    asked = False
    trial = False

    @property
    def prompt(self) -> str:
        if self.asked:
            return "Uncommitted changes found, commit them before exiting(yes/no/cancel)? [cancel]:"
        return f"RP/0/RP0/CPU0:{super().prompt}"

    @property
    def short_name(self) -> str:
        return self.box.shown_name[:17]

    def show(self, line: str) -> str:
        return f"Mon Mar  2 09:20:01.123 UTC\n{super().show(line)}"

    def command(self, line: str) -> str:
        if line not in ("configure exclusive", "configure terminal"):
            return INVALID
        if not self.lock():
            return f"% Failed to lock target configuration: {self.box.locked}"
        self.trial = False
        return self.begin(deepcopy(self.box.running))

    def obey(self, line: str) -> str:
        if self.asked:
            self.asked = False
            return self.leave() if line == "no" else ""
        if self.mode and line == "end":
            self.asked = self.target != self.box.running
            return "" if self.asked else self.leave()
        return super().obey(line)

    def route_of_family(self, line: str) -> str:
        """Carry out a command such as router static address-family ipv4 unicast 10.1.0.0/16 10.2.0.1."""
        words = line.removeprefix("no ").split()
        family, route = " ".join(words[2:5]), " ".join(words[5:])
        lines = self.target.setdefault("router static", [])
        at = lines.index(family) if family in lines else len(lines)
        own = list(takewhile(lambda one: one.startswith(" "), lines[at + 1 :]))
        others = [*lines[:at], *lines[at + 1 + len(own) :]]
        if line.startswith("no "):
            kept = [one for one in own if not f"{one} ".startswith(f" {route} ")]
            if kept == own:
                return "% Not found"
        else:
            kept = [*own, f" {route}"]
        self.target["router static"] = [*others, *([family, *sorted(kept)] if kept else [])]
        if not self.target["router static"]:
            del self.target["router static"]
        return ""

    def leave(self) -> str:
        self.mode = self.section = ""
        self.hang_up()
        return ""

    def configure(self, line: str) -> str:
        if line.startswith("commit"):
            if line != "commit":
                self.box.arm()
                self.trial = True
            elif self.box.undo is None and (self.trial or self.target == self.box.running):
                return "% No configuration changes to commit"
            else:
                self.box.undo = None
            self.section = ""
            self.box.change(deepcopy(self.target))
            self.box.startup = deepcopy(self.target) if self.box.undo is None else self.box.startup
            return ""
        if line.removeprefix("no ").startswith("router static "):
            return self.route_of_family(line)
        return super().configure(line)


TERM = re.compile(r"set firewall family \S+ filter \S+ term \S+")  # keeps its place when it is emptied


class Candidate(Session):
    """The common part of Junos and VyOS: a candidate configuration that is committed as a whole."""

    end = ""  # of the prompt outside configuration mode

    def __init__(self, box: Box) -> None:
        super().__init__(box)
        self.lines, self.terms = list[str](), list[str]()
        self.copy()

    def copy(self) -> None:
        """Make the candidate a copy of what runs."""
        self.lines = list(self.box.running[""])
        self.terms = list(dict.fromkeys(found[0] for line in self.lines if (found := TERM.match(line))))

    @property
    def prompt(self) -> str:
        return f"[edit]\nops@{self.box.shown_name}# " if self.mode else f"ops@{self.box.shown_name}{self.end}"

    def printed(self, sections: Sections) -> str:
        return "\n".join(sections[""])

    def edit(self, line: str) -> str:
        verb, _, rest = line.partition(" ")
        wanted = f"set {rest}"
        if verb == "set":
            self.lines += [] if wanted in self.lines else [wanted]
        elif verb == "delete" and any(one == wanted or one.startswith(f"{wanted} ") for one in self.lines):
            self.lines = [one for one in self.lines if one != wanted and not one.startswith(f"{wanted} ")]
            self.terms = [one for one in self.terms if one != wanted and not one.startswith(f"{wanted} ")]
        elif verb == "activate" and f"deactivate {rest}" in self.lines:
            self.lines.remove(f"deactivate {rest}")
        else:
            return self.refusal
        self.terms += [found[0] for one in self.lines if (found := TERM.match(one)) and found[0] not in self.terms]
        self.lines.sort(key=self.place)
        return ""

    def place(self, line: str) -> int:
        """Return where a line stands: those of terms in the order of these, first."""
        found = TERM.match(line)
        return self.terms.index(found[0]) if found else len(self.terms)

    refusal = ""

    def commit(self) -> None:
        self.box.change({"": list(self.lines)})


VERSION = "set version 23.4R1.10"


class JunosSession(Candidate):
    """A login to Junos."""

    end = "> "
    trial = False

    def printed(self, sections: Sections) -> str:
        return "\n".join([VERSION, *sections[""]])

    refusal = "warning: statement not found"

    def obey(self, line: str) -> str:
        if line.startswith("set cli "):
            what = line.split()[2]
            said = {"screen-width": "Screen width set to 511", "screen-length": "Screen length set to 0"}
            return said.get(what, "Disabling complete-on-space")
        if self.mode:
            return self.configure(line)
        if line.startswith("configure"):
            if line == "configure exclusive" and not self.lock():
                return f"error: configuration database locked by:\n  {self.box.locked}\n      exclusive [edit]"
            self.mode, self.trial = "config", False
            self.copy()
            return "Entering configuration mode\n"
        if line == "show configuration | display set":
            return self.printed(self.box.running)
        if line == "exit":
            self.over = True
            return ""
        return "unknown command."

    def configure(self, line: str) -> str:
        if line.startswith("commit confirmed "):
            self.box.arm()
            self.commit()
            self.trial = True
            return "commit confirmed will be automatically rolled back in 5 minutes unless confirmed\ncommit complete"
        if line == "commit":
            if self.trial and self.box.undo is None:
                self.copy()  # the device went back, with the candidate
            self.box.undo = None
            self.commit()
            self.box.startup = deepcopy(self.box.running)
            return "commit complete"
        if line == "rollback 1" and self.box.undo is not None:
            self.lines = list(self.box.undo[""])
            return "load complete"
        if line in ("exit configuration-mode", "exit"):
            self.mode = ""
            self.hang_up()
            return "Exiting configuration mode"
        return self.edit(line)


class VyosSession(Candidate):
    """A login to VyOS, which quotes values and saves its configuration as blocks."""

    end = ":~$ "
    refusal = "Nothing to delete (the specified value does not exist)"

    def obey(self, line: str) -> str:
        if self.mode == "asked":
            self.mode = "config"
            self.box.arm()
            self.commit()
            return "Initialized commit-confirm; 5 minutes to confirm before reboot"
        if self.mode:
            return self.configure(line)
        if line == "configure":
            self.mode = "config"
            self.copy()
            return ""
        if line == "show configuration commands":
            return self.printed(self.box.running)
        if line == "cat /config/config.boot":
            return "\n".join(blocks([one.split()[1:] for one in self.box.startup[""]]))
        if line == "exit":
            self.over = True
        return "" if line.startswith("set terminal") or self.over else f"  Invalid command: [{line}]"

    def printed(self, sections: Sections) -> str:
        return "\n".join(re.sub(r"([^\s']+)$", r"'\1'", one) for one in sections[""])

    @property
    def prompt(self) -> str:
        return "Proceed ? [Y/n] " if self.mode == "asked" else super().prompt

    def configure(self, line: str) -> str:
        if line.startswith("commit-confirm "):
            self.mode = "asked"
            return "commit-confirm will automatically reboot in 5 minutes unless changes are confirmed."
        if line == "commit":
            self.commit()
        elif line == "confirm":
            self.box.undo = None
        elif line == "save":
            self.box.startup = deepcopy(self.box.running)
            return "Saving configuration to '/config/config.boot'...\nDone"
        elif line in ("exit", "exit discard"):
            self.mode = ""
            return "exit"
        else:
            return self.edit(line)
        return ""


TAGS = ("rule", "name", "ethernet", "route", "route6")  # nodes whose name is part of the line that opens them


def blocks(paths: list[list[str]], depth: int = 0) -> list[str]:
    """Return paths in the format of VyOS' config.boot."""
    lines: list[str] = []
    while paths:
        first = paths[0][0]
        own, paths = [p for p in paths if p[0] == first], [p for p in paths if p[0] != first]
        pad = " " * 4 * depth
        if len(own) == 1 and len(own[0]) == 2:
            lines.append(f'{pad}{first} "{own[0][1]}"')
            continue
        names = dict.fromkeys(p[1] for p in own) if first in TAGS else {"": None}
        for name in names:
            below = [p[2:] for p in own if p[1] == name] if name else [p[1:] for p in own]
            lines += [f"{pad}{first} {name} {{" if name else f"{pad}{first} {{", *blocks(below, depth + 1), f"{pad}}}"]
    return lines


KINDS: dict[str, type[Session]] = {
    "cisco_ios": IosSession,
    "cisco_xe": IosSession,
    "cisco_xr": XrSession,
    "cisco_nxos": NxosSession,
    "arista_eos": EosSession,
    "juniper_junos": JunosSession,
    "vyos": VyosSession,
}


def load(platform: str, text: str) -> Box:
    """Return a device whose configuration is a text as it prints it."""
    if platform in ("juniper_junos", "vyos"):
        return Box(
            platform,
            {"": re.sub(r"'(\S*)'$", r"\1", text, flags=re.MULTILINE).removeprefix(VERSION).strip().splitlines()},
        )
    sections, lines, session, head, banner = Sections(), iter(text.splitlines()), KINDS[platform], "", ""
    assert issubclass(session, CiscoLike)
    for line in lines:
        if line.startswith("banner "):
            banner, ending = line, line.split()[2:] or ["EOF"]
            while not banner.endswith(f"\n{ending[0]}"):
                banner += f"\n{next(lines)}"
        elif line.startswith(" "):
            sections[head].append(" ".join(line.split()))
        elif line and not line.startswith(("!", "end", "Building ", "Current ", "version ", "hostname ")):
            head = line
            sections[head] = []
    for head, below in sections.items():
        if head.startswith(session.headers):
            sections[head] = [stored(line, number, head) for number, line in enumerate(below, 1)]
    return Box(platform, sections, banner=banner)


def stored(line: str, number: int, head: str) -> str:
    """Return an entry of a list as a device keeps it, with a number."""
    bare = re.sub(r"\S+:\S*", lambda found: found[0].lower(), line.replace("eq https", "eq 443"))
    if re.match(r"(sequence )?\d", bare):
        return bare
    return f"sequence {10 * number} {bare}" if head.startswith("ipv6") else f"{10 * number} {bare}"


def typed(box: Box, lines: Sequence[str]) -> None:
    """Type lines in configuration mode, without SSH; the device must refuse none."""
    session = box.session()
    if isinstance(session, CiscoLike):
        session.begin(box.running)
    for line in lines:
        said = session.configure(line.strip())
        assert not said, (line, said)
    if isinstance(session, Candidate):
        box.running = {"": session.lines}
