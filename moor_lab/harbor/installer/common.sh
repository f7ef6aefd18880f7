#!/bin/bash
# What install.sh says and checks. moor's lab stand-in for Harbor's installer.

note() { printf 'Note: %s\n' "$*"; }
step() { printf '\n[Step %s]: %s ...\n' "$STEP" "$*"; STEP=$((STEP + 1)); }
fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

usage() {
    printf '%s\n' "Usage: install.sh [--with-trivy]" \
        "Set hostname and the paths of certificate and key in harbor.yml before the first run." \
        "  --with-trivy   install the scanner too (the stand-in has none)"
}

# at_least WANTED FOUND: whether a version is not older than another
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

check_docker() {
    command -v docker >/dev/null || fail "Need to install docker (17.06.0 or later) first."
    local found
    found=$(docker version --format '{{.Server.Version}}') || fail "docker does not answer."
    at_least 17.06.0 "$found" || fail "Need to upgrade docker to 17.06.0 or later; this is $found."
    note "docker version: $found"
}

check_compose() {
    if docker compose version >/dev/null 2>&1; then
        COMPOSE="docker compose"
    elif command -v docker-compose >/dev/null; then
        COMPOSE=docker-compose
    else
        fail "Need to install Docker Compose (1.18.0 or later, or the plugin) first."
    fi
    local found
    found=$($COMPOSE version --short)
    at_least 1.18.0 "${found#v}" || fail "Need to upgrade Docker Compose to 1.18.0 or later; this is $found."
    note "docker-compose version: $found"
}
