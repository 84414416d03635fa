# shellcheck shell=bash
# What ./demo and ./test share: messages, and configuring the one build tree they both use.
# Sourced with the working folder at the root of the checkout.

program_name=$(basename "$0")

die() {
  echo "$program_name: $1" >&2
  exit "${2:-1}"
}

say() { printf '\n== %s\n' "$*"; }

num_cores() { nproc 2>/dev/null || echo 2; }

# install GROUP...: missing Debian packages, unless the caller said --no-install.
install() {
  [[ ${no_install:-false} == true ]] && return 0
  tools/install_packages "$@"
}

# configure_tree FOLDER FLAG...: configures with Ninja, when something asks for it.
# A tree that was copied together with its checkout names the old place and is made anew.
configure_tree() {
  local tree=$1 cache=$1/CMakeCache.txt log
  shift
  if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
    rm -rf "$cache" "$tree/CMakeFiles"
  fi
  mkdir -p "$tree"
  log=$tree/configure.log
  if ! cmake -S . -B "$tree" -G Ninja "$@" >"$log" 2>&1; then
    cat "$log" >&2
    die "cmake could not configure $tree; its words are above and in $log"
  fi
}
