"""Runbooks: in which order, on which groups, how many hosts at once. A site's own runbooks/ is searched first."""
