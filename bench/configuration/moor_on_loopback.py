"""The command line of moor, whose registry is on loopback, whatever its address is in the inventory."""

from __future__ import annotations

from nornir.core.plugins.connections import ConnectionPluginRegister

from moor.cli import main
from moor_lab.harbor.loopback import OnLoopback

if __name__ == "__main__":
    ConnectionPluginRegister.available["harbor"] = OnLoopback
    main()
