"""Pulls as a kubelet asks for them: containerd's CRI, over its socket in a lab's host."""

from __future__ import annotations

import grpc  # type: ignore[import-untyped]

from moor_lab.lab import Lab

VERSIONS = ("runtime.v1", "runtime.v1alpha2")  # the second is all that containerd 1.4 knows


def cri_pull(lab: Lab, name: str, image: str, user: str = "", password: str = "") -> str:
    """Pull an image on a host, without a user as a pod without a pull secret; gives what containerd said otherwise.

    References:
        k8s.io/cri-api, api.proto: PullImageRequest, ImageSpec, AuthConfig
    """
    login = _field(1, user.encode()) + _field(2, password.encode())
    request = _field(1, _field(1, image.encode())) + (_field(2, login) if user else b"")
    socket = f"unix:///proc/{lab.machine(name).leader()}/root/run/containerd/containerd.sock"
    with grpc.insecure_channel(socket, options=[("grpc.default_authority", "localhost")]) as channel:
        for version in VERSIONS:
            try:
                channel.unary_unary(f"/{version}.ImageService/PullImage")(request, timeout=90)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNIMPLEMENTED and version != VERSIONS[-1]:
                    continue
                return str(error.details())
            return ""
    raise AssertionError("no version of the CRI")


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a message as protobuf writes it; short ones only."""
    assert len(content) < 128
    return bytes((number << 3 | 2, len(content))) + content
