#!/usr/bin/env bash
# Replaces the key of dicer's CA without a failed write: both CAs are trusted
# until the last pod that serves with the old one's certificate has gone. It
# takes about two minutes, stops at the first thing that is not as expected, and
# can be run again from there.
#
#   rotate-ca.sh [NAMESPACE [SECONDS]]
#
# NAMESPACE is dicer's, dicer-system by default; SECONDS bound each wait, 180 by
# default, of which an API server may take 90 for a connection that it keeps.
#
# Suspend what would put the configurations' annotations back meanwhile, Flux or
# Argo CD. Needs kubectl, with the right to change the webhook configurations and
# the namespace's Secrets and Deployment.
set -euo pipefail

namespace=${1:-dicer-system}
configurations="mutatingwebhookconfiguration validatingwebhookconfiguration"
deadline=${2:-180}

step="nothing was changed"
trap '[ $? = 0 ] || echo "rotate-ca: stopped: $step. No write fails for it. Correct the cause and run this again." >&2' EXIT

die() {
	echo "rotate-ca: $*" >&2
	return 1
}

# secret prints a field of a Secret, or nothing.
secret() { kubectl get secret -n "$namespace" "$1" -o "jsonpath={.data.$2}" --ignore-not-found | base64 --decode; }

# until_true waits for a function of no arguments.
until_true() {
	local end=$((SECONDS + deadline))
	until "$1"; do
		[ $SECONDS -lt $end ] || die "$2 did not happen within $deadline s"
		sleep 1
	done
}

# trust sets the CA bundle of every webhook.
trust() {
	local bundle kind webhook webhooks
	bundle=$(printf '%s\n' "$1" | base64 | tr -d '\n')
	for kind in $configurations; do
		# A line of its own: for would go on, with nothing, where kubectl fails.
		webhooks=$(kubectl get "$kind" dicer -o 'jsonpath={.webhooks[*].name}')
		[ -n "$webhooks" ] || die "$kind dicer has no webhooks"
		for webhook in $webhooks; do
			kubectl patch "$kind" dicer -p '{"webhooks":[{"name":"'"$webhook"'","clientConfig":{"caBundle":"'"$bundle"'"}}]}' >/dev/null
		done
	done
}

kubectl wait certificate -n "$namespace" dicer-ca dicer-webhook --for=condition=Ready --timeout=30s
before=$(secret dicer-ca 'tls\.crt')
trusted=$(kubectl get mutatingwebhookconfiguration dicer -o 'jsonpath={.webhooks[0].clientConfig.caBundle}' | base64 --decode)
[[ $trusted == *"BEGIN CERTIFICATE"* ]] || die "the configurations trust nobody: is this an installation with cert-manager?"

step="the CA bundle is as it was"
for kind in $configurations; do
	# What cert-manager does to a bundle depends on its version.
	kubectl annotate "$kind" dicer cert-manager.io/inject-ca-from-
done

step="the old CA is trusted, and serves"
echo "rotate-ca: a new key"
kubectl delete secret -n "$namespace" dicer-ca --ignore-not-found
new_ca() { ca=$(secret dicer-ca 'tls\.crt') && [ -n "$ca" ] && [ "$ca" != "$before" ]; }
until_true new_ca "a new certificate in Secret dicer-ca"
trust "$trusted
$ca"

step="both CAs are trusted"
echo "rotate-ca: a certificate of the new CA for the webhook"
kubectl delete secret -n "$namespace" dicer-webhook-tls --ignore-not-found
new_leaf() { [ "$(secret dicer-webhook-tls 'ca\.crt')" = "$ca" ]; }
until_true new_leaf "a certificate of the new CA in Secret dicer-webhook-tls"

pods=$(kubectl get pods -n "$namespace" -l app.kubernetes.io/name=dicer,app.kubernetes.io/component=webhook -o name)
[ -n "$pods" ] || die "no pod of the webhook in namespace $namespace"
kubectl rollout restart -n "$namespace" deployment/dicer-webhook
kubectl rollout status -n "$namespace" deployment/dicer-webhook --timeout="${deadline}s"
echo "rotate-ca: waiting for the last pod with the old certificate"
# shellcheck disable=SC2086 # a word each
kubectl wait -n "$namespace" $pods --for=delete --timeout="${deadline}s"

step="the new CA is trusted"
trust "$ca"
for kind in $configurations; do
	kubectl annotate "$kind" dicer "cert-manager.io/inject-ca-from=$namespace/dicer-ca"
done
echo "rotate-ca: done; the old CA is trusted no more"
