package admission

import (
	"encoding/json"
	"strings"
)

// script makes a DataImportCron of any bytes: each choice takes one. Where they are
// used up the first is chosen, so that a short script makes a small object.
type script struct{ bytes []byte }

func (s *script) pick(n int) int {
	if len(s.bytes) == 0 {
		return 0
	}
	next := s.bytes[0]
	s.bytes = s.bytes[1:]
	return int(next) % n
}

func choose[T any](s *script, values ...T) T { return values[s.pick(len(values))] }

// often is true but for one in n.
func (s *script) often(n int) bool { return s.pick(n) != n-1 }

// text is of the script's own bytes, mostly.
func (s *script) text() string {
	n := min(s.pick(12), len(s.bytes))
	text := strings.ToValidUTF8(string(s.bytes[:n]), "é")
	s.bytes = s.bytes[n:]
	return text
}

// odd names stand in no schema, or have to be escaped in a JSON pointer.
var odd = []string{"invented", "a/b~c", "~1", "", "/", "Labels", "NAME", "ManagedDataSource", "x.y", "é", "0", "-"}

// unknown is a value of any shape.
func (s *script) unknown(depth int) any {
	switch s.pick(9) {
	case 0:
		return s.text()
	case 1:
		return choose(s, json.Number("12345678901234567890"), json.Number("1.0"), json.Number("-0"), json.Number("1e400"), json.Number("0.1"))
	case 2:
		return s.often(2)
	case 3:
		return nil
	case 4, 5:
		list := []any{}
		for range s.pick(3) {
			if depth > 0 {
				list = append(list, s.unknown(depth-1))
			}
		}
		return list
	default:
		object := map[string]any{}
		for range s.pick(3) {
			if depth > 0 {
				object[choose(s, odd...)] = s.unknown(depth - 1)
			}
		}
		return object
	}
}

// add puts unknown fields into an object, now and then.
func (s *script) add(object map[string]any) map[string]any {
	for range choose(s, 0, 0, 0, 1, 2) {
		object[choose(s, odd...)] = s.unknown(3)
	}
	return object
}

// wrong is a value of another type than a string.
func (s *script) wrong() any {
	return choose[any](s, json.Number("5"), true, []any{}, map[string]any{}, json.Number("1e400"))
}

// set puts a field where a value is to be had; rarely null or of a wrong type.
func (s *script) set(object map[string]any, name string, value any) {
	switch {
	case s.often(60):
		object[name] = value
	case s.often(2):
		object[name] = nil
	default:
		object[name] = s.wrong()
	}
}

// dataImportCron makes one that may be complete, incomplete, contradictory or
// without a declaration.
func (s *script) dataImportCron(accepted []string) map[string]any {
	a := choose(s, accepted...)
	other := func() string {
		return choose(s, a, a, a, a, a, a, accepted[0], accepted[len(accepted)-1], "mips", "", strings.ToUpper(a), s.text())
	}
	long := strings.Repeat("x", 61-len(a)+s.pick(4))
	base := choose(s, "x", "x", "x", "x-"+a, "x."+accepted[0], long, "x-", "-x", s.text())
	named := func() string { return choose(s, base, base, base+"-"+a, base+"-"+a, base+"-"+other(), s.text(), "") }

	labels, annotations := s.add(map[string]any{}), s.add(map[string]any{})
	for name := range labels {
		labels[name] = s.text()
	}
	for name := range annotations {
		annotations[name] = s.text()
	}
	if s.often(4) {
		s.set(labels, architectureLabel, other())
	}
	if s.pick(3) == 0 {
		s.set(labels, dataSourceLabel, choose(s, base, base, base, named()))
	}
	if s.pick(12) == 11 {
		labels["app.kubernetes.io/managed-by"] = choose(s, "ssp-operator", "hco-operator", "dicer", "")
	}
	if s.pick(3) == 2 {
		s.set(annotations, listAnnotation, choose(s, a, " "+a+"\t", other(), "", ",", a+","+other(), other()+" ,"+a, a+","+a, strings.Join(accepted, ","), s.text()))
	}
	metadata := s.add(map[string]any{})
	s.set(metadata, choose(s, "name", "name", "name", "generateName"), choose(s, named(), base+"-"+a, strings.Repeat("n", 62+s.pick(3))))
	if len(labels) > 0 || s.often(2) {
		s.set(metadata, "labels", labels)
	}
	if len(annotations) > 0 || s.often(2) {
		s.set(metadata, "annotations", annotations)
	}
	spec := s.add(map[string]any{"schedule": "0 1 * * *"})
	s.set(spec, "managedDataSource", named())
	s.set(spec, "template", s.template(other))
	object := s.add(map[string]any{"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataImportCron"})
	s.set(object, "metadata", metadata)
	s.set(object, "spec", spec)
	return object
}

func (s *script) template(other func() string) map[string]any {
	source := s.add(map[string]any{})
	switch s.pick(6) {
	case 4:
		source["http"] = map[string]any{"url": "http://x.invalid"}
	case 5:
	default:
		registry := s.add(map[string]any{choose(s, "url", "imageStream"): "docker://x.invalid/x"})
		if s.pick(2) == 1 {
			platform := s.add(map[string]any{})
			if s.often(3) {
				s.set(platform, "architecture", other())
			}
			s.set(registry, "platform", platform)
		}
		s.set(source, "registry", registry)
	}
	inner := s.add(map[string]any{"storage": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "30Gi"}}}})
	s.set(inner, "source", source)
	template := s.add(map[string]any{})
	s.set(template, "spec", inner)
	return template
}
