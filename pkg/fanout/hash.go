package fanout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

// hashVersion starts every hash. A release that computes hashes in another way
// has to know this way too: a new dicer must not replace anything.
const hashVersion = "v1:"

// specHash is the hash of a DataImportCron spec. Two specs that differ only in
// what a typed client changes when it writes back what it read have one hash:
// nulls, empty strings and lists, empty metadata, status and resources, and
// quantities ("1024Mi", "1Gi"). The SSP operator and HCO write SSPs so.
func specHash(spec map[string]any) (string, error) {
	canonical, err := json.Marshal(canonicalMap(spec, fields))
	if err != nil {
		return "", fmt.Errorf("hashing the spec: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hashVersion + hex.EncodeToString(sum[:]), nil
}

// emptied are the objects that typed clients add or drop when they are empty.
// "source: {blank: {}}" is not among them: it means something.
var emptied = map[string]bool{
	"metadata": true, "status": true, "resources": true, "requests": true, "limits": true, "labels": true, "annotations": true, "matchLabels": true,
}

// meaningless tells of a value that typed clients drop: omitempty, and no
// pointer, in CDI's types. storageClassName is a pointer, and "" a class.
func meaningless(key string, value any) bool {
	switch value {
	case nil:
		return true
	case "":
		return key != "storageClassName"
	case false:
		return key == "finalCheckpoint"
	default:
		return false
	}
}

// content is what a map's keys are.
type content int

const (
	// fields are named by CDI's types.
	fields content = iota
	// quantities are resources by name.
	quantities
	// texts are labels or annotations: an empty one is one.
	texts
)

func contentOf(key string) content {
	switch key {
	case "requests", "limits":
		return quantities
	case "labels", "annotations", "matchLabels":
		return texts
	default:
		return fields
	}
}

// canonicalMap returns a copy without what has no meaning.
func canonicalMap(in map[string]any, holds content) map[string]any {
	out := make(map[string]any, len(in))
	for key, value := range in {
		switch v := value.(type) {
		case map[string]any:
			inner := canonicalMap(v, contentOf(key))
			if len(inner) == 0 && emptied[key] {
				continue
			}
			out[key] = inner
		case []any:
			if len(v) > 0 {
				out[key] = canonicalList(v)
			}
		default:
			switch {
			case holds == texts && v != nil:
				out[key] = v
			case meaningless(key, v):
			case holds == quantities:
				out[key] = canonicalQuantity(v)
			default:
				out[key] = v
			}
		}
	}
	return out
}

func canonicalList(in []any) []any {
	out := make([]any, len(in))
	for i, value := range in {
		out[i] = value
		if m, ok := value.(map[string]any); ok {
			out[i] = canonicalMap(m, fields)
		}
	}
	return out
}

func canonicalQuantity(value any) any {
	quantity, err := resource.ParseQuantity(fmt.Sprint(value))
	if err != nil {
		return value
	}
	return quantity.String()
}
