// Package fanout keeps one DataImportCron per architecture standing for each
// template of each SSP: it creates what is missing, replaces what its template
// no longer asks for, deletes what nothing asks for any more, and touches
// nothing that it did not make.
//
// # Who owns what
//
// A DataImportCron is dicer's when it carries the label
// app.kubernetes.io/managed-by: dicer, when the annotation dicer.dev/object
// names the object itself (so that a copied manifest is foreign), and when the
// SSP operator has not taken it over. The annotation dicer.dev/ssp names the
// SSP that asked for it.
//
// # When one is replaced
//
// CDI lets nobody change a DataImportCron's spec, so a change is a delete and a
// create, which may cost images. Only a difference between the recorded hash of
// the wanted spec (dicer.dev/spec-hash) and the hash of what is wanted now
// leads to it: what the API server pruned, defaulted or others changed is never
// compared. The new one has to pass a dry run before the old one goes.
//
// # When in doubt
//
// Nothing is deleted while the SSP cannot be read with certainty: a list with
// an invalid item, a template that is no template, an SSP that is not in the
// cache but may be in the cluster. What is not done is told in events on the
// SSP.
package fanout
