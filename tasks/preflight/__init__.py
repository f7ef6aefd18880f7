"""What has to be true of hosts and cluster before anything is changed."""
