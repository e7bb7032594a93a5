package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
)

// slot is a template that changes at random.
type slot struct {
	name, list, stream, dataSource, schedule string
	absent                                   bool
	labels, annotations                      map[string]any
}

// edit changes one thing about it.
func (s *slot) edit(r *rand.Rand) {
	switch r.IntN(9) {
	case 0, 1:
		s.list = validList(r)
	case 2:
		s.list = []string{"amd64,arn64", "s390x,", "arm64,arm64", ",", "x86_64", "amd64, arm64,ppc64le"}[r.IntN(6)]
	case 3:
		s.list = ""
	case 4:
		s.absent = !s.absent && r.IntN(2) == 0
	case 5:
		s.stream = fmt.Sprintf("guest-%d", r.IntN(3))
	case 6:
		s.schedule = fmt.Sprintf("%d 1 * * *", r.IntN(60))
	case 7:
		// Its own name is in it, so that no two manage one.
		s.dataSource = fmt.Sprintf("%s-of-%s", []string{"a", "b"}[r.IntN(2)], s.name)
	case 8:
		s.labels = map[string]any{fmt.Sprintf("e2e/%d", r.IntN(3)): fmt.Sprint(r.IntN(3))}
		s.annotations = map[string]any{fmt.Sprintf("e2e/%d", r.IntN(3)): fmt.Sprint(r.IntN(3))}
	}
}

func validList(r *rand.Rand) string {
	all := []string{"amd64", "arm64", "s390x"}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return strings.Join(all[:1+r.IntN(3)], []string{",", ", "}[r.IntN(2)])
}

func (s *slot) template() map[string]any {
	t := parse(templateOf(s.name, "", spec(s.dataSource, strings.Replace(registry, "rhel10-guest", s.stream, 1)), ""))
	set(t, s.schedule, "spec", "schedule")
	annotations := maps.Clone(s.annotations)
	if s.list != "" {
		annotations[listKey] = s.list
	}
	set(t, annotations, "metadata", "annotations")
	set(t, maps.Clone(s.labels), "metadata", "labels")
	return t.Object
}
