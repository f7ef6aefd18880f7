"""Writing a new site: from answers, from what other tools already know of a fleet, or from an example."""
