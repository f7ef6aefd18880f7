"""A roll-out: a run that goes over its hosts wave by wave, as the command line's words say.

amount    a number of hosts, or a share of them
waves     which hosts take their turn together, and in which order
roll_out  the words of one roll-out, and how it stops
ahead     which hosts will change
windows   when a host may be changed
hooks     commands and notices before and after changes
turn      the turn of some hosts, and the hooks around it
turns     running the stages, wave by wave
"""
