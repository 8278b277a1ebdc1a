# shellcheck shell=bash
# What the scripts at the top of the project share: finding what a build needs, and installing it.
# Sourced, not run.

say() {
    printf '%s\n' "$*" >&2
}

# The package manager of this system, by the command that installs with it; empty if none is known.
package_manager() {
    local manager
    for manager in apt-get dnf pacman apk zypper brew; do
        if command -v "$manager" >/dev/null; then
            printf '%s' "$manager"
            return
        fi
    done
}

# The package that brings a thing, in the words of a package manager.
package_for() {
    case "$1:$2" in
        compiler:apt-get) echo g++ ;;
        compiler:dnf | compiler:zypper) echo gcc-c++ ;;
        compiler:pacman) echo gcc ;;
        compiler:apk) echo g++ ;;
        compiler:brew) echo gcc ;;
        libclang:apt-get) echo libclang-dev ;;
        libclang:dnf | libclang:zypper) echo clang-devel ;;
        libclang:pacman) echo clang ;;
        libclang:apk) echo clang-dev ;;
        libclang:brew) echo llvm ;;
        strace:*) echo strace ;;
        valgrind:*) echo valgrind ;;
        venv:apt-get) echo python3-venv ;;
        venv:*) echo python3 ;;
        python:pacman | python:brew) echo python ;;
        python:*) echo python3 ;;
        node:pacman | node:apk | node:dnf) echo "nodejs npm" ;;
        node:apt-get) echo "nodejs npm" ;;
        node:zypper) echo "nodejs20 npm20" ;;
        node:brew) echo node ;;
    esac
}

# Installs things by the names that package_for knows, or says what to install and ends.
install_missing() {
    local manager packages="" thing
    manager=$(package_manager)
    if [ -z "$manager" ]; then
        say "stator: missing: $*. No package manager is known here; install them and run this again."
        exit 1
    fi
    for thing in "$@"; do
        packages="$packages $(package_for "$thing" "$manager")"
    done
    packages=${packages# }

    local as_root=""
    if [ "$manager" != brew ] && [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "stator: the build needs packages that are missing here. As root, install: $packages"
            exit 1
        fi
        as_root=sudo
    fi
    say "The build needs packages that are missing here; installing with $manager: $packages"
    # The names are words of this file, and are meant to be split.
    # shellcheck disable=SC2086
    case "$manager" in
        apt-get)
            $as_root apt-get update -qq >&2
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
            ;;
        dnf) $as_root dnf install -y -q $packages >&2 ;;
        pacman) $as_root pacman -Sy --noconfirm --needed $packages >&2 ;;
        apk) $as_root apk add --no-progress $packages >&2 ;;
        zypper) $as_root zypper --non-interactive install $packages >&2 ;;
        brew) brew install $packages >&2 ;;
    esac || {
        say "stator: the packages could not be installed. Install them yourself and run this again: $packages"
        exit 1
    }
}

# The C++ compiler that a build will use.
has_compiler() {
    command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null
}

# Whether a file of that name is below one of the folders where systems keep libraries.
has_library_file() {
    local depth=$1 found
    shift
    found=$(find -L /usr/lib /usr/lib64 /usr/local/lib /opt/homebrew/opt/llvm/lib /usr/local/opt/llvm/lib \
        /Library/Developer/CommandLineTools/usr/lib -maxdepth "$depth" "$@" -print -quit 2>/dev/null) || true
    [ -n "$found" ]
}

# libclang with its own headers: it reads those of RocksDB while that is built.
has_libclang() {
    if [ -n "${LIBCLANG_PATH:-}" ]; then
        return 0
    fi
    has_library_file 3 \( -name 'libclang.so*' -o -name 'libclang-[0-9]*.so*' -o -name 'libclang.dylib' \) &&
        has_library_file 6 -path '*/clang/*/include/stddef.h'
}

# Whether RocksDB has been compiled in a target folder.
rocksdb_is_built() {
    compgen -G "$1/release/deps/liblibrocksdb_sys-*.rlib" >/dev/null
}

# Everything that `cargo build` needs.
require_build_tools() {
    if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH=$HOME/.cargo/bin:$PATH
    fi
    if ! command -v cargo >/dev/null; then
        say "stator: Rust is missing. Install it as https://rustup.rs says (version 1.88 or later) and run this again."
        exit 1
    fi
    local missing=()
    has_compiler || missing+=(compiler)
    has_libclang || missing+=(libclang)
    if [ ${#missing[@]} -gt 0 ]; then
        install_missing "${missing[@]}"
    fi
}
