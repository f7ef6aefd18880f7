"""What a node, the cluster and the registry are asked, and their answers as fields."""
