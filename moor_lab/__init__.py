"""A whole fleet on one machine: real Debian hosts in namespaces, with stand-ins for what Debian does not package."""
