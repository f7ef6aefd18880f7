"""Hosts' own firewalls, in the dialect of what each host runs."""
