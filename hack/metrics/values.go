package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// source tells where a label's values stand, for those that are not exported
// before they occur.
type source struct{ metric, label string }

// valuesOf returns the values of such labels.
func valuesOf(root string) (map[source][]string, error) {
	rules, err := constants(root, "pkg/arch", "Rule")
	if err != nil {
		return nil, err
	}
	severities, err := constants(root, "pkg/arch", "Severity")
	if err != nil {
		return nil, err
	}
	failures, warnings, err := reasons(root)
	if err != nil {
		return nil, err
	}
	var architectures []string
	for _, a := range arch.DefaultArchitectures() {
		architectures = append(architectures, string(a))
	}
	return map[source][]string{
		{"dicer_admission_findings_total", "rule"}:               rules,
		{"dicer_admission_findings_total", "severity"}:           severities,
		{"dicer_fanout_failed", "reason"}:                        failures,
		{"dicer_fanout_template_warnings", "reason"}:             warnings,
		{"dicer_fanout_templates_without_nodes", "architecture"}: architectures,
	}, nil
}

// constants returns the values of a package's constants of a type, sorted.
func constants(root, folder, typeName string) ([]string, error) {
	files, err := parse(root, folder)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, file := range files {
		for _, declaration := range file.Decls {
			if group, ok := declaration.(*ast.GenDecl); ok && group.Tok == token.CONST {
				maps.Copy(found, valuesIn(group, typeName))
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: no constants of type %s", folder, typeName)
	}
	return slices.Sorted(maps.Values(found)), nil
}

// reasons returns those of failures, and those of warnings about an SSP: what the
// plan warns of is about the SSP, what the work only warns of is in no metric, and
// what is used otherwise is a failure.
func reasons(root string) (failures, warnings []string, err error) {
	const folder = "pkg/fanout"
	files, err := parse(root, folder)
	if err != nil {
		return nil, nil, err
	}
	var group map[string]string
	failed, warned := map[string]bool{}, map[string]bool{}
	for name, file := range files {
		ofPlan := name == "plan.go" || name == "choose.go"
		ast.Inspect(file, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.GenDecl:
				if values := valuesIn(n, "Reason"); values["ReasonInvalidList"] != "" {
					group = values
				}
				return n.Tok != token.CONST
			case *ast.CallExpr:
				called, ok := n.Fun.(*ast.SelectorExpr)
				reason, named := firstOf(n)
				if ok && named && slices.Contains([]string{"warn", "doubt", "tell"}, called.Sel.Name) {
					warned[reason] = warned[reason] || ofPlan
					return false
				}
			case *ast.Ident:
				failed[n.Name] = true
			}
			return true
		})
	}
	for _, name := range slices.Sorted(maps.Keys(group)) {
		if failed[name] {
			failures = append(failures, group[name])
		}
		if warned[name] {
			warnings = append(warnings, group[name])
		}
	}
	if len(failures) == 0 || len(warnings) == 0 {
		return nil, nil, fmt.Errorf("%s: %d reasons of failures, %d of warnings", folder, len(failures), len(warnings))
	}
	slices.Sort(failures)
	slices.Sort(warnings)
	return failures, warnings, nil
}

// firstOf returns the name that is a call's first argument.
func firstOf(call *ast.CallExpr) (name string, ok bool) {
	if len(call.Args) == 0 {
		return "", false
	}
	id, ok := call.Args[0].(*ast.Ident)
	if !ok {
		return "", false
	}
	return id.Name, true
}

// parse returns a package's files by name.
func parse(root, folder string) (map[string]*ast.File, error) {
	paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.go"))
	if err != nil {
		return nil, err
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		if files[filepath.Base(path)], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// valuesIn returns a group's string constants of a type, by name.
func valuesIn(group *ast.GenDecl, typeName string) map[string]string {
	found := map[string]string{}
	for _, spec := range group.Specs {
		values, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if id, ok := values.Type.(*ast.Ident); !ok || id.Name != typeName {
			continue
		}
		for i, value := range values.Values {
			if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					found[values.Names[i].Name] = text
				}
			}
		}
	}
	return found
}
