# Makes a fresh Debian root file system a lab host's: customize.sh ROOT IDLE [PACKAGE...]
# IDLE are packages to install without having their services run, parted by spaces; every PACKAGE is put, with what it depends on, into an apt repository on the host's own disk, and not installed.
# Runs    on the machine, as mmdebstrap's customize hook (MMDEBSTRAP_APT_CONFIG names apt's configuration for ROOT).
set -eu
root=$1 idle=$2
shift 2

make_user() {
    chroot "$root" useradd --create-home --shell /bin/bash --groups sudo ops
    echo 'ops ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/ops"
    chmod 440 "$root/etc/sudoers.d/ops"
}

configure_sshd() {
    rm -f "$root"/etc/ssh/ssh_host_*
    cat >"$root/etc/ssh/sshd_config.d/lab.conf" <<'END'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
MaxStartups 200:30:400
MaxSessions 100
AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/lab_authorized_keys
END
    chroot "$root" systemctl --quiet enable ssh.service
}

quiet_units() {
    # what needs hardware, the kernel's file systems or the internet has no place in a namespace
    for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
        systemd-udev-trigger.service getty@tty1.service console-getty.service systemd-timesyncd.service \
        apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
        fstrim.timer systemd-firstboot.service systemd-machine-id-commit.service systemd-modules-load.service \
        systemd-hwdb-update.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
        sys-fs-fuse-connections.mount dev-hugepages.mount systemd-pcrextend.socket \
        systemd-networkd-wait-online.service ssh.socket; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    chroot "$root" systemctl --quiet set-default multi-user.target
    mkdir -p "$root/etc/systemd/journald.conf.d"
    printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nReadKMsg=no\n' >"$root/etc/systemd/journald.conf.d/lab.conf"
}

enabled_units() {
    chroot "$root" systemctl list-unit-files --state=enabled --no-legend --plain | cut -d' ' -f1 | sort
}

install_idle() {
    enabled_units >"$root/tmp/before"
    # shellcheck disable=SC2086 # words of a list
    APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet=2 -oDPkg::Chroot-Directory="$root" install $idle >/dev/null
    enabled_units | comm -13 "$root/tmp/before" - | xargs -r chroot "$root" systemctl --quiet disable 2>/dev/null
    rm "$root/tmp/before"
}

fewer_authorities() {
    # update-ca-certificates starts four programs for each of Debian's 140 public CAs, and the lab has no internet
    sed -i '/^mozilla\/\(DigiCert\|ISRG\)/!d' "$root/etc/ca-certificates.conf"
    chroot "$root" update-ca-certificates --fresh >/dev/null
}

unpack_quickly() {
    # xz takes seconds for the large packages, at each installation on each host
    for file in $(find . -name '*.deb' -size +4096k); do
        dpkg-deb --raw-extract "$file" unpacked
        dpkg-deb -Zzstd -z1 --build unpacked "$file" >/dev/null
        rm -r unpacked
    done
}

describe_packages() {
    for file in *.deb; do
        dpkg-deb --field "$file"
        printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' \
            "$file" "$(stat -c %s "$file")" "$(sha256sum "$file" | cut -d' ' -f1)"
    done
}

make_repository() {
    repository=/opt/moor-lab/apt
    mkdir -p "$root$repository"
    APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get --yes --quiet=2 --download-only install "$@"
    mv "$root"/var/cache/apt/archives/*.deb "$root$repository/"
    (cd "$root$repository" && unpack_quickly && describe_packages >Packages)
    point_apt_at "Types: deb" "URIs: file:$repository" "Suites: ./" "Trusted: yes"
}

point_apt_at() {
    rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d" "$root/etc/apt/apt.conf.d/99mmdebstrap"
    rm -rf "$root/var/lib/apt/lists"
    mkdir -p "$root/etc/apt/sources.list.d" "$root/var/lib/apt/lists/partial"
    printf '%s\n' "$@" >"$root/etc/apt/sources.list.d/moor-lab.sources"
    chroot "$root" apt-get --quiet=2 update
}

make_user
configure_sshd
[ -z "$idle" ] || install_idle
quiet_units
fewer_authorities
if [ $# -gt 0 ]; then
    make_repository "$@"
else
    point_apt_at "# the lab has no internet: nothing to install from"
fi
: >"$root/etc/machine-id"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin "$root"/var/cache/ldconfig/*
