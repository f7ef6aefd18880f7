"""The layers between a node and an image, and the rules by which a fault of each is told."""
