"""The APIs behind hosts: Harbor, Kubernetes, name servers."""
