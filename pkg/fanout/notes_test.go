package fanout

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestNotesOfOneReasonAreOneEvent(t *testing.T) {
	var ns notes
	ns.tell(ReasonCreated, "", "a")
	ns.warn(ReasonForeign, "x", "is another's")
	ns.tell(ReasonCreated, "", "b")
	ns.tell(ReasonCreated, "", "a")
	ns.warn(ReasonForeign, "x", "is another's")
	ns.warn(ReasonForeign, "y", "is another's")
	ns.add(note{})
	want := []announcement{
		{reason: ReasonCreated, text: "a; b"},
		{reason: ReasonForeign, warning: true, text: "x: is another's; y: is another's"},
	}
	if diff := cmp.Diff(want, ns.events(), cmp.AllowUnexported(announcement{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (notes)(nil).events(); got != nil {
		t.Errorf("events of nothing: %v", got)
	}
}

var more = regexp.MustCompile(`; and (\d+) more$`)

func TestAnEventHoldsAtMost1024BytesAndCountsTheRest(t *testing.T) {
	for _, length := range []int{1, 2, 30, 100, 333, 501, 502, 503, 1001, 1002, 1003, 1004, 1005, 1023, 1024, 1025, 5000} {
		for _, n := range []int{1, 2, 3, 50, 1000} {
			for _, letter := range []string{"x", "ä", "💾"} {
				var ns notes
				for i := range n {
					text := strings.Repeat(letter, length/len(letter)+1)
					ns.warn(ReasonForeign, "", fmt.Sprintf("%d%s", i, text))
				}
				events := ns.events()
				if len(events) != 1 {
					t.Fatalf("%d events", len(events))
				}
				checkEvent(t, events[0].text, n, letter)
			}
		}
	}
}

// checkEvent counts the texts that are told: each starts with a digit.
func checkEvent(t *testing.T, text string, n int, letter string) {
	t.Helper()
	if len(text) > 1024 || !utf8.ValidString(text) {
		t.Errorf("%d bytes, valid %t", len(text), utf8.ValidString(text))
	}
	told, hidden := strings.Count(text, "; ")+1, 0
	if found := more.FindStringSubmatch(text); found != nil {
		told--
		hidden, _ = strconv.Atoi(found[1])
	}
	if told+hidden != n {
		t.Errorf("%d of %q: %d told and %d more; want %d", len(text), letter, told, hidden, n)
	}
}

func TestCutKeepsWholeCharacters(t *testing.T) {
	for _, tc := range []struct {
		text   string
		length int
		want   string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdefg", 6, "abc..."}, {"aäaäaä", 6, "aä..."}, {"aaäaaa", 6, "aa..."},
		{"💾💾💾", 8, "💾..."}, {"💾💾💾", 6, "..."}, {"", 6, ""}, {"\xff\xff\xff\xff\xff\xff\xff", 6, "\xff\xff\xff..."},
	} {
		if got := cut(tc.text, tc.length); got != tc.want {
			t.Errorf("%q cut to %d is %q; want %q", tc.text, tc.length, got, tc.want)
		}
	}
}
