"""Security contexts of containers, as far as ctr supports them; others are refused.

ctr starts every container with no_new_privs, so that allowPrivilegeEscalation: false holds by itself.

Source  Kubernetes' pkg/kubelet/kuberuntime/security_context.go (verifyRunAsNonRoot), in its words.
"""

from ..objects import Object, dig, name_of, namespace_of, uid_of
from .containerd import Image

UNKNOWN = ("runAsUser", "runAsGroup", "appArmorProfile", "procMount", "seLinuxOptions", "windowsOptions")
CAPABILITIES = tuple(
    f"CAP_{name}"
    for name in (
        *("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP", "SETPCAP"),
        *("NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"),
    )
)
"""The capabilities that ctr gives a container by default."""


class ConfigError(Exception):
    """A container cannot be created as described; the message has the reason."""


def context_of(pod: Object, container: Object) -> Object:
    """Return the security context of the pod, overridden by that of the container."""
    return {**(pod["spec"].get("securityContext") or {}), **(container.get("securityContext") or {})}


def check(pod: Object, container: Object) -> None:
    """Check that the agent supports the pod's security context.

    Raises:
        ConfigError: it does not
    """
    context = context_of(pod, container)
    for field in UNKNOWN:
        if field in context:
            raise ConfigError(f"securityContext.{field} is not known to moor's stand-in")
    if dig(context, "seccompProfile", "type") == "Localhost":
        raise ConfigError("securityContext.seccompProfile of type Localhost is not known to moor's stand-in")


def check_user(pod: Object, container: Object, image: Image) -> None:
    """Check that the image does not run as root if the pod forbids it.

    Raises:
        ConfigError: it does
    """
    if not context_of(pod, container).get("runAsNonRoot"):
        return
    where = f'(pod: "{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})", container: {container["name"]})'
    user = image.user.partition(":")[0]
    if user and not user.isdigit():
        why = f"image has non-numeric user ({user}), cannot verify user is non-root"
        raise ConfigError(f"container has runAsNonRoot and {why} {where}")
    if int(user or 0) == 0:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")


def options(pod: Object, container: Object) -> tuple[str, ...]:
    """Return the options of ctr that confine the container."""
    context = context_of(pod, container)
    dropped, added = (dig(context, "capabilities", how) or [] for how in ("drop", "add"))
    gone = CAPABILITIES if "ALL" in dropped else tuple(f"CAP_{name}" for name in dropped)
    words = [word for name in gone if name.removeprefix("CAP_") not in added for word in ("--cap-drop", name)]
    words += [word for name in added if f"CAP_{name}" not in CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
    return (*words, *(["--seccomp"] if dig(context, "seccompProfile", "type") == "RuntimeDefault" else []))
