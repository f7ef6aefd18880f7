"""The proxy of a host's programs: container runtimes, package managers, and the environment of logins."""
