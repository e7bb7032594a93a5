# Copies files that are somebody else's to keep right.
set -euo pipefail

# cert-manager's own definitions, not a sketch of them: the API server refuses a
# field that is misspelt. From its module, which is no dependency of dicer's:
# that would bring a hundred others for two files.
module=$(go mod download -json github.com/cert-manager/cert-manager@v1.21.2 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
for kind in certificates issuers; do
	install -m 644 "$module/deploy/crds/cert-manager.io_$kind.yaml" testdata/cert-manager/
done

# prometheus-operator's, of what components/monitoring has.
module=$(go mod download -json github.com/prometheus-operator/prometheus-operator@v0.85.0 | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
for kind in prometheusrules servicemonitors; do
	install -m 644 "$module/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" testdata/prometheus-operator/
done

# A kustomization reads only what is in its own folder. (Made in test/crds, which
# go generate comes to before.)
install -m 644 ../crds/ssp.kubevirt.io_ssps.yaml ../../deploy/components/ssp-crd/
