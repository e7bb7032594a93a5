package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dicer-dev/dicer/test/cluster"
)

// managing writes a template for amd64 whose spec differs by its DataSource and
// the schedule's minute.
func managing(name, dataSource string, minute int) string {
	spec := fmt.Sprintf(`{managedDataSource: %q, schedule: "%d 8/12 * * *", template: {spec: {source: {%s}, storage: {resources: {requests: {storage: 30Gi}}}}}}`, dataSource, minute, registry)
	return templateOf(name, "amd64", spec, "")
}

// written gives the controller's writes that begin with a text, dry runs left out.
func (p *place) written(prefix string) []string {
	p.t.Helper()
	return slices.DeleteFunc(p.writes(p.golden), func(w string) bool { return !strings.HasPrefix(w, prefix) })
}

func TestFanoutKeepsTheStandingOneOfTwoTemplatesWithOneDataSource(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", managing("two", "same", 1))
	before := uids(p.stand("two-amd64"))
	for _, step := range []struct {
		name      string
		templates []string
	}{
		{"another one before it", []string{managing("one", "same", 1), managing("two", "same", 1)}},
		{"another one after it", []string{managing("two", "same", 1), managing("one", "same", 1)}},
		{"the other one edited", []string{managing("two", "same", 1), managing("one", "same", 2)}},
		{"the other one edited and before it", []string{managing("one", "same", 3), managing("two", "same", 1)}},
		{"the standing one edited, behind the other", []string{managing("one", "same", 3), managing("two", "same", 4)}},
		{"both edited, behind the other", []string{managing("one", "same", 5), managing("two", "same", 6)}},
		{"as it was", []string{managing("one", "same", 5), managing("two", "same", 1)}},
	} {
		ssp := p.ssp("ssp", step.templates...)
		p.lookedTwice(f, ssp)
		if diff := cmp.Diff(before, uids(p.crons(p.golden))); diff != "" {
			t.Errorf("%s: UIDs (-before +after):\n%s", step.name, diff)
		}
	}
	p.warned("ssp", "DuplicateDataSource", "one-amd64", "two-amd64", "same-amd64")
	p.noDeletes()
	// The standing one is edited before the other: it is replaced by itself.
	p.ssp("ssp", managing("two", "same", 7), managing("one", "same", 1))
	p.eventually(func() error {
		if now := p.crons(p.golden)["two-amd64"]; now == nil || minuteOf(now) != "7" {
			return fmt.Errorf("it is not replaced")
		}
		return nil
	})
	if got := p.written("create dataimportcrons/one-amd64"); len(got) > 0 {
		t.Errorf("the other one was made: %q", got)
	}
	// The way out: another DataSource for one of them.
	p.ssp("ssp", managing("two", "same", 7), managing("one", "other", 1))
	p.stand("one-amd64", "two-amd64")
}

func TestFanoutMakesOneOfTwoSSPsTemplatesWithOneDataSource(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"one after the other": false, "both before the controller starts": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			var f *cluster.Fanout
			first := p.ssp("first", managing("one", "same", 1))
			if !early {
				f = p.start()
				p.stand("one-amd64")
			}
			second := p.ssp("second", managing("two", "same", 2), managing("fedora", "fedora", 1))
			if early {
				f = p.start()
			}
			p.eventually(func() error {
				found := p.crons(p.golden)
				if len(found) < 2 || found["fedora-amd64"] == nil {
					return fmt.Errorf("%d stand", len(found))
				}
				return nil
			})
			p.lookedTwice(f, first)
			p.lookedTwice(f, second)
			stands, other, loser := "one-amd64", "two-amd64", second
			if early && p.crons(p.golden)["two-amd64"] != nil {
				stands, other, loser = other, stands, first // which comes first is chance then
			}
			before := uids(p.stand("fedora-amd64", stands))
			p.warned(loser.GetName(), "DuplicateDataSource", other, stands, "same-amd64")
			if got := p.written("create dataimportcrons/" + other); len(got) > 0 {
				t.Errorf("the other one was made: %q", got)
			}
			p.sameUIDs(before, p.stand("fedora-amd64", stands))
			if early {
				return
			}
			// The first gives it up: then the second has it.
			p.ssp("first")
			p.eventually(func() error {
				if p.crons(p.golden)["one-amd64"] != nil {
					return fmt.Errorf("the first has it still")
				}
				return nil
			})
			p.lookedTwice(f, second) // else it looks within a minute
			p.stand("fedora-amd64", "two-amd64")
			written := strings.Join(p.writes(p.golden), ", ")
			if gone, made := strings.Index(written, "delete dataimportcrons/one-amd64 200"), strings.Index(written, "create dataimportcrons/two-amd64 201"); gone < 0 || made < gone {
				t.Errorf("writes %s; want the second's after the first's has gone", written)
			}
		})
	}
}

func TestFanoutMakesARenamedTemplatesOnlyAfterTheOldHasGone(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", managing("old", "same", 1))
	held := p.stand("old-amd64")["old-amd64"]
	p.patch(held, `{"metadata":{"finalizers":["e2e/hold"]}}`)
	renamed := p.ssp("ssp", managing("new", "same", 1))
	p.told(p.ssps, "WaitingForDeletion", "new-amd64", "old-amd64", "same-amd64")
	p.lookedTwice(f, renamed)
	if now := p.crons(p.golden); len(now) != 1 || now["old-amd64"].GetDeletionTimestamp() == nil {
		t.Errorf("%d stand; want the old one, being deleted", len(now))
	}
	p.patch(held, `{"metadata":{"finalizers":null}}`)
	p.stand("new-amd64")
	want := []string{"create dataimportcrons/old-amd64 201", "delete dataimportcrons/old-amd64 200", "create dataimportcrons/new-amd64 201"}
	if diff := cmp.Diff(want, p.writes(p.golden)); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	// Without a finalizer, and back.
	p.ssp("ssp", managing("old", "same", 1))
	p.stand("old-amd64")
	want = append(want, "delete dataimportcrons/new-amd64 200", "create dataimportcrons/old-amd64 201")
	if diff := cmp.Diff(want, p.writes(p.golden)); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestFanoutLetsTemplatesSwapTheirDataSources(t *testing.T) {
	t.Parallel()
	for name, after := range map[string][]string{"two": {"b", "a"}, "three in a ring": {"b", "c", "a"}} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			f := p.start()
			var old, swapped, names []string
			for i, source := range after {
				own := string(rune('a' + i))
				old, swapped = append(old, managing("of-"+own, own, 1)), append(swapped, managing("of-"+own, source, 1))
				names = append(names, "of-"+own+"-amd64")
			}
			p.ssp("ssp", old...)
			before := p.stand(slices.Clone(names)...)
			ssp := p.ssp("ssp", swapped...)
			now := p.replaced(before, names...)
			for i, name := range names {
				if got := now[name].GetLabels()[baseKey]; got != after[i] {
					t.Errorf("%s manages %s's; want %s's", name, got, after[i])
				}
			}
			p.lookedTwice(f, ssp)
			p.sameAs(now)
			if got := p.deletes(); got != len(after) {
				t.Errorf("%d deletes; want one of each", got)
			}
		})
	}
}

func TestFanoutReplacesNothingOfTwoTemplatesOfOneName(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	f := p.start()
	p.ssp("ssp", managing("same", "a", 1))
	before := uids(p.stand("same-amd64"))
	for _, templates := range [][]string{
		{managing("same", "a", 1), managing("same", "b", 2)},
		{managing("same", "b", 2), managing("same", "a", 1)},
		{managing("same", "a", 3), managing("same", "b", 2)},
		{managing("same", "b", 2), managing("same", "a", 3)},
		{managing("same", "a", 4), managing("same", "a", 5)},
	} {
		p.lookedTwice(f, p.ssp("ssp", templates...))
		p.sameUIDs(before, p.stand("same-amd64"))
	}
	p.warned("ssp", "DuplicateName", "same-amd64", "what stands stays")
	p.noDeletes()
	p.ssp("ssp", managing("same", "a", 4))
	p.eventually(func() error {
		if now := p.crons(p.golden)["same-amd64"]; now == nil || minuteOf(now) != "4" {
			return fmt.Errorf("the one that is left does not stand")
		}
		return nil
	})
}
