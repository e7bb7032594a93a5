module github.com/dicer-dev/dicer/hack/kind

go 1.26.0

require github.com/dicer-dev/dicer/hack/controlplane v0.0.0

// It builds everything here.
replace github.com/dicer-dev/dicer/hack/controlplane => ../controlplane
