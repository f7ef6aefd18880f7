"""A roll-out: a run that goes over its hosts wave by wave, as the command line's words say.

amount    a number of hosts, or a share of them
waves     which hosts take their turn together, and in which order
roll_out  the words of one roll-out, and how it stops
turns     running the stages, wave by wave
"""
