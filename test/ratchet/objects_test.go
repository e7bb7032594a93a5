package ratchet

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	namespace = "kubevirt"
	listKey   = "ssp.kubevirt.io/dict.architectures"
	archKey   = "template.kubevirt.io/architecture"
	baseKey   = "cdi.kubevirt.io/storage.import.datasource-name"
	byKey     = "app.kubernetes.io/managed-by"
)

var (
	dicKind  = schema.GroupVersionKind{Group: "cdi.kubevirt.io", Version: "v1beta1", Kind: "DataImportCron"}
	sspKinds = []schema.GroupVersionKind{
		{Group: "ssp.kubevirt.io", Version: "v1beta2", Kind: "SSP"},
		{Group: "ssp.kubevirt.io", Version: "v1beta3", Kind: "SSP"},
	}
)

// broken is an object that breaks a rule.
type broken struct {
	*unstructured.Unstructured
	// way says which rule, and how.
	way string
	// tolerated objects are warned about, not rejected: they are an operator's.
	tolerated bool
}

// fields are what the rules read of a DataImportCron or a template.
type fields struct {
	name, namespace, list, label, base, dataSource, platform string
}

func (f fields) metadata() map[string]any {
	labels, annotations := map[string]any{}, map[string]any{}
	for _, field := range []struct {
		in         map[string]any
		key, value string
	}{{annotations, listKey, f.list}, {labels, archKey, f.label}, {labels, baseKey, f.base}} {
		if field.value != "" {
			field.in[field.key] = field.value
		}
	}
	metadata := map[string]any{"name": f.name}
	if f.namespace != "" {
		metadata["namespace"] = f.namespace
	}
	if len(labels) > 0 {
		metadata["labels"] = labels
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	return metadata
}

func (f fields) spec() map[string]any {
	registry := map[string]any{"url": "docker://registry.invalid/image"}
	if f.platform != "" {
		registry["platform"] = map[string]any{"architecture": f.platform}
	}
	return map[string]any{
		"managedDataSource": f.dataSource,
		"schedule":          "4 8/12 * * *",
		"template": map[string]any{"spec": map[string]any{
			"source":  map[string]any{"registry": registry},
			"storage": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "30Gi"}}},
		}},
	}
}

// badLists break the rules of a list, whatever else there is.
var badLists = []string{
	"x86_64", "AMD64", "aarch64", "arm64/v8", "linux/amd64", "arn64", "mips", "amd64,arn64", "arm64;amd64", "amd64,amd64", "amd64,arm64,amd64",
	",", "  ", "amd64,", ",amd64", "amd64,,arm64", "amd64, ,arm64", "amd64,x86_64,,amd64", "amd64,s390", "all", "*",
}

// badDICs breaks each rule of a DataImportCron in each way.
var badDICs = map[string]func(pick) fields{
	"unknown, duplicate or empty item": func(p pick) fields {
		bad := p.of(badLists...)
		if strings.Contains(bad, ",") {
			return fields{list: bad, label: "amd64", dataSource: "x"}
		}
		return fields{list: bad, dataSource: "x"}
	},
	"label of no accepted architecture": func(p pick) fields {
		return fields{label: p.of("x86_64", "AMD64", "aarch64", "arn64", "mips", "amd64.x"), dataSource: p.of("x", "x-amd64")}
	},
	"label outside the list": func(p pick) fields {
		return fields{label: "s390x", list: p.of("amd64", "amd64,arm64"), dataSource: "x"}
	},
	"platform of another architecture": func(p pick) fields {
		return fields{label: "arm64", platform: p.of("amd64", "s390x", "x86_64"), base: p.of("", "x"), dataSource: p.of("x", "x-arm64")}
	},
	"platform of another architecture than the list": func(p pick) fields {
		return fields{list: "arm64", platform: p.of("amd64", "mips"), dataSource: "x"}
	},
	"base label that does not fit": func(p pick) fields {
		return fields{label: "arm64", base: p.of("y", "x-arm64"), dataSource: p.of("x", "z")}
	},
	"DataSource of another architecture": func(p pick) fields {
		return fields{label: "arm64", base: p.of("", "x"), dataSource: p.of("x-amd64", "x-s390x")}
	},
	"name over 63": func(p pick) fields {
		return fields{name: strings.Repeat("n", 53+p.IntN(20)), label: "arm64", dataSource: "x"}
	},
	"DataSource over 63": func(p pick) fields {
		return fields{label: "arm64", dataSource: strings.Repeat("d", 58+p.IntN(20))}
	},
	"no DataSource": func(p pick) fields {
		return fields{label: "arm64", dataSource: p.of("", "-arm64")}
	},
	"base that is no label value": func(p pick) fields {
		return fields{label: "arm64", dataSource: p.of("x-", "-x", "x/y", "x y", "é")}
	},
	"all at once": func(pick) fields {
		return fields{label: "arm64", list: "amd64,arn64,,amd64", platform: "s390x", base: "y", dataSource: "x-amd64"}
	},
}

// badTemplates breaks each rule of an SSP's templates in each way.
var badTemplates = map[string]func(pick) []fields{
	"unknown, duplicate or empty item": func(p pick) []fields {
		return []fields{{name: "a", list: p.of(badLists...), dataSource: "a"}}
	},
	"name over 63": func(p pick) []fields {
		return []fields{{name: strings.Repeat("n", 58+p.IntN(20)), list: "amd64", dataSource: "a"}}
	},
	"name that is no object's": func(p pick) []fields {
		return []fields{{name: p.of("RHEL_10", "a b", "-a", "a/b", "é", "a.-b"), list: "amd64", dataSource: "a"}}
	},
	"DataSource over 63": func(p pick) []fields {
		return []fields{{name: "a", list: "amd64,s390x", dataSource: strings.Repeat("d", 58+p.IntN(20))}}
	},
	"DataSource that is no object's or label's": func(p pick) []fields {
		return []fields{{name: "a", list: "amd64", dataSource: p.of("D", "a_b", "-a", "a-", "a b", "")}}
	},
	"one name": func(p pick) []fields {
		return []fields{{name: "a", list: p.of("", "amd64"), dataSource: "a"}, {name: p.of("a", "a-amd64"), dataSource: "b"}, {name: "a", list: "amd64,arm64", dataSource: "c"}}
	},
	"one name in one namespace": func(p pick) []fields {
		ns := p.of("kubevirt-os-images", "elsewhere")
		other := ns
		if ns == "kubevirt-os-images" {
			other = ""
		}
		return []fields{{name: "a", namespace: ns, dataSource: "a"}, {name: "a", namespace: other, dataSource: "b"}}
	},
	"one DataSource": func(p pick) []fields {
		return []fields{{name: "a", list: p.of("arm64", "amd64,arm64"), dataSource: "d"}, {name: "b", list: "arm64,s390x", dataSource: "d"}}
	},
	"one DataSource, plain and with a list": func(p pick) []fields {
		return []fields{{name: "a", list: "arm64", dataSource: "d"}, {name: "b", dataSource: p.of("d", "d-arm64")}}
	},
	"one DataSource, plain": func(pick) []fields {
		return []fields{{name: "a", dataSource: "d"}, {name: "b", dataSource: "d"}, {name: "c", dataSource: "d"}}
	},
	"platform outside the list": func(p pick) []fields {
		return []fields{{name: "a", list: "amd64,arm64", platform: p.of("s390x", "x86_64"), dataSource: "a"}}
	},
	"label outside the list": func(p pick) []fields {
		return []fields{{name: "a", list: "amd64,arm64", label: p.of("s390x", "x86_64"), dataSource: "a"}}
	},
	"base label of another": func(p pick) []fields {
		return []fields{{name: "a", list: "amd64", base: p.of("b", "a-amd64"), dataSource: "a"}}
	},
	"all at once": func(pick) []fields {
		return []fields{{name: "A", list: "amd64,arn64,,amd64", platform: "mips", label: "mips", base: "b", dataSource: "d_"}, {name: "A", list: "amd64", dataSource: "d_"}}
	},
}

// pick chooses.
type pick struct{ *rand.Rand }

func (p pick) of(values ...string) string { return values[p.IntN(len(values))] }

func newDIC(i int, way string, f fields, p pick) broken {
	f.name = fmt.Sprintf("a%04d", i) + f.name + "-arm64"
	obj := &unstructured.Unstructured{Object: map[string]any{"metadata": f.metadata(), "spec": f.spec()}}
	obj.SetGroupVersionKind(dicKind)
	obj.SetNamespace(namespace)
	b := broken{Unstructured: obj, way: dicKind.Kind + ": " + way}
	b.belongsTo("ssp-operator", p)
	return b
}

func newSSP(i int, way string, templates []fields, p pick) broken {
	var items []any
	for _, f := range templates {
		items = append(items, map[string]any{"metadata": f.metadata(), "spec": f.spec()})
	}
	obj := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"commonTemplates": map[string]any{"namespace": namespace, "dataImportCronTemplates": items},
	}}}
	obj.SetGroupVersionKind(sspKinds[p.IntN(len(sspKinds))])
	obj.SetNamespace(namespace)
	obj.SetName(fmt.Sprintf("a%04d", i))
	b := broken{Unstructured: obj, way: "SSP: " + way}
	b.belongsTo("hco-operator", p)
	return b
}

// belongsTo makes some an operator's.
func (b *broken) belongsTo(operator string, p pick) {
	if p.IntN(8) > 0 {
		return
	}
	labels := b.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[byKey] = operator
	b.SetLabels(labels)
	b.tolerated = true
}
