# Is PID 1 of the new host in its own namespaces: mounts its disk, links it to the lab, becomes its init.
set -eu
root=$DIRECTORY/root

mount_disk() {
    mount -t overlay "$NAME" -o "lowerdir=$LAYERS,upperdir=$DIRECTORY/upper,workdir=$DIRECTORY/work,index=off,metacopy=off" "$root"
    # overlayfs refuses to stand on overlayfs, so image stores sit on the real file system
    for store in "$DIRECTORY"/data/*; do
        [ -d "$store" ] || continue
        mkdir -p "$root/var/lib/${store##*/}"
        mount --bind "$store" "$root/var/lib/${store##*/}"
    done
}

mount_kernel() {
    mount -t proc -o nosuid,noexec,nodev proc "$root/proc"
    # a host may set its own network's sysctls, and no others: those are the machine's
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro,nosuid,noexec,nodev "$root/proc/sys"
    mount --bind "$root/proc/sys/net" "$root/proc/sys/net"
    mount -o remount,bind,rw,nosuid,noexec,nodev "$root/proc/sys/net"
    mount -t sysfs -o nosuid,noexec,nodev,ro sysfs "$root/sys" # read-only: udev stays off
    mount -t cgroup2 -o nosuid,noexec,nodev cgroup2 "$root/sys/fs/cgroup"
}

mount_devices() {
    mount -t tmpfs -o nosuid,mode=755,size=1m tmpfs "$root/dev"
    mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/dev/net"
    # kmsg is a null device: the kernel's messages are the machine's
    for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "fuse 10 229" "net/tun 10 200" "kmsg 1 3"; do
        set -- $node
        mknod -m 666 "$root/dev/$1" c "$2" "$3"
    done
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts "$root/dev/pts"
    mount -t tmpfs -o nosuid,nodev,size=64m tmpfs "$root/dev/shm"
    mount -t mqueue -o nosuid,nodev,noexec mqueue "$root/dev/mqueue"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
}

mount_volatile() {
    mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs "$root/run"
    mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/tmp"
    mkdir "$root/run/lock" "$root/run/host" "$root/run/sshd"
    echo lab >"$root/run/host/container-manager"
}

in_lab() {
    nsenter --net=/proc/self/fd/9 "$@"
}

link_up() {
    in_lab ip link delete "$LINK" 2>/dev/null || : # a former boot's, which the kernel has not dropped yet
    in_lab ip link add "$LINK" master bridge up type veth peer name eth0 address "$MAC" netns $$ # $$ is 1, in this pid namespace
    {
        echo "link set lo up"
        echo "link set eth0 up"
        echo "$ADDRESSES" | sed 's/.*/addr add & dev eth0/'
        echo "$GATEWAYS" | sed 's/.*/route add default via &/'
    } | ip -batch -
    exec 9<&-
}

become_init() {
    cd "$root"
    mkdir -p .former
    pivot_root . .former
    umount -l /.former
    rmdir /.former
    set -- /lib/systemd/systemd
    [ "$PROFILE" != light ] || set -- /usr/sbin/sshd -D
    exec env -i container=lab container_uuid="$(cat /etc/machine-id)" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb \
        setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-mac_admin,-mac_override,-wake_alarm "$@"
}

hostname "$NAME"
mount_disk
mount_kernel
mount_devices
mount_volatile
link_up
become_init
