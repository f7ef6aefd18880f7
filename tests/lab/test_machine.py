"""What the lab needs of the machine and changes on it, tried on files of our own."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError, MoorError
from moor_lab import images
from moor_lab.cgroups import cgroup2_root
from moor_lab.fleet import load_fleet
from moor_lab.images import Recipe, mmdebstrap_argv, recipe_of
from moor_lab.keys import known_hosts, make_keypair, make_password
from moor_lab.limits import WANTED, raise_limits, restore_limits
from moor_lab.machine import check_machine, check_network, locked, run
from moor_lab.network import ULA_BITS, address6, link_name, mac_of


@pytest.fixture
def proc_sys(tmp_path: Path) -> Path:
    """Return a /proc/sys with Debian's limits, of a kernel without one of them."""
    root = tmp_path / "sys"
    for name in list(WANTED)[:-1]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("128\n")
    return root


def _limits(proc_sys: Path) -> set[str]:
    return {(proc_sys / name).read_text().strip() for name in WANTED if (proc_sys / name).exists()}


def test_limits_are_put_back_by_the_last_lab_down(tmp_path: Path, proc_sys: Path) -> None:
    for lab in ("a", "b"):
        raise_limits(lab, tmp_path / "run", proc_sys)
    assert (proc_sys / "fs/inotify/max_user_instances").read_text() == "65536"
    restore_limits("a", tmp_path / "run", proc_sys)
    assert (proc_sys / "fs/inotify/max_user_instances").read_text() == "65536"
    restore_limits("b", tmp_path / "run", proc_sys)
    assert _limits(proc_sys) == {"128"}
    assert list((tmp_path / "run").iterdir()) == []


def test_limits_of_a_killed_lab_are_put_back_by_its_next_down(tmp_path: Path, proc_sys: Path) -> None:
    raise_limits("a", tmp_path / "run", proc_sys)
    raise_limits("a", tmp_path / "run", proc_sys)
    restore_limits("a", tmp_path / "run", proc_sys)
    assert _limits(proc_sys) == {"128"}


def test_a_limit_that_is_high_enough_or_set_by_another_is_left_alone(tmp_path: Path, proc_sys: Path) -> None:
    (proc_sys / "kernel/pty/max").write_text("99999\n")
    raise_limits("a", tmp_path / "run", proc_sys)
    (proc_sys / "kernel/keys/maxkeys").write_text("77777")
    restore_limits("a", tmp_path / "run", proc_sys)
    assert _limits(proc_sys) == {"128", "99999", "77777"}


def test_restoring_what_was_never_raised_does_nothing(tmp_path: Path, proc_sys: Path) -> None:
    restore_limits("a", tmp_path / "run", proc_sys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("mounts", "place"),
    [
        ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "/sys/fs/cgroup"),
        ("cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", "unified"),
        ("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", None),
    ],
)
def test_cgroup2_is_found_on_pure_and_hybrid_machines(mounts: str, place: str | None) -> None:
    found = cgroup2_root(mounts)
    assert found is None if place is None else str(found).endswith(place)


def test_a_machine_without_cgroup2_or_programs_is_told_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError) as refused:
        check_machine(tmp_path, None)
    told = str(refused.value)
    assert "root" in told or ("apt-get install dpkg iproute2 mmdebstrap" in told and "no cgroup2" in told)


def test_a_network_that_the_machine_is_on_already_is_refused() -> None:
    routes = [{"dst": "default", "dev": "eth0"}, {"dst": "10.0.0.0/8", "dev": "tun0"}, {"dst": "10.1.2.3", "dev": "x"}]
    check_network(IPv4Network("192.168.0.0/16"), routes)
    with pytest.raises(InputError, match=r"10\.77\.0\.0/16 is in use on this machine \(10\.0\.0\.0/8 on tun0\)"):
        check_network(IPv4Network("10.77.0.0/16"), routes)


def test_a_program_that_fails_or_lacks_is_told_with_what_it_said() -> None:
    with pytest.raises(MoorError, match=r"lab: sh -c .* failed \(3\): oh no"):
        run("sh", "-c", "echo oh no >&2; exit 3")
    with pytest.raises(MoorError, match="no-such-tool is missing; apt-get install no-such-tool"):
        run("no-such-tool")
    with pytest.raises(MoorError, match="sleep did not end within 0 s"):
        run("sleep", "5", timeout_s=0.1)


def test_a_lock_is_held_by_one_at_a_time_and_leaves_no_file(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(50):
            with locked(tmp_path / "run" / "lock"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert list((tmp_path / "run").iterdir()) == []


def test_hosts_share_an_image_where_their_recipes_are_equal() -> None:
    hosts = load_fleet().hosts
    recipes = {recipe_of(host) for host in hosts.values()}
    assert {(recipe.suite, recipe.kind) for recipe in recipes} == {
        ("trixie", "bare"),
        ("trixie", "node"),
        ("bookworm", "node"),
    }
    assert recipe_of(hosts["harbor1"].model_copy(update={"profile": "light"})) == recipe_of(hosts["ws1"])
    one, other = (hosts["ws1"].model_copy(update={"packages": names}) for names in (("ufw", "knot"), ("knot", "ufw")))
    assert recipe_of(one) == recipe_of(other) != recipe_of(hosts["ws1"])


def test_an_image_is_named_after_what_it_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe("trixie", "bare", ("sudo",))
    assert recipe.key == Recipe("trixie", "bare", ("sudo",)).key
    assert recipe.key != Recipe("trixie", "bare", ("sudo", "curl")).key
    assert recipe.key != Recipe("trixie", "bare", ("sudo",), ("curl",)).key
    assert recipe.key != Recipe("trixie", "bare", ("sudo",), (), ("curl",)).key
    former = recipe.key
    (tmp_path / "customize.sh").write_text("other")
    monkeypatch.setattr(images, "CUSTOMIZE", tmp_path / "customize.sh")
    assert recipe.key != former


def test_mmdebstrap_is_told_suite_packages_and_mirror() -> None:
    recipe = Recipe("trixie", "bare", ("sudo", "curl"), ("docker.io",), ("knot", "ufw"))
    argv = mmdebstrap_argv(recipe, Path("/x"), "http://mirror")
    assert argv[-3:] == ["trixie", "/x", "http://mirror"]
    assert "--include=sudo,curl" in argv
    assert next(word for word in argv if "hook" in word).endswith("\"$1\" 'knot ufw' docker.io")


def test_a_build_that_fails_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "mmdebstrap").write_text("#!/bin/sh\necho 'E: no such suite' >&2\nexit 1\n")
    (tools / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin")
    cache = tmp_path / "cache"
    (cache / "building-old").mkdir(parents=True)
    with pytest.raises(MoorError, match="the image trixie bare could not be built: E: no such suite"):
        images.build_image(Recipe("trixie", "bare", ("sudo",)), cache, lambda _message: None)
    assert [path.name for path in cache.iterdir()] == ["building-old"]


def test_names_of_links_and_macs_fit_the_kernel_and_differ() -> None:
    addresses = [IPv4Address(f"10.77.{third}.{fourth}") for third in (0, 9, 255) for fourth in (3, 254)]
    assert len({link_name(address) for address in addresses}) == len(addresses)
    assert all(len(link_name(address)) <= 15 for address in addresses)
    assert mac_of(IPv4Address("10.77.0.31")) == "02:6d:0a:4d:00:1f"


@given(st.integers(8, 29), st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_neighbours_by_ipv4_are_neighbours_by_ipv6_and_nobody_else(
    length: int, one: IPv4Address, other: IPv4Address
) -> None:
    ipv6 = IPv6Network((int(address6(one)), ULA_BITS + length), strict=False)
    assert (address6(other) in ipv6) == (other in IPv4Network((one, length), strict=False))
    assert address6(one) in ipv6


def test_a_key_and_a_password_are_made_once_for_their_owner(tmp_path: Path) -> None:
    public = make_keypair(tmp_path / "etc/key", "host")
    make_password(tmp_path / "secrets/one")
    password = (tmp_path / "secrets/one").read_text()
    make_password(tmp_path / "secrets/one")
    assert make_keypair(tmp_path / "etc/key", "host") == public
    assert (tmp_path / "secrets/one").read_text() == password
    assert (tmp_path / "etc/key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets/one").stat().st_mode & 0o777 == 0o600
    assert run("ssh-keygen", "-y", "-f", tmp_path / "etc/key").split()[:2] == public.split()[:2]
    assert known_hosts([("a", "10.0.0.1", public)]) == (f"a,10.0.0.1 {' '.join(public.split()[:2])}\n")
