"""The bare reads of a check: the same two commands by Netmiko, on as many devices at once, and nothing else.

python -m bench.devices.bare DIRECTORY PORT DEVICES THREADS
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from netmiko import ConnectHandler

from bench.devices.contents import PASSWORD, USER, address_of
from bench.devices.server import SHOWN


def main() -> None:
    """Read the configurations of all devices with strict host keys, and print how many there were."""
    directory, port, devices, threads = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    key = (directory / "key").read_text()
    (directory / "known").mkdir(exist_ok=True)

    def read(number: int) -> int:
        # Netmiko reads the whole file at each login, so that one file of all devices would cost more than all else.
        known = directory / "known" / str(number)
        known.write_text(f"[{address_of(number)}]:{port} {key}\n")
        strict = {"ssh_strict": True, "system_host_keys": False, "alt_host_keys": True, "alt_key_file": str(known)}
        with ConnectHandler(
            device_type="cisco_ios",
            host=address_of(number),
            port=port,
            username=USER,
            password=PASSWORD,
            **strict,
        ) as device:
            return len([device.send_command(command, read_timeout=60) for command in SHOWN])

    with ThreadPoolExecutor(threads) as pool:
        print(sum(pool.map(read, range(devices))))


if __name__ == "__main__":
    main()
