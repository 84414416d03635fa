#!/usr/bin/env bash
# What the MPIJob's launcher pod runs: metaplastic-launch RANKS ARGUMENT-OF-TRAIN...
# The operator says through OMPI_MCA_orte_default_hostfile where the workers are.
set -euo pipefail

(($# >= 2)) || { echo "usage: metaplastic-launch RANKS ARGUMENT-OF-TRAIN..." >&2 && exit 2; }
ranks=$1
shift

out=
words=("$@")
for ((n = 0; n < ${#words[@]}; ++n)); do
  case ${words[n]} in
    --out) out=${words[n + 1]:-} ;;
    --out=*) out=${words[n]#--out=} ;;
  esac
done
[[ -n $out ]] || { echo "metaplastic-launch: expected --out DIR among the arguments, found none" >&2 && exit 2; }

resume=()
[[ -f $out/checkpoint.safetensors ]] && resume=(--resume)
exec metaplastic train --supervise --launch "mpirun --bind-to none -n $ranks" "${resume[@]}" "$@"
