// Package deploy tests what is installed: that the overlays of deploy/ are
// accepted by a real API server, go again, and agree in themselves.
package deploy

//go:generate bash generate.sh
