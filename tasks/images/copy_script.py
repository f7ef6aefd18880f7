"""The sh that copies images from a registry or an archive, by skopeo, or by regctl where only that is installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote

from moor.resources.base import literal
from moor.tasks.attached import Attached

CUT = "moor-configuration"  # the line between a manifest and a configuration

# Tools that copy; the functions have the same arguments for both. skopeo wants a policy, which not every system has.
TOOLS = """\
PATH=$PATH:/usr/local/bin
[ -e /etc/containers/policy.json ] || [ -e "${HOME:-/root}/.config/containers/policy.json" ] || {
  printf '%s' '{"default": [{"type": "insecureAcceptAnything"}]}' > "$w/policy.json"; }
policy=; [ ! -e "$w/policy.json" ] || policy="--policy $w/policy.json"
if command -v skopeo >/dev/null 2>&1; then
  moor_from() { echo "--src-authfile $w/$1/config.json --src-cert-dir $w/$1/certs"; }
  moor_copy() { # SIDE FROM TO: whole, with its digests, to the registry
    skopeo $policy copy --all --preserve-digests --retry-times 2 $(moor_from "$1") \\
      --dest-authfile "$w/ours/config.json" --dest-cert-dir "$w/ours/certs" "docker://$2" "docker://$3" >"$w/copied"
  }
  moor_raw() { skopeo $policy inspect --raw --authfile "$w/$1/config.json" --cert-dir "$w/$1/certs" "docker://$2"; }
  moor_config() {
    skopeo $policy inspect --raw --config --authfile "$w/$1/config.json" --cert-dir "$w/$1/certs" "docker://$2"
  }
  moor_put_list() { # FILE TO
    mkdir "$w/list" && cp "$1" "$w/list/manifest.json" && echo 'Directory Transport Version: 1.1' > "$w/list/version" &&
    skopeo $policy copy --multi-arch index-only --preserve-digests --dest-authfile "$w/ours/config.json" \\
      --dest-cert-dir "$w/ours/certs" "dir:$w/list" "docker://$2" >"$w/copied"
  }
elif command -v regctl >/dev/null 2>&1; then
  moor_regctl() { DOCKER_CONFIG="$w/all" SSL_CERT_FILE="$w/all/bundle" regctl "$@"; }
  moor_copy() { moor_regctl image copy "$2" "$3" >"$w/copied"; }
  moor_raw() { moor_regctl manifest get --format raw-body "$2"; }
  moor_config() { moor_regctl image inspect "$2"; }
  moor_put_list() { moor_regctl manifest put --content-type application/vnd.oci.image.index.v1+json "$2" <"$1"; }
else echo 'neither skopeo nor regctl is installed' >&2; exit 1; fi"""


def copy_image(side: str, source: str, target: str) -> str:
    """Return sh that copies an image by its digest, with everything in it."""
    return f"{TOOLS}\nmoor_copy {side} {quote(source)} {quote(target)}"


def read_manifest(side: str, source: str) -> str:
    """Return sh that prints a manifest; that of one platform is followed by a line and the image's configuration."""
    return f"""\
{TOOLS}
moor_raw {side} {quote(source)} > "$w/raw" || exit 1
cat "$w/raw"
case $(tr -d ' \\t\\r\\n' < "$w/raw") in
  *'"manifests":['*) ;;
  *) printf '\\n%s\\n' {CUT}; moor_config {side} {quote(source)} ;;
esac"""


def copy_platforms(side: str, source: str, target: str, digests: Sequence[str], content: str) -> str:
    """Return sh that copies manifests by their digests, then the list of them under the image's name.

    Args:
        source: HOST/REPOSITORY upstream
        content: the list
    """
    repository = target.rpartition(":")[0]
    each = "\n".join(
        f"moor_copy {side} {quote(f'{source}@{digest}')} {quote(f'{repository}@{digest}')} || exit 1"
        for digest in digests
    )
    return f'{TOOLS}\n{each}\n{literal(content)} > "$w/made"\nmoor_put_list "$w/made" {quote(target)}'


def copy_archive(transport: str, path: str, images: Mapping[str, str]) -> str:
    """Return sh that copies images out of an archive on the host; those of Docker's have no digests to keep.

    Args:
        images: the references in our registry, by their names in the archive
    """
    keep = "" if transport == "docker-archive" else "--preserve-digests"
    sources = {":".join(filter(None, (transport, path, name))): target for name, target in images.items()}
    each = "\n".join(
        f'skopeo $policy copy --all {keep} --dest-authfile "$w/ours/config.json" --dest-cert-dir "$w/ours/certs" \\\n'
        f'  {quote(source)} {quote(f"docker://{target}")} >"$w/copied" || exit 1'
        for source, target in sources.items()
    )
    return f"""\
{TOOLS}
command -v skopeo >/dev/null 2>&1 || {{ echo 'skopeo is not installed, which archives need' >&2; exit 1; }}
{each}"""


def verify_signature(image: str, key: str, *, log: bool) -> str:
    """Return sh that has cosign verify an image's signature by a public key.

    Args:
        key: PEM
        log: whether it must be in a transparency log
    """
    options = "" if log else "--private-infrastructure=true"
    return f"""\
{literal(key)} > "$w/key.pub"
DOCKER_CONFIG="$w/all" SSL_CERT_FILE="$w/all/bundle" cosign verify --key "$w/key.pub" {options} {quote(image)} \\
  >"$w/verified" 2>"$w/said" || {{ tail -n 3 "$w/said" >&2; exit 3; }}"""


def copy_attached(side: str, source: str, target: str, attached: Iterable[Attached]) -> str:
    """Return sh that copies what is attached to an image, after the image was copied.

    Args:
        source: HOST/REPOSITORY upstream
        target: the repository in our registry
    """
    return "\n".join(
        f"moor_copy {side} {quote(f'{source}@{one.digest}')} {quote(f'{target}{one.reference}')} || exit 1"
        for one in attached
    )
