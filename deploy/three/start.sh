#!/bin/sh
# Starts three nodes on this machine: sh start.sh MODEL [FOLDER]. Keys and stores are made in
# the folder (default ./three), once. Ctrl-C ends all three.
set -eu
model=$(realpath "${1:?which model? a path of a model file or folder}")
from=$(realpath "$(dirname "$0")")
mkdir -p "${2:-three}"
cd "${2:-three}"
umask 077
for n in n1 n2 n3; do
  [ -e $n ] || blitz keygen $n             # signs receipts
  [ -e $n.nats ] || blitz keygen $n.nats   # comes to NATS
  [ -e $n.crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -keyout $n.tls -out $n.crt -subj /CN=$n -addext subjectAltName=IP:127.0.0.1 2>/dev/null
done
[ -e peers.toml ] || for n in n1 n2 n3; do
  printf '[[peer]]\nname = "%s"\nkey = "%s.pub"\nroles = ["submit", "work", "audit"]\nnkey = "%s.nats.pub"\ncertificate = "%s.crt"\n\n' $n $n $n $n
done > peers.toml
for i in 1 2 3; do
  [ -e node$i.toml ] || cp "$from/node$i.toml" .
done
pids=
trap 'kill $pids 2>/dev/null || true' INT TERM EXIT
for i in 1 2 3; do
  blitz node --cluster node$i.toml --model "$model" & # a link to it beside the file would be refused
  pids="$pids $!"
done
code=0
for pid in $pids; do wait "$pid" || code=$?; done
exit $code
