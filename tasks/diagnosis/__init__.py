"""From a node to its pods: each layer of a pull examined, and the cause of a fault named."""
