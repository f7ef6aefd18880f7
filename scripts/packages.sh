#!/bin/sh
# Installs the Debian packages that moor's demo (or, with "test", also its tests) needs and this machine lacks.
# Changes nothing where none is missing; says in one line why it cannot go on.
set -eu

demo="python3 python3-venv mmdebstrap debian-archive-keyring iproute2 util-linux openssh-client openssl ca-certificates"
tests="age busybox chromium chromium-driver createrepo-c csh dash dnf docker-registry fish gnupg gnutls-bin ignition iptables man-db mandoc nftables nginx-light openssh-server p11-kit p11-kit-modules pass postgresql rpm skopeo sudo zsh"
needed_gib=8
exec 4>&2 # for progress, also where apt's errors are left out

stop() {
    echo "moor: $*" >&2
    exit 1
}

missing() {
    for package; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

free_gib() {
    df --output=avail -BG "$1" | tail -n 1 | tr -dc 0-9
}

# Prints what apt reports on its status descriptor, KIND:PACKAGE:PERCENT:WORDS, every few seconds.
show_status() {
    due=0
    while IFS=: read -r kind package percent words; do
        [ "$(date +%s)" -ge "$due" ] || continue
        due=$(($(date +%s) + 3))
        case $kind in
        dlstatus) echo "moor: downloading, ${percent%.*}%: $words" >&4 ;;
        pmstatus) echo "moor: installing, ${percent%.*}%: $package" >&4 ;;
        esac
    done
}

get() {
    over=$(mktemp)
    {
        DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 --yes --no-install-recommends -o APT::Status-Fd=3 install "$@" \
            3>&1 >/dev/null || echo failed >"$over"
    } | show_status
    code=0
    [ ! -s "$over" ] || code=1
    rm -f "$over"
    return "$code"
}

install() {
    echo "moor: installing Debian packages that are missing: $*" >&2
    if ! ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1; then
        echo "moor: reading Debian's list of packages" >&2
        apt-get --quiet=2 update
    fi
    # an index of yesterday may name packages that the archive has replaced since
    get "$@" 2>/dev/null || { apt-get --quiet=2 update && get "$@"; } ||
        stop "apt-get could not install: $*; run apt-get update, and make test or make demo again"
}

install_without_services() {
    # the tests start services of their own: the machine itself must not gain any
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    install "$@"
    case " $* " in *" openssh-server "*) systemctl --quiet disable ssh.service 2>/dev/null || : ;; esac
    case " $* " in *" docker-registry "*) systemctl --quiet disable docker-registry.service 2>/dev/null || : ;; esac
    case " $* " in *" nginx-light "*) systemctl --quiet disable nginx.service 2>/dev/null || : ;; esac
    case " $* " in *" postgresql "*) systemctl --quiet disable postgresql.service 2>/dev/null || : ;; esac
}

[ -e /etc/debian_version ] || stop "demo and tests run on Debian 12 or later, and this machine is not a Debian"
[ "$(id -u)" -eq 0 ] || stop "demo and tests boot hosts in namespaces, which needs root; run make as root"
[ "$(free_gib /var)" -ge "$needed_gib" ] ||
    stop "/var has $(free_gib /var) GiB free, and images and hosts need $needed_gib; make room"

packages=$demo
[ "${1:-}" != test ] || packages="$demo $tests"
# shellcheck disable=SC2086 # words of a list
lacking=$(missing $packages | tr '\n' ' ')
# shellcheck disable=SC2086 # words of a list
case " $lacking" in
" ") ;;
*" openssh-server "* | *" postgresql "* | *" docker-registry "* | *" nginx-light "*) install_without_services $lacking ;;
*) install $lacking ;;
esac
