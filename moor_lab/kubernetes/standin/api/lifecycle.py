"""The identity of objects over their writes: what is new, what is kept, what counts as unchanged; pure."""

import random
import uuid
from datetime import datetime

from .. import kinds
from ..errors import bad_request
from ..kinds import Kind
from ..objects import Object, canonical, clone, timestamp
from .configuration import WRONG_NAMESPACE

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Characters of generated names; without vowels, so that they spell no words."""

GENERATIONS = (
    *(*kinds.WITH_TEMPLATE, kinds.CRON_JOB, kinds.POD),
    *(kinds.DISRUPTION_BUDGET, kinds.INGRESS, kinds.NETWORK_POLICY),
)
"""Kinds whose changes of the spec are counted."""

KEPT_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
OWN_STATUS = (kinds.NODE, kinds.NAMESPACE)
"""Kinds whose status is accepted at creation."""


def prepared(kind: Kind, namespace: str, obj: Object, now: datetime) -> Object:
    """Return a new object with name, uid and creation time. Raises ApiError: 400."""
    metadata: Object = dict(obj.get("metadata", {}))
    if metadata.get("namespace", namespace) != namespace:
        raise bad_request(WRONG_NAMESPACE)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "".join(random.choices(ALPHABET, k=5))  # noqa: S311
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(now)}
    metadata |= {"namespace": namespace} if namespace else {}
    metadata |= {"generation": 1} if kind in GENERATIONS else {}
    metadata.pop("resourceVersion", None)
    kept = {key: value for key, value in obj.items() if key != "status" or kind in OWN_STATUS or not kind.status}
    return kept | {"metadata": metadata}


def carried(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    """Return the new object, with fields that this write may not change from the old one."""
    out = clone(new)
    metadata = old["metadata"] if subresource == "status" else out.setdefault("metadata", {})
    kept = {key: old["metadata"][key] for key in KEPT_METADATA if key in old["metadata"]}
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    fields = out["metadata"].get("managedFields", old["metadata"].get("managedFields", []))
    out["metadata"] = {**metadata, **kept, **version, "managedFields": fields}
    if subresource == "status":
        return {**old, "metadata": out["metadata"], "status": out.get("status", {})}
    if kind.status:
        out.pop("status", None)
        out |= {"status": old["status"]} if "status" in old else {}
    return out


def counted(kind: Kind, obj: Object, old: Object | None) -> Object:
    """Return the object with the next generation if its spec differs from the old one's."""
    if kind in GENERATIONS and old is not None and canonical(obj.get("spec")) != canonical(old.get("spec")):
        obj["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
    return obj


def settled(old: Object, obj: Object) -> Object:
    """Return the old object if only times of managers differ, so that an empty write changes nothing."""
    same = canonical(_timeless(old)) == canonical(_timeless(obj))
    return old if same else obj


def _timeless(obj: Object) -> Object:
    entries = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in obj["metadata"].get("managedFields", [])
    ]
    return obj | {"metadata": obj["metadata"] | {"managedFields": entries}}
