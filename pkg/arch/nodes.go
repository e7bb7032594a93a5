package arch

import "slices"

// Nodes are the architectures that an object says its cluster has nodes of:
// spec.cluster of an SSP. Without any, nothing is known.
type Nodes struct {
	WorkloadArchitectures     []Arch `json:"workloadArchitectures"`
	ControlPlaneArchitectures []Arch `json:"controlPlaneArchitectures"`
}

// All returns the architectures of all nodes, the control plane's first; one
// may be there twice.
func (n Nodes) All() []Arch {
	return slices.Concat(n.ControlPlaneArchitectures, n.WorkloadArchitectures)
}

// Default returns the architecture that users get who name none: the first of
// the nodes that list has, else the list's first. list must not be empty.
func (n Nodes) Default(list []Arch) Arch {
	for _, a := range n.All() {
		if slices.Contains(list, a) {
			return a
		}
	}
	return list[0]
}
