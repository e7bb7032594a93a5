package fanout

import (
	"fmt"

	"k8s.io/apimachinery/pkg/types"
)

// choose settles what two templates of one SSP ask for both, which admission
// rejects where it is in force: one DataImportCron, or one managed DataSource.
// What stands already stays; else the first template has it. The other is
// noted, neither created nor replaced. have is the record of what stands.
func (p *plan) choose(have map[types.NamespacedName]record) {
	p.chooseNames(have)
	p.chooseDataSources(have)
	p.chooseElsewhere(have)
	p.asked = make(map[objectKey]bool, len(p.items)+len(p.pointers))
	for _, it := range p.items {
		p.asked[it.id()] = it.problem == nil
	}
	for _, d := range p.pointers {
		p.asked[d.id()] = d.problem == nil
	}
}

// chooseNames leaves one item for each name.
func (p *plan) chooseNames(have map[types.NamespacedName]record) {
	reserved := make(map[types.NamespacedName]*item, len(p.reserved))
	for _, it := range p.reserved {
		reserved[it.key] = it
	}
	holders := make(map[types.NamespacedName]*item, len(p.items))
	for _, it := range p.items {
		if other := holders[it.key]; other == nil || claim(it, have[it.key]) > claim(other, have[it.key]) {
			holders[it.key] = it
		}
	}
	var items []*item
	for _, it := range p.items {
		holder := holders[it.key]
		if other := reserved[it.key]; other != nil && claim(holder, have[it.key]) == 0 {
			holder.collide(ReasonDuplicateName, "template %q makes it too", other.template)
		}
		if holder == it {
			items = append(items, it)
		} else {
			if standing, there := have[it.key]; there && claim(holder, standing) < 2 {
				holder.collide(ReasonDuplicateName, "template %q makes it too, so what stands stays", it.template)
			}
			p.notes.warn(ReasonDuplicateName, it.String(), fmt.Sprintf("templates %q and %q both make it; that of %q stands", holder.template, it.template, holder.template))
		}
	}
	p.items = items
}

// claim weighs an item's claim to what stands under its name: made of the same
// spec, made of the same template, or none.
func claim(it *item, standing record) int {
	switch {
	case standing.template != it.template:
		return 0
	case standing.hash != it.hash:
		return 1
	default:
		return 2
	}
}

// chooseDataSources leaves one item, or one pointer, for each DataSource.
func (p *plan) chooseDataSources(have map[types.NamespacedName]record) {
	holders := map[types.NamespacedName]string{}
	for _, it := range p.items {
		if claim(it, have[it.key]) == 2 {
			holders[it.managed()] = it.String()
		}
	}
	for _, it := range p.reserved {
		if holders[it.managed()] == "" {
			holders[it.managed()] = fmt.Sprintf("template %q", it.template)
		}
	}
	for _, it := range p.items {
		switch holder := holders[it.managed()]; {
		case claim(it, have[it.key]) == 2, it.problem != nil:
		case holder == "":
			holders[it.managed()] = it.String()
		default:
			it.collide(ReasonDuplicateDataSource, "%s manages DataSource %q too", holder, it.dataSource)
		}
	}
	var pointers []*pointer
	first := map[types.NamespacedName]bool{}
	for _, d := range p.pointers {
		if first[d.key] {
			continue // two list templates may share it
		}
		first[d.key] = true
		pointers = append(pointers, d)
		if holder := holders[d.key]; holder != "" && d.problem == nil {
			d.problem = &note{reason: ReasonDuplicateDataSource, warning: true, subject: d.String(), text: holder + " manages it"}
		}
	}
	p.pointers = pointers
}

func (it *item) collide(reason Reason, format string, args ...any) {
	if it.problem == nil {
		it.problem = &note{reason: reason, warning: true, subject: it.String(), text: fmt.Sprintf(format, args...)}
	}
}

// wants tells whether the SSP asks for an object, or will not let it go. known
// is its record.
func (p *plan) wants(object objectKey, known record) bool {
	_, asked := p.asked[object]
	return asked || p.keeps(object, known) != ""
}

// keeps returns why an object that the SSP does not ask for has to stay all the
// same; empty where it may go.
func (p *plan) keeps(object objectKey, known record) string {
	template, there := p.templates[types.NamespacedName{Namespace: object.Namespace, Name: known.template}]
	if !there {
		template.keep = p.elsewhere[known.template]
	}
	switch {
	case p.unsure != "":
		return p.unsure
	case template.keep != "":
		return template.keep
	case !there:
		return ""
	case object.kind == kindDataSource && template.multi && !p.all:
		return "made with --templates=all, and its template is there"
	case object.kind == kindDataImportCron && !template.multi && object.Name == known.template:
		return "made with --templates=all, and its template is there"
	default:
		return ""
	}
}

// chooseElsewhere notes which templates do not stand where they are, or must
// not be touched: what they made in another namespace stays until they do.
func (p *plan) chooseElsewhere(have map[types.NamespacedName]record) {
	p.elsewhere = map[string]string{}
	for _, it := range p.items {
		if _, stands := have[it.key]; it.problem != nil || !stands && !p.standsDown {
			p.elsewhere[it.template] = "its template is in another namespace now, where not all that it makes stands yet"
		}
	}
	for template, state := range p.templates {
		if state.keep != "" {
			p.elsewhere[template.Name] = state.keep
		}
	}
}
