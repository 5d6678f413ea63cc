#!/bin/sh
# Install the real programs that tests/peers talks to, where we are root on Debian; say what is missing where we are not.
set -eu
packages="gnupg sq thunderbird"
missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "Not installed, so the tests that talk to them are skipped:$missing (run this as root on Debian to have them)."
fi
