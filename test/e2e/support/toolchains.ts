/**
 * Scripts that replace toolchains. They write the same caches with the same modes, and print `downloading` where the real
 * tools use the network.
 */

/** Modules and their directories are read-only (go help modcache). `go test` fails if the workspace has a file `fail`. */
export const go = `
module="$HOME/go/pkg/mod/example.com/lib@v1.2.0"
case "$1" in
  build)
    if ! grep -qs '^module example.com/lib$' "$module/go.mod"; then
      echo "go: downloading example.com/lib v1.2.0"
      mkdir -p "$module/internal" "$HOME/go/pkg/mod/cache/download"
      echo "module example.com/lib" > "$module/go.mod"
      echo "package internal" > "$module/internal/lib.go"
      echo zip > "$HOME/go/pkg/mod/cache/download/lib.zip"
      chmod 0444 "$module/go.mod" "$module/internal/lib.go"
      chmod 0555 "$module/internal" "$module"
    fi
    object="$HOME/.cache/go-build/4f/4f00-d"
    if ! test -e "$object"; then
      echo "compiling"
      mkdir -p "$(dirname "$object")"
      echo object > "$object"
    fi ;;
  test) ! test -e fail ;;
esac
`;

/** Downloads are stored below CARGO_HOME. Times decide what is fresh in target/, as in cargo's fingerprints. */
export const cargo = (cargoHome = '$HOME/.cargo') => `
crate="${cargoHome}/registry/cache/index.crates.io-1949cf8c6b5b557f/serde-1.0.0.crate"
if ! test -e "$crate"; then
  echo "Downloading serde v1.0.0"
  mkdir -p "$(dirname "$crate")" "${cargoHome}/registry/index/index.crates.io-1949cf8c6b5b557f" "${cargoHome}/git/db"
  echo crate > "$crate"
fi
if ! test target/debug/app -nt src/main.rs; then
  echo "Compiling app"
  mkdir -p target/debug
  echo binary > target/debug/app
  chmod 0755 target/debug/app
fi
`;

/** The store's files are linked into node_modules. */
export const pnpm = `
store="$HOME/.local/share/pnpm/store/v10"
case "$1" in
  store) echo "$store" ;;
  install)
    if ! test -e "$store/files/00/ab"; then
      echo "downloading left-pad"
      mkdir -p "$store/files/00"
      echo 'module.exports' > "$store/files/00/ab"
    fi
    mkdir -p node_modules/left-pad
    ln -f "$store/files/00/ab" node_modules/left-pad/index.js ;;
  test) test -e node_modules/left-pad/index.js ;;
esac
`;
