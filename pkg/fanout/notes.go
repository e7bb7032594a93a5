package fanout

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Reason is the reason of an event, and of a failure in the metrics.
type Reason string

// The reasons for which a DataImportCron is not as its SSP asks.
const (
	ReasonInvalidList         Reason = "InvalidList"
	ReasonInvalidTemplate     Reason = "InvalidTemplate"
	ReasonTemplateWarning     Reason = "TemplateWarning"
	ReasonUnreadable          Reason = "SSPUnreadable"
	ReasonNoArchitectureLeft  Reason = "NoArchitectureLeft"
	ReasonDuplicateName       Reason = "DuplicateName"
	ReasonDuplicateDataSource Reason = "DuplicateDataSource"
	ReasonNamespaceNotAllowed Reason = "NamespaceNotAllowed"
	ReasonNamespaceMissing    Reason = "NamespaceMissing"
	ReasonForeign             Reason = "Foreign"
	ReasonOtherSSP            Reason = "OwnedByAnotherSSP"
	ReasonPlatformDropped     Reason = "PlatformDropped"
	ReasonIncomplete          Reason = "Incomplete"
	ReasonWriteForbidden      Reason = "WriteForbidden"
	ReasonWriteRejected       Reason = "WriteRejected"
	ReasonWriteFailed         Reason = "WriteFailed"
	ReasonHashUnknown         Reason = "HashUnknown"
	ReasonContested           Reason = "Contested"
	ReasonKept                Reason = "Kept"
)

// The reasons of events that tell what was done, or is waited for.
const (
	ReasonCreated      Reason = "Created"
	ReasonUpdated      Reason = "Updated"
	ReasonReplacing    Reason = "Replacing"
	ReasonDeleted      Reason = "Deleted"
	ReasonWaiting      Reason = "WaitingForDeletion"
	ReasonStandingDown Reason = "StandingDown"
	ReasonNothingToDo  Reason = "NothingToDo"
	ReasonPaused       Reason = "Paused"
)

// note is one thing to tell about an SSP.
type note struct {
	reason  Reason
	warning bool
	// subject is what it is about, as the text's start; empty where the text
	// says so.
	subject, text string
}

func (n note) String() string {
	if n.subject == "" {
		return n.text
	}
	return n.subject + ": " + n.text
}

// notes are what one reconcile has to tell.
type notes []note

func (ns *notes) add(n note) {
	if n.reason != "" {
		*ns = append(*ns, n)
	}
}

func (ns *notes) warn(reason Reason, subject, text string) {
	ns.add(note{reason: reason, warning: true, subject: subject, text: text})
}

func (ns *notes) tell(reason Reason, subject, text string) {
	ns.add(note{reason: reason, subject: subject, text: text})
}

// warnings counts the warnings by their reason.
func (ns notes) warnings() map[Reason]int {
	counts := map[Reason]int{}
	for _, n := range ns {
		if n.warning {
			counts[n.reason]++
		}
	}
	return counts
}

// maxEventLength is the API's bound on an event's note, in bytes.
const maxEventLength = 1024

// moreLength is kept free for "; and 12345 more".
const moreLength = 20

// announcement is what is told of all notes of one reason.
type announcement struct {
	reason  Reason
	warning bool
	text    string
}

// events joins the notes of each reason, in the order of their first.
func (ns notes) events() []announcement {
	texts := map[Reason][]string{}
	seen := map[announcement]bool{}
	var out []announcement
	for _, n := range ns {
		if _, ok := texts[n.reason]; !ok {
			out = append(out, announcement{reason: n.reason, warning: n.warning})
		}
		e := announcement{reason: n.reason, text: n.String()}
		if !seen[e] {
			seen[e] = true
			texts[n.reason] = append(texts[n.reason], e.text)
		}
	}
	for i := range out {
		out[i].text = join(texts[out[i].reason])
	}
	return out
}

// join lists as many texts as an event holds, and counts the others.
func join(texts []string) string {
	var b strings.Builder
	for i, text := range texts {
		if i == 0 {
			b.WriteString(cut(text, maxEventLength-moreLength))
			continue
		}
		if b.Len()+len("; ")+len(text) > maxEventLength-moreLength {
			fmt.Fprintf(&b, "; and %d more", len(texts)-i)
			break
		}
		b.WriteString("; " + text)
	}
	return b.String()
}

func cut(text string, length int) string {
	if len(text) <= length {
		return text
	}
	end := length - len("...")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "..."
}
