"""Evidence: what nodes, the cluster and the registry are asked, and their answers as fields."""
