"""The node agent, kubelet's stand-in: pulls and runs a node's pods with that node's containerd, and reports on them.

Containers share their node's network, and there is no CRI behind them: `ctr` does the work. What a pod asks for and
this agent cannot do, it refuses with CreateContainerConfigError instead of running something else.
"""
