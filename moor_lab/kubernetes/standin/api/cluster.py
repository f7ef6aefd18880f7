"""The verbs of the API over the store, used by clients and controllers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .. import kinds, managers, schema
from ..errors import bad_request, conflict, invalid, not_found, refused, unsupported_media
from ..kinds import Kind
from ..objects import Object, dig, name_of, namespace_of, now
from ..store import Store
from . import admission, decode, defaults, deletion, lifecycle, patch, pod_defaults, validate
from .configuration import configuration
from .options import BY_CONTROLLERS, Options, WriteResult

FIRST_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Cluster:
    """The objects of the cluster, with defaults, admission, validation and field ownership."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = now) -> None:
        self.store = store
        self.clock = clock
        for name in FIRST_NAMESPACES:
            if not store.find(kinds.NAMESPACE, "", name):
                self.create(kinds.NAMESPACE, "", {"metadata": {"name": name}})

    def create(self, kind: Kind, namespace: str, body: Any, options: Options = BY_CONTROLLERS) -> WriteResult:
        """Store a new object. Raises ApiError: 400, 403, 404 (its namespace), 409, 422."""
        obj, warnings = decode.checked(kind, body, options.strictness)
        obj = lifecycle.prepared(kind, namespace, obj, self.clock())
        with self.store.lock:
            self._check_namespace(kind, namespace, name_of(obj))
            obj = self._complete(kind, obj, None)
            warnings += self._admitted(kind, namespace, obj, new=True)
            obj = managers.update(_node(kind), {}, obj, self._manager(kind, options))
            return WriteResult(self._stored(kind, None, obj, options), True, tuple(warnings))

    def update(
        self, kind: Kind, namespace: str, name: str, body: Any, options: Options = BY_CONTROLLERS
    ) -> WriteResult:
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
        config = configuration(kind, namespace, name, body, options)
        manager = self._manager(kind, options, "Apply")
        with self.store.lock:
            old = self.store.find(kind, namespace, name)
            if old is None:
                return self._create_applied(kind, namespace, config, manager, options)
            version = dig(config, "metadata", "resourceVersion")
            if version and version != old["metadata"]["resourceVersion"]:
                raise conflict(kind, name)
            obj = managers.apply(_node(kind), old, config, manager, options.force)
            obj = self._complete(kind, lifecycle.carried(kind, old, obj, options.subresource), old)
            warnings = self._admitted(kind, namespace, obj, new=False)
            return WriteResult(self._stored(kind, old, obj, options), False, tuple(warnings))

    def _create_applied(
        self, kind: Kind, namespace: str, config: Object, manager: managers.Manager, options: Options
    ) -> WriteResult:
        if options.subresource:
            raise not_found(kind, name_of(config))
        self._check_namespace(kind, namespace, name_of(config))
        obj = managers.apply(_node(kind), {}, config, manager, options.force)
        obj = self._complete(kind, lifecycle.prepared(kind, namespace, obj, self.clock()), None)
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
            quotas = self.store.select(kinds.RESOURCE_QUOTA, namespace)[0]
            present = self.store.select(kind, namespace)[0] if quotas else []
            admission.check(kind, obj, place, present, quotas)
        return admission.warnings(kind, obj, place)

    def delete(self, kind: Kind, namespace: str, name: str, body: Any = None, dry_run: bool = False) -> Object:
        """Delete an object; return it while it is terminating, else a Status. Raises ApiError: 403, 404, 409."""
        with self.store.lock:
            old = self.store.get(kind, namespace, name)
            asked = body or {}
            deletion.check(kind, old, dig(asked, "preconditions") or {})
            marked = deletion.marked(kind, old, asked, self.clock())
            if marked is not None:
                return marked if dry_run else self.store.replace(kind, marked)
            if not dry_run:
                if deletion.propagation(kind, asked) == "Orphan":
                    self._orphan(old)
                self.store.remove(kind, namespace, name)
            return deletion.done(kind, old)

    def _orphan(self, owner: Object) -> None:
        for kind, obj in deletion.orphans(self.store.snapshot(), owner):
            self.store.replace(kind, obj)

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
        obj = self._complete(kind, lifecycle.carried(kind, old, new, options.subresource), old)
        obj = managers.update(_node(kind), old, obj, self._manager(kind, options))
        return self._stored(kind, old, obj, options)

    def _complete(self, kind: Kind, obj: Object, old: Object | None) -> Object:
        """Return the object with defaults, admission and generation. Raises ApiError: 403, 422."""
        obj = defaults.allocated(kind, defaults.with_defaults(kind, obj), old)
        if kind == kinds.POD and old is None:
            obj = self._with_account(obj)
        wrong = validate.causes(kind, obj, old)
        if wrong:
            raise invalid(kind, name_of(obj), wrong)
        return lifecycle.counted(kind, obj, old)

    def _with_account(self, pod: Object) -> Object:
        """Return the pod as its service account completes it; the default account may come later than a pod here."""
        name, namespace = pod_defaults.account_of(pod), namespace_of(pod)
        account = self.store.find(kinds.SERVICE_ACCOUNT, namespace, name)
        if account is None and name != "default":
            why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
            raise refused(kinds.POD, name_of(pod), why)
        return pod_defaults.admit_pod(pod, account)

    def _stored(self, kind: Kind, old: Object | None, obj: Object, options: Options) -> Object:
        if options.dry_run:
            if old is None and self.store.find(kind, namespace_of(obj), name_of(obj)):
                self.store.create(kind, obj)
            return obj
        if old is None:
            return self.store.create(kind, obj)
        if obj["metadata"].get("deletionTimestamp") and not obj["metadata"].get("finalizers") and _is_done(kind, obj):
            return self.store.remove(kind, namespace_of(obj), name_of(obj))
        return self.store.replace(kind, lifecycle.settled(old, obj))

    def _manager(self, kind: Kind, options: Options, operation: managers.Operation = "Update") -> managers.Manager:
        return managers.Manager(
            options.manager or "unknown", operation, kind.api_version, options.subresource, time=self.clock()
        )


def _node(kind: Kind) -> Object:
    return schema.definition(kind.definition)


def _is_done(kind: Kind, obj: Object) -> bool:
    """Return whether an object that is being deleted waits only for its finalizers."""
    return kind not in (kinds.POD, kinds.NAMESPACE)
