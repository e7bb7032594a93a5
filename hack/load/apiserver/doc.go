// Package apiserver measures writes through a real API server: with nothing
// installed, and with each of those installed that complete, or could complete,
// a DataImportCron. Each object that comes back is compared with what pkg/arch
// makes of the one that was sent.
package apiserver
