"""The pods of a stateful set by their ordinals, and new ones with their claims; pure."""

from dataclasses import dataclass

from .. import kinds
from ..objects import Object, clone, dig, name_of, namespace_of, owner_reference
from .revisions import LABEL, History
from .snapshot import Snapshot

POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


@dataclass(frozen=True)
class Members:
    """A stateful set with its pods by ordinal, and the names of its current and its newest revision."""

    history: History
    pods: dict[int, Object]
    current: str
    update: str

    @property
    def owner(self) -> Object:
        """Return the stateful set."""
        return self.history.owner

    @property
    def wanted(self) -> range:
        """Return the ordinals of the pods that there should be."""
        start = int(dig(self.owner, "spec", "ordinals", "start") or 0)
        return range(start, start + int(self.owner["spec"]["replicas"]))

    @property
    def ordered(self) -> bool:
        """Return whether one pod after the other is made and deleted."""
        return bool(self.owner["spec"]["podManagementPolicy"] == "OrderedReady")


def members_of(history: History, snapshot: Snapshot) -> Members:
    """Return a stateful set with its pods, also those that are being deleted."""
    update = name_of(history.revisions[-1])
    current = dig(history.owner, "status", "currentRevision") or update
    pods = snapshot.owned(kinds.POD, history.owner)
    return Members(history, {ordinal_of(pod): pod for pod in pods}, current, update)


def ordinal_of(pod: Object) -> int:
    """Return the number at the end of a pod's name."""
    return int(name_of(pod).rpartition("-")[2])


def new_pod(members: Members, ordinal: int) -> Object:
    """Return the pod of an ordinal; below the partition of an update from the current revision, else the newest."""
    owner, strategy = members.owner, members.owner["spec"]["updateStrategy"]
    partition = int(dig(strategy, "rollingUpdate", "partition") or 0)
    keeps = ordinal < members.wanted.start + partition
    revision = members.current if keeps and members.history.template(members.current) else members.update
    template = members.history.template(revision) or clone(owner["spec"]["template"])
    name = f"{name_of(owner)}-{ordinal}"
    metadata = template.get("metadata", {})
    metadata |= {
        "name": name,
        "generateName": f"{name_of(owner)}-",
        "namespace": namespace_of(owner),
        "labels": metadata.get("labels", {}) | {POD_NAME: name, POD_INDEX: str(ordinal), LABEL: revision},
        "ownerReferences": [owner_reference("apps/v1", "StatefulSet", owner)],
    }
    spec = template["spec"] | {"hostname": name}
    spec |= {"subdomain": owner["spec"]["serviceName"]} if owner["spec"].get("serviceName") else {}
    return {"metadata": metadata, "spec": _with_claims(spec, members, ordinal)}


def _with_claims(spec: Object, members: Members, ordinal: int) -> Object:
    """Return a pod's spec with a volume for each claim, instead of a volume of the template of that name."""
    claimed = {
        claim["metadata"]["name"]: {
            "name": claim["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(claim, members.owner, ordinal)},
        }
        for claim in members.owner["spec"].get("volumeClaimTemplates", [])
    }
    others = [volume for volume in spec.get("volumes", []) if volume["name"] not in claimed]
    volumes = [*claimed.values(), *others]
    return spec | ({"volumes": volumes} if volumes else {})


def claim_name(claim: Object, owner: Object, ordinal: int) -> str:
    """Return the name of a pod's own claim."""
    return f"{claim['metadata']['name']}-{name_of(owner)}-{ordinal}"


def new_claims(members: Members, ordinal: int) -> list[Object]:
    """Return the claims of a pod; they outlive it, and the set too unless its retention policy deletes them."""
    owner = members.owner
    policy = dig(owner, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")
    references = [owner_reference("apps/v1", "StatefulSet", owner)] if policy == "Delete" else []
    claims = []
    for template in owner["spec"].get("volumeClaimTemplates", []):
        labels = (dig(template, "metadata", "labels") or {}) | (dig(owner, "spec", "selector", "matchLabels") or {})
        metadata = {"name": claim_name(template, owner, ordinal), "namespace": namespace_of(owner), "labels": labels}
        metadata |= {"ownerReferences": references} if references else {}
        claims.append({"metadata": metadata, "spec": clone(template["spec"])})
    return claims
