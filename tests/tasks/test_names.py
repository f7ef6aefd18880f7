"""The block in a hosts file: what it holds, what it replaces, and that other people's lines stay as they are."""

import re
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moor.tasks.names.block import BEGIN, END, NOTE, with_block, without_block

NAMES = {
    "registry.moor.test": (ip_address("10.77.0.11"), ip_address("fd00::11")),
    "registry": (ip_address("10.77.0.11"), ip_address("fd00::11")),
    "other.moor.test": (ip_address("fd00::1"),),
}
REGISTRY = "10.77.0.11 registry.moor.test registry\nfd00::11 registry.moor.test registry\n"
BLOCK = f"{BEGIN}\n{NOTE}\n{REGISTRY}fd00::1 other.moor.test\n{END}\n"
LINE = st.one_of(
    st.text(st.characters(exclude_characters="\n", exclude_categories=[])),
    st.sampled_from([BEGIN, END, f"  {BEGIN}\r", "10.0.0.9 registry", "10.77.0.11 registry", "::1 registry x # y"]),
    st.builds(
        lambda address, gap, words, tail: address + gap + gap.join(words) + tail,
        st.sampled_from(["10.0.0.1", "10.77.0.11", " fd00::1", "fe80::1%eth0", "garbage", "#10.0.0.1"]),
        st.sampled_from([" ", "\t", "  \t", "\v", "\u00a0"]),
        st.lists(st.sampled_from(["REGISTRY", "registry.moor.test", "xregistry", "registry.moor", "node1"])),
        st.sampled_from(["", "\r", " ", " # registry", "#registry.moor.test"]),
    ),
)
CONTENT = st.builds(lambda lines, end: "\n".join(lines) + end, st.lists(LINE), st.sampled_from(["", "\n", "\r\n"]))


def test_an_absent_or_empty_file_gets_the_block_alone() -> None:
    assert with_block("", NAMES) == BLOCK


def test_the_block_comes_after_other_lines_even_where_the_last_has_no_end() -> None:
    assert with_block("127.0.0.1 localhost", NAMES) == f"127.0.0.1 localhost\n{BLOCK}"


def test_a_block_stays_where_it_stands_and_its_content_is_replaced() -> None:
    old = f"127.0.0.1 localhost\n{BEGIN}\n10.0.0.9 registry.moor.test\n{END}\n10.0.0.1 node1\n"
    assert with_block(old, NAMES) == f"127.0.0.1 localhost\n{BLOCK}10.0.0.1 node1\n"


def test_a_second_block_is_removed() -> None:
    assert with_block(f"{BLOCK}a\n{BLOCK}b\n", NAMES) == f"{BLOCK}a\nb\n"


def test_a_block_that_lost_its_end_swallows_nobodys_lines() -> None:
    assert with_block(f"{BEGIN}\n10.0.0.1 node1\n", NAMES) == f"{BLOCK}10.0.0.1 node1\n"
    assert with_block(f"{BEGIN}\n10.0.0.1 node1\n{BLOCK}", NAMES) == f"{BLOCK}10.0.0.1 node1\n"


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("10.0.0.9 registry.moor.test\n", ""),
        ("10.0.0.9\tregistry.moor.test  harbor1\tregistry # old\n", "10.0.0.9  harbor1 # old\n"),
        ("10.0.0.9 Registry.MOOR.test # was here\n", "# was here\n"),
        ("10.0.0.9 registry harbor1\r\n", "10.0.0.9 harbor1\r\n"),
        ("10.0.0.9 registry\r\n", ""),
        ("127.0.1.1 registry.moor.test registry\n", ""),
        ("fd00::9 registry registry harbor1\n", "fd00::9 harbor1\n"),
    ],
)
def test_an_entry_that_claims_one_of_our_names_for_another_address_loses_that_name(line: str, left: str) -> None:
    assert with_block(line, NAMES) == left + BLOCK


@pytest.mark.parametrize(
    "line",
    [
        "10.77.0.11 registry.moor.test\n",
        "FD00:0::1 other.moor.test\n",
        "# 10.0.0.9 registry.moor.test\n",
        "10.0.0.9 registry.moor.test.evil my-registry # registry.moor.test\n",
        "nonsense registry\n",
        "10.0.0.9\u00a0registry\n",
        "   \t\r\n",
    ],
)
def test_lines_that_do_not_contradict_stay(line: str) -> None:
    assert with_block(line, NAMES) == line + BLOCK


@given(CONTENT)
def test_writing_twice_is_writing_once(content: str) -> None:
    once = with_block(content, NAMES)
    assert with_block(once, NAMES) == once
    assert once.count(BLOCK) == 1


@given(CONTENT)
def test_whoever_looks_a_name_up_finds_its_one_address(content: str) -> None:
    found: dict[str, set[object]] = {}
    for line in with_block(content, NAMES).split("\n"):
        words = [word for word in re.split(r"[ \t\v\f\r]", line.partition("#")[0]) if word]
        for word in words[1:]:
            try:
                found.setdefault(word.lower(), set()).add(ip_address(words[0]))
            except ValueError:
                continue
    for name, addresses in NAMES.items():
        assert found[name] == set(addresses)


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(LINE.filter(lambda line: "registry" not in line.lower() and line.strip() not in (BEGIN, END))))
def test_other_peoples_lines_stay_byte_for_byte(lines: list[str]) -> None:
    content = "".join(f"{line}\n" for line in lines)
    assert with_block(content, NAMES) == content + BLOCK


@given(CONTENT)
def test_a_block_that_is_taken_out_leaves_what_stood_around_it(content: str) -> None:
    bare = without_block(content, NAMES)
    assert without_block(bare, NAMES) == bare
    assert without_block(with_block(content, NAMES), NAMES) in (bare, f"{bare}\n")  # the block's first line began one


@given(CONTENT)
def test_without_a_block_nobody_finds_another_address_than_dns_has(content: str) -> None:
    for line in without_block(content, NAMES).split("\n"):
        words = [word for word in re.split(r"[ \t\v\f\r]", line.partition("#")[0]) if word]
        for name in {word.lower() for word in words[1:]} & set(NAMES):
            try:
                assert ip_address(words[0]) in NAMES[name]
            except ValueError:
                continue
    assert not {BEGIN, END} & {line.strip(" \t\v\f\r") for line in without_block(content, NAMES).split("\n")}
