"""Known messages about pods: sandbox, admission, scheduling, containers, and what only wraps another message."""

from __future__ import annotations

from moor.tasks.diagnosis.messages.fields import FleetRegistry, MessageFields
from moor.tasks.diagnosis.messages.known_message import KnownMessage

KUBELET = "kubelet"
DESCRIBE = "kubectl describe pod POD names what is missing"


def names_no_request(message: MessageFields, ours: FleetRegistry) -> bool:
    """Return whether a message names nothing that was asked for over the network."""
    return not (message.host or message.address or message.image)


SANDBOX = (
    KnownMessage(
        "sandbox-image", "pod",
        (r"failed to (get|pull) sandbox image", r"sandbox image .*(not found|failed)",
         r"pause image|/pause:[0-9.]+.*failed",
         r"pulling (infra|pause) image"),
        "the pause image, which every pod needs, is not on {host} and cannot be pulled: {image}",
        "let {host} reach its registry, or name one in your own registry as sandbox image (containerd: sandbox or "
        "sandbox_image; CRI-O: pause_image)",
        by="containerd, CRI-O", wraps=True,
    ),
    KnownMessage(
        "sandbox-handler", "pod",
        (r"no runtime for \S+ is configured", r"RuntimeHandler \S+ not supported", r"failed to find runtime handler",
         r"unknown runtime handler"),
        "the pod's RuntimeClass names a runtime that {host} does not have",
        "configure it in the runtime of {host} and restart the runtime, or remove runtimeClassName from the pod",
        by="Kubernetes, RuntimeClass",
    ),
    KnownMessage(
        "sandbox-network", "pod",
        (r"(failed to set ?up|failed to create|error adding|failed to configure) .*\b(network|cni)",
         r"plugin type=.* failed",
         r"NetworkPlugin cni", r"cni plugin not initialized", r"No networks found in", r"failed to find plugin",
         r"network plugin is not ready", r"NetworkPluginNotReady", r"failed to allocate for range",
         r"no IP addresses available",
         r"cni config uninitialized", r"container runtime network not ready"),
        "the cluster's network plugin (CNI) cannot set up the pod's network on {host}",
        "check the network plugin on {host}: kubectl get pods -A -o wide --field-selector spec.nodeName={host}; its "
        "files are in /etc/cni/net.d and /opt/cni/bin",
        by="CNI specification",
    ),
    KnownMessage(
        "pod-command", "pod",
        (r"exec: \S+: (stat \S+|executable file not found|no such file|permission denied)",
         r"executable file not found in \$PATH"),
        "the container's command is not in its image, or may not be executed",
        "correct command and args in the pod's template, or the image", by="runc",
    ),
    KnownMessage(
        "sandbox-runc", "pod",
        (r"OCI runtime create failed", r"runc create failed", r"\bcgroup(s|v2)?\b", r"failed to (create|start) shim",
         r"failed to create containerd task(?!.*exec:)", r"\bcrun:", r"\brunc:"),
        "the runtime of {host} (runc, crun) cannot create the container: often its cgroup driver differs from "
        "kubelet's, or the kernel refuses",
        "set the same cgroup driver for kubelet and runtime on {host} (cgroupDriver: systemd; SystemdCgroup = true), "
        "then restart both",
        by="runc, systemd",
    ),
    KnownMessage(
        "sandbox-slow", "pod",
        (r"sandbox\b.*DeadlineExceeded", r"sandbox\b.*context deadline exceeded",
         r"failed to reserve (sandbox|container) name"),
        "the runtime of {host} did not create the pod's sandbox or container in time: its network plugin (CNI) hangs, "
        "or the runtime or disk is overloaded",
        "run on {host}: uptime; journalctl -u kubelet -u containerd; then check the network plugin: kubectl get pods "
        "-A -o wide --field-selector spec.nodeName={host}",
        by="CRI, RunPodSandbox", when=names_no_request,
    ),
)  # fmt: skip

PODS = (
    KnownMessage(
        "secret-missing", "secret",
        (r"Unable to retrieve some image pull secrets", r"FailedToRetrieveImagePullSecret"),
        "the pod names a pull secret that its namespace does not have",
        "moor apply workload makes those of data.workloads; create any other in the pod's own namespace",
        by=KUBELET,
    ),
    KnownMessage(
        "pod-never", "pod",
        (r"ErrImageNeverPull", r"is not present with pull policy of Never"),
        "the pod must not pull (imagePullPolicy: Never), and {host} does not have {image}, or has it by another pod's "
        "login (from Kubernetes 1.35 on, kubelet uses the same words then)",
        "set imagePullPolicy: IfNotPresent in its template, with a pull secret in imagePullSecrets that may "
        "pull {image}",
        by=KUBELET,
    ),
    KnownMessage(
        "pod-name", "pod",
        (r"InvalidImageName", r"couldn't parse image", r"invalid reference format", r"must be lowercase",
         r"Failed to apply default image tag"),
        "the image's name is invalid",
        "correct the image in the pod's template: lower case, REGISTRY/PROJECT/REPOSITORY:TAG", by=KUBELET,
    ),
    KnownMessage(
        "pod-root", "pod",
        (r"runAsNonRoot and image (will run as root|has non-numeric user)",),
        "the pod must not run as root, and its image runs as root, or as a user that it gives by name",
        "set runAsUser in the pod's securityContext, or give the image a numeric USER", by=KUBELET,
    ),
    KnownMessage(
        "pod-config", "pod",
        (r"CreateContainerConfigError", r"(configmap|secret) \S+ not found", r"couldn't find key"),
        "a ConfigMap, a Secret or a key of one that the pod's template names does not exist",
        "create it; " + DESCRIBE,
        by=KUBELET,
    ),
    KnownMessage(
        "pod-volume", "pod",
        (r"MountVolume\.\w+ failed", r"Unable to attach or mount volumes", r"FailedMount|FailedAttachVolume",
         r"ImageVolumeMountFailed"),
        "a volume of the pod cannot be mounted", DESCRIBE + "; an image volume is pulled as a container's image is",
        by=KUBELET,
    ),
    KnownMessage(
        "service-account", "pod",
        (r"serviceaccount \S+ not found", r"service account \S+ was not found"),
        "the pod's ServiceAccount does not exist in its namespace, so that the cluster makes no pod",
        "create it (kubectl create serviceaccount), or correct serviceAccountName in the template of the pod's owner; "
        "the one called default is made by the cluster's controller manager",
        by="Kubernetes, admission of ServiceAccounts",
    ),
    KnownMessage(
        "pod-refused", "pod",
        (r"violates PodSecurity", r"admission webhook \S+ denied", r"exceeded quota", r"is forbidden:",
         r"FailedCreate\b(?!PodSandBox)"),
        "the cluster's admission refuses the pod",
        "change what the message names in the pod's template, or the namespace's quota or policy", by="Kubernetes, "
        "admission",
    ),
    KnownMessage(
        "pod-evicted", "node",
        (r"low on resource", r"DiskPressure|disk-pressure", r"MemoryPressure|memory-pressure", r"was evicted|Evicted",
         r"FreeDiskSpaceFailed|ImageGCFailed"),
        "{host} has too little disk or memory, and kubelet evicts pods or removes images",
        "run on {host}: df -h; free -h; then crictl rmi --prune, or a larger disk", by=KUBELET,
    ),
    KnownMessage(
        "pod-unscheduled", "pod",
        (r"FailedScheduling", r"nodes are available", r"untolerated taint", r"Insufficient (cpu|memory)"),
        "no node can run the pod", "change the requests, selectors or tolerations that the message names, or add a "
        "node",
        by="Kubernetes, scheduler",
    ),
    KnownMessage(
        "node-lost", "node",
        (r"NodeStatusUnknown", r"Kubelet stopped posting node status", r"node is not ready|NodeNotReady"),
        "the cluster no longer hears from the node's kubelet", "run on {host}: systemctl restart kubelet (on k3s and "
        "RKE2: their own unit)",
        by="Kubernetes, node lifecycle",
    ),
    KnownMessage(
        "node-sick", "node", (r"KubeletNotReady", r"PLEG is not healthy"),
        "kubelet of {host} runs but is not ready", "kubectl describe node {host}; journalctl -u kubelet", by=KUBELET,
    ),
    KnownMessage(
        "pod-memory", "pod", (r"OOMKilled", r"Memory cgroup out of memory"),
        "the container needed more memory than its limit", "raise resources.limits.memory in its template", by="kernel",
    ),
    KnownMessage(
        "pod-crash", "pod",
        (r"CrashLoopBackOff", r"RunContainerError", r"back-off .*restarting failed container", r"StartError"),
        "the pod has its image, but its container keeps ending",
        "kubectl logs --previous POD shows why", by=KUBELET,
    ),
    KnownMessage(
        "pod-unready", "pod", (r"(Readiness|Startup|Liveness) probe (failed|errored)",),
        "the container runs, but its probe fails", "kubectl logs POD; correct the probe's path and port", by=KUBELET,
    ),
    KnownMessage(
        "rollout-unfinished", "pod", (r"ProgressDeadlineExceeded", r"MinimumReplicasUnavailable"),
        "the rollout does not complete: its pods do not become ready", "kubectl describe pod POD, for a pod that "
        "waits: its events show why",
        by="Kubernetes, Deployment",
    ),
)  # fmt: skip

# Messages that only report that something failed; they count where nothing else in the message is known.
WRAPPERS = (
    KnownMessage(
        "sandbox-failed", "pod", (r"FailedCreatePodSandBox", r"Failed to create pod sandbox", r"CreatePodSandboxError"),
        "the sandbox of the pod cannot be created; the message does not say why",
        "run on {host}: journalctl -u kubelet -u containerd, which has the whole message", by=KUBELET,
    ),
    KnownMessage(
        "pod-waiting", "pod", (r"Back-off pulling image", r"ImagePullBackOff"),
        "kubelet waits before it tries again; an earlier event of the pod has the cause",
        "kubectl get events --field-selector reason=Failed shows it", by=KUBELET,
    ),
    KnownMessage(
        "pull-failed", "pull",
        (r"failed to pull and unpack image", r"Failed to pull image", r"initializing source docker://", r"ErrImagePull",
         r"failed to resolve (reference|image)", r"ImageInspectError", r"Failed to inspect image"),
        "the pull of {image} failed; the message does not say why",
        "run on {host}: crictl pull {image}; journalctl -u containerd has the whole message", by="containerd, CRI-O",
    ),
)  # fmt: skip
