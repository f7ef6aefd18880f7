"""What one host should hold: one module a concern."""

# The module that defines each section of settings. A fleet imports only those whose sections it writes; one that is
# missing here is found too, if a concern's own module defines it, by importing all.
SECTIONS = {
    "access": "access",
    "access_list": "devices.settings",
    "backup": "backup.settings",
    "bundle": "bundle.settings",
    "cluster": "cluster.settings",
    "containerd": "containerd.settings",
    "docker": "docker.settings",
    "firewall": "firewall.settings",
    "first_boot": "first_boot.settings",
    "harbor": "harbor.settings",
    "harbor_system": "registry.system.settings",
    "images": "images.settings",
    "images_in_use": "images_in_use.settings",
    "logins": "registry.given_logins",
    "maintenance": "maintenance.settings",
    "mirrors": "mirrors.settings",
    "names": "names",
    "node": "cluster.node",
    "pki": "pki.settings",
    "podman": "podman.settings",
    "preflight": "preflight.settings",
    "projects": "registry.project.settings",
    "pull_secrets": "pull_secrets.settings",
    "registry": "facts",
    "routes": "routes.settings",
    "upstreams": "images.settings",
    "watch": "watched.settings",
    "workloads": "workload.settings",
}
