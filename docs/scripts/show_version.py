"""Ask every device for its version by nornir-netmiko, with moor's host keys and secrets."""

from pathlib import Path

from nornir_netmiko.tasks import netmiko_send_command
from nornir_utils.plugins.functions import print_result

from moor.api import open_site

nr = open_site(Path.cwd())
print_result(nr.run(task=netmiko_send_command, command_string="show version"))
