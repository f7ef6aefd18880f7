#!/bin/sh
# Debian's bash below sshd: not only the login shell reads ~/.bashrc, though nothing is interactive. Every "bash -c" that
# a command starts reads it again, as often as it is called: bash takes itself for the first shell while SHLVL is below 2,
# dash does not count SHLVL, and bash takes its own count back before it executes its last command. bash(1) speaks of the
# shell that sshd starts. A script file is not affected, nor is anything behind sudo, which removes SSH_CLIENT.
set -eu
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || :; rm -rf "$folder"' EXIT
server=
chmod 755 "$folder"
(cd "$folder" && apt-get -q=2 -o APT::Sandbox::User=root download 'bash=5.2.15-2*' 'openssh-server=1:9.2p1-2*' 'openssh-client=1:9.2p1-2*')
for package in "$folder"/*.deb; do
    dpkg-deb --field "$package" Package Version | paste -sd ' '
    dpkg-deb --extract "$package" "$folder/root"
done
bin=$folder/root/bin:$folder/root/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin port=29222 reads=$folder/reads
PATH=$bin

mkdir -m 700 "$folder/home" # whatever the login shell is, only the downloaded bash is counted
echo "[ ! /proc/\$\$/exe -ef '$folder/root/bin/bash' ] || echo \"\$BASH_VERSION\" >>'$reads'" >"$folder/home/.bashrc"
echo : >"$folder/script"
for key in host user; do
    ssh-keygen -q -t ed25519 -N '' -f "$folder/$key"
done
mkdir -p /run/sshd 2>/dev/null || :
"$folder/root/usr/sbin/sshd" -D -f /dev/null -p $port -h "$folder/host" -o ListenAddress=127.0.0.1 -o PidFile=none \
    -o StrictModes=no -o "AuthorizedKeysFile=$folder/user.pub" -o "SetEnv=HOME=$folder/home PATH=$bin" &
server=$!

over_ssh() {
    ssh -F none -p $port -i "$folder/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o LogLevel=ERROR -o ConnectionAttempts=20 "$(id -un)@127.0.0.1" "$1"
}

wrong=0
expect() {
    : >"$reads"
    over_ssh "$2"
    found=$(wc -l <"$reads")
    echo "~/.bashrc was read $found times by: $2"
    [ "$found" -eq "$1" ] || wrong=1
}
# shellcheck disable=SC2088 # a name in a message
expect 3 "sh -c 'bash -c :; bash -c :; bash -c :; :'"
expect 2 "bash -c 'bash -c :'"
expect 1 "bash -c 'bash -c :; :'"
expect 0 "bash $folder/script"
expect 0 "env --unset=SSH_CLIENT bash -c :"
[ $wrong -eq 0 ] || { echo "another behaviour than the one recorded here"; exit 1; }
echo "as recorded: each bash -c below an SSH command reads ~/.bashrc again, a script file does not"
