"""Would a packet pass: routes, filters and verdicts as values; no host is asked here.

space       flows as boxes of numbers
rules       filters as rules, of which the first that matches decides
difference  the flows about which two filters disagree
words       flows in words
device      a network device: interfaces, routes, filters
syntax/     the configurations of devices, parsed
"""
