module github.com/dicer-dev/dicer/hack/controlplane

go 1.26.0
