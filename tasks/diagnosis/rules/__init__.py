"""The layers of a pull, and the rules by which a fault of each is recognised.

``LAYERS`` in layers.py has the order in which a pull meets them; ``RULES`` has every known cause.
"""

from moor.tasks.diagnosis.rules.cluster import CLUSTER_RULES
from moor.tasks.diagnosis.rules.names import NAME_RULES
from moor.tasks.diagnosis.rules.registry import REGISTRY_RULES
from moor.tasks.diagnosis.rules.route import ROUTE_RULES
from moor.tasks.diagnosis.rules.runtime import RUNTIME_RULES

RULES = (*NAME_RULES, *ROUTE_RULES, *REGISTRY_RULES, *RUNTIME_RULES, *CLUSTER_RULES)
