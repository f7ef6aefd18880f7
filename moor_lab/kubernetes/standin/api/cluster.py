"""The verbs of the API over the store, used by clients and controllers."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .. import kinds, managers, schema
from ..errors import ApiError, about, bad_request, conflict, invalid, not_found, refused, status, unsupported_media
from ..kinds import Kind
from ..merge import without_nulls
from ..objects import Object, canonical, clone, dig, name_of, namespace_of, now, timestamp, uid_of
from ..store import Store
from . import admission, decode, defaults, deletion, patch, validate

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Characters of generated names; without vowels, so that they spell no words."""

GENERATIONS = (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.POD)
FIRST_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
KEPT_METADATA = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
OWN_STATUS = (kinds.NODE, kinds.NAMESPACE)
"""Kinds whose status is accepted at creation."""


@dataclass(frozen=True)
class Options:
    """The options of a write; ``strictness`` about unknown fields is Strict, Warn or Ignore."""

    manager: str = "moor-lab-controllers"
    dry_run: bool = False
    force: bool = False
    strictness: str = "Warn"
    subresource: str = ""


@dataclass(frozen=True)
class WriteResult:
    """The result of a write: the object, whether it was created, and warnings."""

    obj: Object
    created: bool = False
    warnings: tuple[str, ...] = ()


class Cluster:
    """The objects of the cluster, with defaults, admission, validation and field ownership."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = now) -> None:
        self.store = store
        self.clock = clock
        for name in FIRST_NAMESPACES:
            if not store.find(kinds.NAMESPACE, "", name):
                self.create(kinds.NAMESPACE, "", {"metadata": {"name": name}})

    def create(self, kind: Kind, namespace: str, body: Any, options: Options = Options()) -> WriteResult:
        """Store a new object. Raises ApiError: 400, 403, 404 (its namespace), 409, 422."""
        obj, warnings = decode.checked(kind, body, options.strictness)
        obj = self._prepared(kind, namespace, obj)
        with self.store.lock:
            self._check_namespace(kind, namespace, name_of(obj))
            obj = self._complete(kind, obj, None)
            warnings += self._admitted(kind, namespace, obj, new=True)
            obj = managers.update(_node(kind), {}, obj, self._manager(kind, options))
            return WriteResult(self._stored(kind, None, obj, options), True, tuple(warnings))

    def update(self, kind: Kind, namespace: str, name: str, body: Any, options: Options = Options()) -> WriteResult:
        """Write an object over the stored one. Raises ApiError: 400, 404, 409, 422."""
        obj, warnings = decode.checked(kind, body, options.strictness)
        if name_of(obj) != name:
            raise bad_request(f"the name of the object ({name_of(obj)}) does not match the name on the URL ({name})")
        with self.store.lock:
            old = self.store.get(kind, namespace, name)
            return WriteResult(self._updated(kind, old, obj, options), False, tuple(warnings))

    def patch(self, kind: Kind, namespace: str, name: str, media: str, body: Any, options: Options) -> WriteResult:
        """Patch an object; a server-side apply creates a missing one. Raises ApiError like update."""
        if media in patch.APPLY:
            return self._apply(kind, namespace, name, body, options)
        if media not in (patch.MERGE, patch.STRATEGIC, patch.JSON):
            raise unsupported_media(media)
        with self.store.lock:
            old = self.store.get(kind, namespace, name)
            changed = patch.patched(media, _node(kind), old, body)
            obj, warnings = decode.checked(kind, changed, options.strictness)
            return WriteResult(self._updated(kind, old, obj, options), False, tuple(warnings))

    def _apply(self, kind: Kind, namespace: str, name: str, body: Any, options: Options) -> WriteResult:
        config = self._configuration(kind, namespace, name, body, options)
        manager = self._manager(kind, options, "Apply")
        with self.store.lock:
            old = self.store.find(kind, namespace, name)
            if old is None:
                return self._create_applied(kind, namespace, config, manager, options)
            version = dig(config, "metadata", "resourceVersion")
            if version and version != old["metadata"]["resourceVersion"]:
                raise conflict(kind, name)
            obj = managers.apply(_node(kind), old, config, manager, options.force)
            obj = self._complete(kind, self._carried(kind, old, obj, options), old)
            warnings = self._admitted(kind, namespace, obj, new=False)
            return WriteResult(self._stored(kind, old, obj, options), False, tuple(warnings))

    def _create_applied(
        self, kind: Kind, namespace: str, config: Object, manager: managers.Manager, options: Options
    ) -> WriteResult:
        if options.subresource:
            raise not_found(kind, name_of(config))
        self._check_namespace(kind, namespace, name_of(config))
        obj = managers.apply(_node(kind), {}, config, manager, options.force)
        obj = self._complete(kind, self._prepared(kind, namespace, obj), None)
        warnings = self._admitted(kind, namespace, obj, new=True)
        return WriteResult(self._stored(kind, None, obj, options), True, tuple(warnings))

    def _admitted(self, kind: Kind, namespace: str, obj: Object, new: bool) -> list[str]:
        """Return the warnings of the namespace's policies.

        Raises:
            ApiError: 403, they refuse a new object
        """
        place = self.store.find(kinds.NAMESPACE, "", namespace) if kind.namespaced else None
        if place is None:
            return []
        if new:
            present = self.store.select(kind, namespace)[0]
            admission.check(kind, obj, place, present, self.store.select(kinds.RESOURCE_QUOTA, namespace)[0])
        return admission.warnings(kind, obj, place)

    def _configuration(self, kind: Kind, namespace: str, name: str, body: Any, options: Options) -> Object:
        """Return the applied configuration, checked and without fields that nobody can own."""
        if not options.manager:
            causes = [validate.required("fieldManager", "is required for apply patch")]
            raise invalid(PATCH_OPTIONS, "", causes)
        config = without_nulls(body)
        if dig(config, "metadata", "managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        unknown = list(schema.unknown_fields(_node(kind), config))
        if unknown:
            where = f"{namespace}/{name}; {kind.api_version}, Kind={kind.kind}"
            why = f".{unknown[0]}: field not declared in schema"
            raise ApiError(500, "", f"failed to create typed patch object ({where}): {why}")
        config, _ = decode.checked(kind, config, "Ignore")
        if name_of(config) not in ("", name):
            raise bad_request(f"the name of the object ({name_of(config)}) does not match the name on the URL ({name})")
        if namespace_of(config) not in ("", namespace):
            raise bad_request(WRONG_NAMESPACE)
        config["metadata"] = config.get("metadata", {}) | {"name": name}
        if kind.namespaced:
            config["metadata"]["namespace"] = namespace
        return {key: value for key, value in config.items() if _is_of(kind, key, options.subresource)}

    def delete(self, kind: Kind, namespace: str, name: str, body: Any = None, dry_run: bool = False) -> Object:
        """Delete an object; return it while it is terminating, else a Status. Raises ApiError: 403, 404, 409."""
        with self.store.lock:
            old = self.store.get(kind, namespace, name)
            asked = body or {}
            deletion.check(kind, old, dig(asked, "preconditions") or {})
            grace = deletion.grace(kind, old, asked.get("gracePeriodSeconds"))
            if grace or dig(old, "metadata", "finalizers") or kind == kinds.NAMESPACE:
                obj = deletion.marked(kind, old, grace, self.clock())
                return obj if dry_run else self.store.replace(kind, obj)
            if not dry_run:
                for owned_kind, obj in deletion.orphans(self.store.snapshot(), old, asked):
                    self.store.replace(owned_kind, obj)
                self.store.remove(kind, namespace, name)
            return status("Success", "", "", about(kind, name) | {"uid": uid_of(old)}, None)

    def _prepared(self, kind: Kind, namespace: str, obj: Object) -> Object:
        """Return a new object with name, uid and creation time."""
        metadata: Object = dict(obj.get("metadata", {}))
        if metadata.get("namespace", namespace) != namespace:
            raise bad_request(WRONG_NAMESPACE)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + "".join(random.choices(ALPHABET, k=5))  # noqa: S311
        metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(self.clock())}
        metadata |= {"namespace": namespace} if namespace else {}
        metadata |= {"generation": 1} if kind in GENERATIONS else {}
        metadata.pop("resourceVersion", None)
        kept = {key: value for key, value in obj.items() if key != "status" or kind in OWN_STATUS or not kind.status}
        return kept | {"metadata": metadata}

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not kind.namespaced:
            return
        found = self.store.get(kinds.NAMESPACE, "", namespace)
        if found["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise refused(kind, name, why)

    def _updated(self, kind: Kind, old: Object, new: Object, options: Options) -> Object:
        version = dig(new, "metadata", "resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise conflict(kind, name_of(old))
        obj = self._complete(kind, self._carried(kind, old, new, options), old)
        obj = managers.update(_node(kind), old, obj, self._manager(kind, options))
        return self._stored(kind, old, obj, options)

    def _carried(self, kind: Kind, old: Object, new: Object, options: Options) -> Object:
        """Return the new object, with fields that this write may not change from the old one."""
        out = clone(new)
        metadata = old["metadata"] if options.subresource == "status" else out.setdefault("metadata", {})
        kept = {key: old["metadata"][key] for key in KEPT_METADATA if key in old["metadata"]}
        version = {"resourceVersion": old["metadata"]["resourceVersion"]}
        fields = out["metadata"].get("managedFields", old["metadata"].get("managedFields", []))
        out["metadata"] = {**metadata, **kept, **version, "managedFields": fields}
        if options.subresource == "status":
            return {**old, "metadata": out["metadata"], "status": out.get("status", {})}
        if kind.status:
            out.pop("status", None)
            out |= {"status": old["status"]} if "status" in old else {}
        return out

    def _complete(self, kind: Kind, obj: Object, old: Object | None) -> Object:
        """Return the object with defaults, admission and generation. Raises ApiError: 422."""
        obj = defaults.with_defaults(kind, obj)
        if kind == kinds.POD and old is None:
            account = obj["spec"].get("serviceAccountName", "default")
            obj = defaults.admit_pod(obj, self.store.find(kinds.SERVICE_ACCOUNT, namespace_of(obj), account))
        wrong = validate.causes(kind, obj, old)
        if wrong:
            raise invalid(kind, name_of(obj), wrong)
        if kind in GENERATIONS and old is not None and canonical(obj["spec"]) != canonical(old["spec"]):
            obj["metadata"]["generation"] = old["metadata"]["generation"] + 1
        return obj

    def _stored(self, kind: Kind, old: Object | None, obj: Object, options: Options) -> Object:
        if options.dry_run:
            if old is None and self.store.find(kind, namespace_of(obj), name_of(obj)):
                self.store.create(kind, obj)
            return obj
        if old is None:
            return self.store.create(kind, obj)
        if obj["metadata"].get("deletionTimestamp") and not obj["metadata"].get("finalizers") and _is_done(kind, obj):
            return self.store.remove(kind, namespace_of(obj), name_of(obj))
        return self.store.replace(kind, _settled(old, obj))

    def _manager(self, kind: Kind, options: Options, operation: managers.Operation = "Update") -> managers.Manager:
        return managers.Manager(
            options.manager or "unknown", operation, kind.api_version, options.subresource, time=self.clock()
        )


WRONG_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"
PATCH_OPTIONS = replace(kinds.CONFIG_MAP, group="meta.k8s.io", kind="PatchOptions")


def _node(kind: Kind) -> Object:
    return schema.definition(kind.definition)


def _is_of(kind: Kind, key: str, subresource: str) -> bool:
    """Return whether a part of an applied configuration counts; ``status`` only does on the status subresource."""
    if subresource == "status":
        return key in ("apiVersion", "kind", "metadata", "status")
    return key != "status" or not kind.status


def _is_done(kind: Kind, obj: Object) -> bool:
    """Return whether an object that is being deleted waits only for its finalizers."""
    return kind not in (kinds.POD, kinds.NAMESPACE)


def _settled(old: Object, obj: Object) -> Object:
    """Return the old object if only times of managers differ, so that an empty write changes nothing."""
    same = canonical(_timeless(old)) == canonical(_timeless(obj))
    return old if same else obj


def _timeless(obj: Object) -> Object:
    entries = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in obj["metadata"].get("managedFields", [])
    ]
    return obj | {"metadata": obj["metadata"] | {"managedFields": entries}}
