"""Messages of kubelet and container runtimes, each with its cause and remedy."""
