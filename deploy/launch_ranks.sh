#!/usr/bin/env bash
# Meta-training on ranks of one machine (or, in the MPIJob's launcher pod, of the workers):
#   deploy/launch_ranks.sh RANKS ARGUMENT-OF-TRAIN...
# When the job dies it starts again from its last checkpoint, until five attempts in a row brought no
# new one. SIGTERM and SIGINT save first; the exit status is that of the last attempt.
set -uo pipefail

(($# >= 2)) || { echo "usage: launch_ranks.sh RANKS ARGUMENT-OF-TRAIN..." >&2 && exit 2; }
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
[[ -n $out ]] || { echo "launch_ranks.sh: expected --out DIR among the arguments, found none" >&2 && exit 2; }

read -ra flags <<< "${METAPLASTIC_MPIRUN_FLAGS:-}"
checkpoint=$out/checkpoint.safetensors
stopping=
# mpirun passes SIGUSR1 on to the ranks, which save and end; on SIGTERM it would kill them.
trap 'stopping=yes; [[ -n ${job:-} ]] && kill -USR1 "$job" 2>/dev/null' TERM INT

for ((failures = 0; failures < 5; ++failures)); do
  before=$(stat -c %i.%Y "$checkpoint" 2>/dev/null)
  resume=()
  [[ -f $checkpoint ]] && resume=(--resume)
  mpirun --bind-to none "${flags[@]}" -n "$ranks" \
    "${METAPLASTIC:-metaplastic}" train "${resume[@]}" "$@" &
  job=$!
  # A signal ends wait early, with a status above 128.
  while :; do
    wait "$job"
    status=$?
    kill -0 "$job" 2>/dev/null || break
  done
  # 0: done. 2: something for the user to correct. 3: stopped and saved.
  [[ -n $stopping ]] || ((status == 0 || status == 2 || status == 3)) && exit "$status"
  [[ $(stat -c %i.%Y "$checkpoint" 2>/dev/null) != "$before" ]] && failures=-1
  echo "launch_ranks.sh: the job ended with status $status; starting it again" >&2
  sleep "${METAPLASTIC_PAUSE:-1}"
done
echo "launch_ranks.sh: five attempts in a row without a new checkpoint; giving up" >&2
exit "$status"
