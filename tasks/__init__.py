"""What one host should hold: one module a concern."""

# The module that defines each section of settings: a concern, or one inside of it. A fleet imports only those whose
# sections it writes; one that is missing here is found too, by importing all.
SECTIONS = {
    "access": "access",
    "access_list": "devices",
    "backup": "backup",
    "bundle": "bundle",
    "cluster": "cluster",
    "containerd": "containerd",
    "docker": "docker",
    "firewall": "firewall",
    "harbor": "harbor",
    "harbor_system": "registry.system.settings",  # by itself, since few fleets have it
    "images": "images",
    "images_in_use": "images_in_use",
    "logins": "registry",
    "mirrors": "mirrors",
    "names": "names",
    "node": "cluster",
    "pki": "pki",
    "podman": "podman",
    "preflight": "preflight",
    "projects": "registry",
    "pull_secrets": "pull_secrets",
    "registry": "facts",
    "upstreams": "images",
    "watch": "watched",
    "workloads": "workload",
}
