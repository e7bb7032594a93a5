#!/usr/bin/env bash
# Compares the benchmarks of two revisions by benchstat: compare.sh BASE [NEW]. NEW
# is the working tree where it is left out. Both run in turn, COUNT times each, so
# that what else the machine does meets both. BENCH chooses benchmarks, BENCHTIME is
# how long each runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: hack/bench/compare.sh BASE [NEW]" >&2
	exit 2
fi
go=${GO:-go} count=${COUNT:-6} bench=${BENCH:-.} benchtime=${BENCHTIME:-0.3s}
packages=(pkg/arch pkg/admission pkg/fanout)
export GOWORK=off

tmp=$(mktemp -d)
trap 'git worktree remove --force "$tmp/base" 2>/dev/null || true; git worktree remove --force "$tmp/new" 2>/dev/null || true; rm -rf "$tmp"; git worktree prune' EXIT
trap 'exit 130' INT TERM

# checkout REVISION NAME
checkout() {
	if ! git rev-parse --quiet --verify "$1^{commit}" >/dev/null; then
		echo "compare.sh: no revision $1 here; want a tag, a branch or a commit" >&2
		exit 2
	fi
	git worktree add --quiet --detach "$tmp/$2" "$1"
}

checkout "$1" base
folders=("$tmp/base")
if [ $# = 2 ]; then
	checkout "$2" new
	folders+=("$tmp/new")
else
	folders+=("$PWD")
fi
names=(base new)
labels=("$1" "${2:-tree}")

for i in 0 1; do
	for package in "${packages[@]}"; do
		echo "compare: building ${labels[i]}'s $package" >&2
		mkdir -p "$tmp/bin/${names[i]}"
		GOTMPDIR=$tmp "$go" -C "${folders[i]}" test -c -o "$tmp/bin/${names[i]}/$(basename "$package").test" "./$package"
	done
done

# run SIDE PACKAGE
run() {
	local binary
	binary=$tmp/bin/${names[$1]}/$(basename "$2").test
	[ -e "$binary" ] || return 0 # a revision without tests there
	(cd "${folders[$1]}/$2" && "$binary" -test.run '^$' -test.bench "$bench" -test.benchtime "$benchtime" -test.benchmem) >>"$tmp/${names[$1]}.txt"
}

for round in $(seq "$count"); do
	echo "compare: round $round of $count" >&2
	order=(0 1)
	[ $((round % 2)) = 1 ] || order=(1 0)
	for package in "${packages[@]}"; do
		for side in "${order[@]}"; do run "$side" "$package"; done
	done
done
"$go" -C hack/bench tool benchstat "${labels[0]}=$tmp/base.txt" "${labels[1]}=$tmp/new.txt"
