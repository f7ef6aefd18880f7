"""What one host should hold: one module a concern."""

# The concern that defines each section of settings. A fleet imports only the concerns of the sections that it writes;
# one that is missing here is found too, by importing all.
SECTIONS = {
    "access": "access",
    "access_list": "devices",
    "backup": "backup",
    "cluster": "cluster",
    "containerd": "containerd",
    "docker": "docker",
    "firewall": "firewall",
    "harbor": "harbor",
    "harbor_system": "registry",
    "images": "images",
    "logins": "registry",
    "names": "names",
    "node": "cluster",
    "pki": "pki",
    "podman": "podman",
    "preflight": "preflight",
    "projects": "registry",
    "registry": "facts",
    "watch": "watched",
    "workloads": "workload",
}
