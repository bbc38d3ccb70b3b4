#!/bin/bash
# Makes the commits and public keys of the tests anew, with git, gpg and ssh-keygen. The private keys are thrown away.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'gpgconf --homedir "$work/gpg" --kill all; rm -rf "$work"' EXIT
export GNUPGHOME=$work/gpg HOME=$work GIT_CONFIG_NOSYSTEM=1
mkdir -m 700 "$GNUPGHOME"
rm -f ./*.commit ./*.pub ./*.asc

git init -q "$work/repository"
git() { command git -C "$work/repository" -c user.name=Test -c user.email=test@example.org "$@"; }

# commit NAME options...: a commit of that name, as raw bytes.
commit() {
  local name=$1
  shift
  git "$@" --allow-empty -m "Commit $name" -m "With a second paragraph."
  git cat-file commit HEAD > "$name.commit"
}
commit unsigned commit -q

for type in ed25519 rsa ecdsa; do
  ssh-keygen -q -N '' -t $type -C "$type@example.org" -f "$work/$type"
  cp "$work/$type.pub" "ssh-$type.pub"
  commit "ssh-$type" -c gpg.format=ssh -c user.signingkey="$work/$type" commit -q -S
done

# key NAME DAY EXPIRES ALGORITHM: an OpenPGP key made that day, and a commit signed with it.
key() {
  local name=$1 day=$2 expires=$3 algorithm=$4
  gpg --batch -q --faked-system-time "$day" --passphrase '' --quick-gen-key "$name <$name@example.org>" "$algorithm" sign "$expires"
  fingerprint=$(gpg --list-keys --with-colons "$name@example.org" | awk -F: '$1 == "fpr" { print $10; exit }')
}
key pgp-ed25519 20200101T000000 never ed25519
commit pgp-ed25519 -c user.signingkey="$fingerprint" commit -q -S
key pgp-expired 20200101T000000 1y rsa2048
printf '#!/bin/sh\nexec gpg --faked-system-time 20200601T000000 "$@"\n' > "$work/gpg-then"
chmod +x "$work/gpg-then"
commit pgp-expired -c gpg.program="$work/gpg-then" -c user.signingkey="$fingerprint" commit -q -S
key pgp-revoked 20200101T000000 never ed25519
commit pgp-revoked -c user.signingkey="$fingerprint" commit -q -S
gpg --armor --export pgp-revoked@example.org > pgp-before-revocation.asc
sed -i 's/^:---/---/' "$GNUPGHOME/openpgp-revocs.d/$fingerprint.rev"
gpg --batch -q --import "$GNUPGHOME/openpgp-revocs.d/$fingerprint.rev"
key pgp-subkey 20200101T000000 never rsa2048
gpg --batch -q --faked-system-time 20200101T000000 --passphrase '' --quick-add-key "$fingerprint" ed25519 sign never
subkey=$(gpg --list-keys --with-colons "$fingerprint" | awk -F: '$1 == "fpr" { last = $10 } END { print last }')
commit pgp-subkey -c user.signingkey="$subkey!" commit -q -S
key pgp-sha1 20200101T000000 never rsa2048
printf '#!/bin/sh\nexec gpg --digest-algo SHA1 "$@"\n' > "$work/gpg-sha1"
chmod +x "$work/gpg-sha1"
commit pgp-sha1 -c gpg.program="$work/gpg-sha1" -c user.signingkey="$fingerprint" commit -q -S
for name in ed25519 expired revoked subkey sha1; do
  gpg --armor --export "pgp-$name@example.org" > "pgp-$name.asc"
done
