"""Inventory plugins: hosts from files, from the cluster's nodes and from NetBox."""
