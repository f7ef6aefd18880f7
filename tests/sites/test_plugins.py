"""Plugins of Nornir are found by their names, moor's own without a search."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from nornir.core.exceptions import PluginNotRegistered
from nornir.core.plugins.connections import CONNECTIONS_PLUGIN_PATH, ConnectionPluginRegister
from nornir_netmiko.connections import Netmiko  # type: ignore[import-untyped]

from moor.sites.plugins import CONNECTIONS, register_connections
from tests.test_start import imported

SEARCH = (
    "import importlib.metadata, sys\n"
    "def entry_points(**_): sys.modules['searched'] = sys\n"
    "importlib.metadata.entry_points = entry_points\n"
    "from moor.cli import main\n"
    "main(['plan', 'trust', '--limit', 'nobody'])"
)


def test_moors_own_connections_are_those_that_the_package_declares() -> None:
    declared = {found.name: found.value for found in entry_points(group=CONNECTIONS_PLUGIN_PATH)}
    assert {name: place for name, place in declared.items() if place.startswith("moor.")} == CONNECTIONS


def test_a_connection_of_another_package_is_found_when_it_is_asked_for() -> None:
    register_connections()
    assert isinstance(ConnectionPluginRegister.get_plugin("netmiko")(), Netmiko)
    with pytest.raises(PluginNotRegistered, match="'carrier-pigeon' is not registered"):
        ConnectionPluginRegister.get_plugin("carrier-pigeon")


def test_opening_a_site_reads_the_metadata_of_no_other_package() -> None:
    assert "searched" not in imported(SEARCH)
    assert "searched" in imported(SEARCH.replace("'plan'", "'no-command-of-moor'"))  # which another package may have
