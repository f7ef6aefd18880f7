"""Messages of kubelet and of container runtimes, and what each means."""
