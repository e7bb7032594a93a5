// Package annotate sets the list annotation of templates to the architectures that
// their images are there for.
package annotate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dicer-dev/dicer/cmd/kubectl-dicer/manifest"
	"github.com/dicer-dev/dicer/pkg/admission"
	"github.com/dicer-dev/dicer/pkg/arch"
)

// Images returns the architectures that a registry source's image is there for.
type Images func(ctx context.Context, url string) ([]string, error)

// Outcome is what became of a template.
type Outcome struct {
	File string
	// Line is where the template begins.
	Line int
	// Template is its name.
	Template string
	// Before is the list that it had, List the one that it has now.
	Before, List string
	// LeftOut are architectures of the image that are not accepted.
	LeftOut []string
	// Skipped is why the list stays as it is.
	Skipped string
	// Wrong tells that it should not.
	Wrong bool
}

// String says it in a line.
func (o Outcome) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: template %q: ", o.File, o.Line, o.Template)
	switch {
	case o.Skipped != "":
		b.WriteString("left alone: " + o.Skipped)
	case o.Before == o.List:
		fmt.Fprintf(&b, "%q is right", o.List)
	case o.Before == "":
		fmt.Fprintf(&b, "%q", o.List)
	default:
		fmt.Fprintf(&b, "%q, was %q", o.List, o.Before)
	}
	if len(o.LeftOut) > 0 {
		fmt.Fprintf(&b, "; left out, not accepted: %s", strings.Join(o.LeftOut, ", "))
	}
	return b.String()
}

// Annotator fills lists.
type Annotator struct {
	Images Images
	// Accepted are the architectures that a list may name.
	Accepted arch.Architectures

	// asked are the images that Images was asked for: templates often share one.
	asked map[string]answer
}

type answer struct {
	there []string
	err   error
}

// image asks for each once.
func (a *Annotator) image(ctx context.Context, url string) ([]string, error) {
	known, found := a.asked[url]
	if !found {
		if a.asked == nil {
			a.asked = map[string]answer{}
		}
		known.there, known.err = a.Images(ctx, url)
		a.asked[url] = known
	}
	return known.there, known.err
}

// File returns the file with its lists filled, and an outcome for each template of
// its SSPs and HyperConvergeds. What cannot be read, of the file or of a registry, is
// in the error; the rest is done all the same.
func (a *Annotator) File(ctx context.Context, file manifest.File) ([]byte, []Outcome, error) {
	objects, err := manifest.Read(file.Name, file.Content)
	errs := []error{err}
	var edits []manifest.Edit
	var outcomes []Outcome
	for _, o := range objects {
		path := admission.TemplatesPath(o.Kind)
		if path == nil {
			continue
		}
		items, err := o.Items(path.String())
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", o.File, err))
		}
		for i, item := range items {
			at := path.Index(i).String()
			outcome := Outcome{File: o.File, Line: o.Position(at, "").Line}
			edit, err := a.template(ctx, o, at, item, &outcome)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: template %q: %w", outcome.File, outcome.Line, outcome.Template, err))
				continue
			}
			if edit != nil {
				edits = append(edits, *edit)
			}
			outcomes = append(outcomes, outcome)
		}
	}
	return manifest.Apply(file.Content, edits), outcomes, errors.Join(errs...)
}

// template returns nil for one that stays as it is.
func (a *Annotator) template(ctx context.Context, o *manifest.Object, path string, raw []byte, out *Outcome) (*manifest.Edit, error) {
	var t arch.DataImportCron
	malformed, err := arch.Decode(raw, &t)
	out.Template, out.Before = t.Metadata.Name, t.Metadata.Annotations[arch.ListAnnotation]
	if err == nil && len(malformed) > 0 {
		err = errors.New(malformed[0].Message())
	}
	if err != nil {
		return nil, err
	}
	registry := t.Spec.Template.Spec.Source.Registry
	if registry == nil || registry.URL == "" {
		out.Skipped = "its source names no image in a registry"
		return nil, nil
	}
	there, err := a.image(ctx, registry.URL)
	if err != nil {
		return nil, err
	}
	list := a.accepted(there, out)
	if len(list) == 0 {
		out.Skipped, out.Wrong = fmt.Sprintf("its image is there for none of %s", a.Accepted), true
		return nil, nil
	}
	if same(out.Before, list) {
		out.List = out.Before
		return nil, nil
	}
	out.List = list.List()
	edit, err := o.SetAnnotation(path, arch.ListAnnotation, out.List)
	return &edit, err
}

// accepted returns which of there are accepted, in the order of what is; the others
// are noted.
func (a *Annotator) accepted(there []string, out *Outcome) arch.Architectures {
	var list arch.Architectures
	for _, accepted := range a.Accepted {
		if slices.Contains(there, string(accepted)) {
			list = append(list, accepted)
		}
	}
	for _, name := range there {
		if !a.Accepted.Has(arch.Arch(name)) {
			out.LeftOut = append(out.LeftOut, name)
		}
	}
	return list
}

// same tells whether a value lists the same architectures, in any order and, as HCO
// asks for, without white space.
func same(value string, list arch.Architectures) bool {
	items := strings.Split(value, ",")
	slices.Sort(items)
	return strings.Join(items, ",") == arch.Architectures(slices.Sorted(slices.Values(list))).List()
}
