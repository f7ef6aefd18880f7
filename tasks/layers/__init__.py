"""The layers between a node and an image, and the rules by which a fault of each is told.

``LAYERS`` in chain.py is the order in which a pull meets them; ``RULES`` is every known cause.
"""

from tasks.layers.cluster_rules import CLUSTER_RULES
from tasks.layers.name_rules import NAME_RULES
from tasks.layers.registry_rules import REGISTRY_RULES
from tasks.layers.runtime_rules import RUNTIME_RULES
from tasks.layers.way_rules import WAY_RULES

RULES = (*NAME_RULES, *WAY_RULES, *REGISTRY_RULES, *RUNTIME_RULES, *CLUSTER_RULES)
