"""Events about pods and this node; repeated ones are counted."""

import http.client
import logging
import threading
from datetime import datetime
from typing import Literal

from .. import kinds
from ..kinds import Kind
from ..objects import Object, name_of, namespace_of, now, timestamp, uid_of
from .client import Client, Failure

log = logging.getLogger(__name__)

Type = Literal["Normal", "Warning"]


class Events:
    """Recorder of events at the API server; as in Kubernetes, events that it refuses are lost."""

    def __init__(self, client: Client, node: str) -> None:
        self._client = client
        self._node = node
        self._known: dict[tuple[str, str, str], tuple[str, int]] = {}
        self._lock = threading.Lock()

    def tell(self, kind: Kind, obj: Object, type: Type, reason: str, message: str, field: str = "") -> None:
        """Record an event; ``field`` is the part of the object concerned."""
        key, namespace, instant = (uid_of(obj), reason, message), namespace_of(obj) or "default", now()
        try:
            with self._lock:
                name, count = self._known.get(key, ("", 0))
                if name and self._again(namespace, name, count + 1, instant):
                    self._known[key] = (name, count + 1)
                    return
                event = new_event(kind, obj, self._node, type, reason, message, field, instant)
                self._client.create(kinds.EVENT, namespace, event)
                self._known[key] = (name_of(event), 1)
        except (Failure, OSError, http.client.HTTPException) as error:
            log.debug("event %s lost: %s", reason, error)

    def _again(self, namespace: str, name: str, count: int, instant: datetime) -> bool:
        """Increase the count of an existing event; return whether it still exists."""
        try:
            self._client.patch(kinds.EVENT, namespace, name, {"count": count, "lastTimestamp": timestamp(instant)})
        except Failure as failure:
            if failure.code != 404:
                raise
            return False
        return True

    def forget(self, uid: str) -> None:
        """Forget the events of an object that is gone."""
        with self._lock:
            self._known = {key: value for key, value in self._known.items() if key[0] != uid}


def new_event(
    kind: Kind, obj: Object, node: str, type: Type, reason: str, message: str, field: str, instant: datetime
) -> Object:
    """Return the event as a kubelet writes it."""
    target = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": name_of(obj),
        "namespace": namespace_of(obj),
        "resourceVersion": obj["metadata"].get("resourceVersion", ""),
        "uid": uid_of(obj),
    }
    return {
        "metadata": {
            "name": f"{name_of(obj)}.{int(instant.timestamp() * 1e9):x}",
            "namespace": namespace_of(obj) or "default",
        },
        "involvedObject": target | ({"fieldPath": field} if field else {}),
        "count": 1,
        "firstTimestamp": timestamp(instant),
        "lastTimestamp": timestamp(instant),
        "message": message,
        "reason": reason,
        "reportingComponent": "kubelet",
        "reportingInstance": node,
        "source": {"component": "kubelet", "host": node},
        "type": type,
    }
