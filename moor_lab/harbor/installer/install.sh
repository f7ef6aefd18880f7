#!/bin/bash
# Installs Harbor's stand-in from this directory. It starts the containers, and does not wait until they are well.
set -e

cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh

with_trivy=
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit 0 ;;
        --with-trivy) with_trivy=$1 ;;
        *) usage; exit 1 ;;
    esac
    shift
done

STEP=0
step "checking if docker is installed"
check_docker
step "checking docker-compose is installed"
check_compose

if ls harbor*.tar.gz >/dev/null 2>&1; then
    step "loading Harbor images"
    docker load -i ./harbor*.tar.gz
fi

step "preparing environment"
step "preparing harbor configs"
./prepare $with_trivy

note "stopping existing Harbor instance, if there is one"
$COMPOSE down -v

step "starting Harbor"
$COMPOSE up -d
printf '\n----Harbor has been installed and started. (This is the stand-in of moor'\''s lab.)----\n'
