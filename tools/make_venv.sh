#!/usr/bin/env bash
# Makes a virtual environment with pip from the newest Python that twinport can use.
set -euo pipefail

readonly folder=$1
readonly enough='import sys; sys.exit(sys.version_info < (3, 11))'

# A candidate counts only if it runs: a version manager may leave a name on PATH for a version that is not active.
newest_python() {
  local candidate
  for candidate in python3.13 python3.12 python3.11 python3; do
    if "$candidate" -c "$enough" >/dev/null 2>&1; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo 'twinport needs Python 3.11 or newer, and none was found on PATH' >&2
  exit 1
}

can_import() {
  "$python" -c "import $1" >/dev/null 2>&1
}

# Debian ships Python without ensurepip unless its -venv package is there, so pip may have to come from elsewhere.
make_environment() {
  if can_import ensurepip && can_import venv; then
    "$python" -m venv --clear "$folder"
  elif can_import virtualenv; then
    "$python" -m virtualenv --quiet --clear "$folder"
  elif command -v uv >/dev/null; then
    uv venv --quiet --clear --seed --python "$python" "$folder"
  elif command -v virtualenv >/dev/null; then
    virtualenv --quiet --clear --python "$python" "$folder"
  elif can_import venv && can_import pip; then
    "$python" -m venv --clear --without-pip "$folder"
    "$python" -m pip --quiet --disable-pip-version-check --python "$folder/bin/python" install pip
  else
    explain_missing_ensurepip
  fi
}

explain_missing_ensurepip() {
  local version
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  echo "$python cannot make a virtual environment: it has no ensurepip" >&2
  echo "on Debian and Ubuntu: apt-get install python$version-venv" >&2
  exit 1
}

python=$(newest_python)
readonly python
echo "making $folder with $("$python" --version)"
make_environment
