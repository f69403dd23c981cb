# Makes an Asterisk in a Debian root of its own. Run by Install, as root, inside a private mount
# namespace where that is allowed, so that an interrupted run leaves no mounts behind.
# Arguments: folder, Debian suite, mirror (empty: debootstrap's default).
set -eu
root=$1 suite=$2 mirror=$3
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# A run whose parent was killed goes on by itself: wait for it, then begin anew. Its children hold the lock too.
exec 9>"$root.lock"
flock -n 9 || { echo "an interrupted installation is still running; waiting for it"; flock 9; }
rm -rf --one-file-system "$root"
done=no
trap 'test $done = yes || { umount "$root/proc" 2>/dev/null; rm -rf --one-file-system "$root"; }' EXIT
trap 'exit 130' INT TERM

if ! command -v debootstrap >/dev/null; then
    echo "step: installing debootstrap"
    apt-get update
    apt-get install -y --no-install-recommends debootstrap
fi

echo "step: Debian $suite"
debootstrap --variant=minbase "$suite" "$root" ${mirror:+"$mirror"}

echo "step: Asterisk packages"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc" || echo "no /proc in the new root; going on without"
chroot "$root" apt-get install -y --no-install-recommends asterisk asterisk-config asterisk-core-sounds-en-gsm
umount "$root/proc" 2>/dev/null || true

echo "step: cleaning"
chroot "$root" apt-get clean
rm -rf "$root/var/lib/apt/lists" "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale"
# Asterisk runs without chroot: an absolute link to the prompts would lead out of the root.
ln -sfn en_US_f_Allison "$root/usr/share/asterisk/sounds/en"
test -e "$root/usr/share/asterisk/sounds/en/pbx-transfer.gsm"
# What Debian gives to its user "asterisk" would belong to whoever has that number on this machine.
chown -R 0:0 "$root"
# The root lies in a cache folder: no set-uid programs and no device nodes there.
find "$root" -xdev -type f -perm /6000 -exec chmod ug-s {} +
find "$root" -xdev \( -type b -o -type c \) -delete
chmod 755 "$root"
done=yes
