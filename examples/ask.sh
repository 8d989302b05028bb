#!/bin/sh
# What a service knows of its QEMUs, and what it makes of a domain: by curl alone.
#
#   examples/ask.sh SOCKET VM.xml
#
# Ends with 0 where the first QEMU accepts the domain, with 3 where it is refused, with 5 where there is no service.
set -eu
socket=$1 domain=$2

ask() { # PATH [OPTION...]: the answer's body, and its status in a line behind it
    path=$1
    shift
    curl --silent --show-error --unix-socket "$socket" --write-out '\n%{http_code}' "$@" "http://prober$path" || exit 5
}

# Who is there: an id is what all other questions name.
binaries=$(ask /v1/binaries | sed '$d')
id=$(printf '%s' "$binaries" | sed -n 's/.*"binaries": *\[ *{ *"id": *"\([^"]*\)".*/\1/p')
[ -n "$id" ] || { echo "the service has no QEMU" >&2; exit 5; }
echo "QEMU: $id"

# A fact, by QEMU's own name. --get makes a query of what is to be encoded.
ask "/v1/binaries/$id/supports" --get --data-urlencode fact=virtio-net-pci.mac | sed '$d'
echo

# A domain becomes a command line, or a problem (RFC 9457) with every reason.
answer=$(ask "/v1/translate?binary=$id" --header 'Content-Type: application/xml' --data-binary "@$domain")
printf '%s\n' "$answer" | sed '$d'
case $(printf '%s\n' "$answer" | tail -n 1) in
200) ;;
422) exit 3 ;;
*) exit 5 ;;
esac
