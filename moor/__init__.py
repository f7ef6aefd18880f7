"""moor keeps every host of a fleet moored to a private container registry."""
