"""The node agent, the kubelet's stand-in: pulls images, runs a node's pods with its containerd, reports their status.

Containers share their node's network, and there is no CRI behind them: `ctr` does the work. What a pod asks for and
this agent cannot do, it refuses with CreateContainerConfigError instead of running something else.
"""
