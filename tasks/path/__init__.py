"""What ``moor path`` reads: hosts with their routes and firewalls, devices with their lists; nothing is changed.

host_facts   the one script for a host, and its answer
planned      a host's firewall once the plan is made
read         the tasks
examine      the answer for some hosts
"""
