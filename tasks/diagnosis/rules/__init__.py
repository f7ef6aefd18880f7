"""The layers between a node and an image, and the rules by which a fault of each is told.

``LAYERS`` in chain.py is the order in which a pull meets them; ``RULES`` is every known cause.
"""

from moor.tasks.diagnosis.rules.cluster import CLUSTER_RULES
from moor.tasks.diagnosis.rules.names import NAME_RULES
from moor.tasks.diagnosis.rules.registry import REGISTRY_RULES
from moor.tasks.diagnosis.rules.route import WAY_RULES
from moor.tasks.diagnosis.rules.runtime import RUNTIME_RULES

RULES = (*NAME_RULES, *WAY_RULES, *REGISTRY_RULES, *RUNTIME_RULES, *CLUSTER_RULES)
