"""Making a bundle: what an inventory needs, collected by each tool's own means on a machine with internet."""
