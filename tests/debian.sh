#!/bin/sh
# Install the real programs that tests/peers and tests/web need, where we are root on Debian; say what is missing where we
# are not. Fonts: pages are looked at with a serif, a sans, and the scripts of letters from right to left.
# Mail servers are only for tests that start them themselves: here they are neither set up nor started.
set -eu
packages="gnupg sq thunderbird postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd isync cyrus-caldav chromium"
packages="$packages chromium-headless-shell"
packages="$packages postgresql notmuch maildir-utils"
packages="$packages fonts-dejavu-core fonts-noto-core"
command -v npm >/dev/null || packages="$packages nodejs npm"
services="postfix dovecot-core cyrus-common postgresql"

lacking() {
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || printf ' %s' "$package"
    done
}

missing=$(lacking $packages)
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed, so the tests that need them are skipped:$missing (run this as root on Debian to have them)."
    exit 0
fi

# Debian starts a service when it is installed, unless this file says no (it is asked by invoke-rc.d).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
new=$(lacking $services)
case "$new" in
*postfix*) echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections ;;
esac
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
# Nor when the machine starts the next time; a service that was there before stays as it is.
if command -v systemctl >/dev/null; then
    for package in $new; do
        case "$package" in
        dovecot-core) service=dovecot ;;
        cyrus-common) service=cyrus-imapd ;;
        *) service=$package ;;
        esac
        systemctl disable --quiet "$service.service" 2>/dev/null || true
    done
fi
