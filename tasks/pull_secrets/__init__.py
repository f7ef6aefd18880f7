"""Pull secrets in the namespaces of the cluster, and in the ServiceAccounts that pull with them."""
