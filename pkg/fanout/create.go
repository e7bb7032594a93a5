package fanout

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/dicer-dev/dicer/pkg/arch"
)

// create makes a DataImportCron that does not stand, once its name has been
// empty for long enough.
func (w *work) create(ctx context.Context, it *item) {
	if !w.settled(it.id()) || w.isManaged(it, true) || !w.sourceIsFree(ctx, it) || !w.nameIsFree(ctx, it.id()) {
		return
	}
	if reason, err := w.dryRun(ctx, it, it.object.DeepCopy()); err != nil {
		w.fail(reason, it.id(), err)
		return
	}
	object := it.object.DeepCopy()
	w.settling.managing(it.key, it.managed()) // the answer may be lost
	if err := w.live.Create(ctx, object); err != nil {
		w.fail(writeReason(err), it.id(), err)
		return
	}
	w.counts.present++
	w.metrics.created.Inc()
	w.notes.tell(ReasonCreated, "", it.key.String())
	log.FromContext(ctx).Info("created", "dataImportCron", it.key, "uid", object.GetUID())
}

// settled tells whether a name has been empty for long enough.
func (w *work) settled(object objectKey) bool {
	wait, contested := w.settling.wait(object)
	if wait == 0 {
		return true
	}
	w.recheck(wait)
	if contested {
		w.note(&note{reason: ReasonContested, warning: true, subject: object.String(), text: fmt.Sprintf(
			"somebody keeps deleting it; dicer makes it again, later each time (at most %s)", maxContest)})
	}
	return false
}

// nameIsFree looks past the cache, which shows only what is labelled as
// dicer's, and a moment late.
func (w *work) nameIsFree(ctx context.Context, object objectKey) bool {
	elder, err := w.elder(ctx, object)
	if err != nil {
		w.fail(ReasonWriteFailed, object, err)
		return false
	}
	if elder != nil {
		w.otherHolds(object, *elder)
		return false
	}
	there := reference(object)
	err = w.live.Get(ctx, object.NamespacedName, there)
	switch {
	case apierrors.IsNotFound(err):
		return true
	case err != nil:
		w.fail(writeReason(err), object, err)
		return false
	}
	if _, own := recordOf(there); own {
		w.fail("", object, errStale)
	} else {
		w.foreign(object, there)
	}
	return false
}

// dryRun asks the API server what would become of an object, and returns an
// error where that is not what is asked for: an old CDI drops the platform, and
// would import an image of some architecture.
func (w *work) dryRun(ctx context.Context, it *item, object *unstructured.Unstructured) (Reason, error) {
	if err := w.live.Create(ctx, object, client.DryRunAll); err != nil {
		return writeReason(err), err
	}
	sent, err := decode(it.object)
	if err != nil {
		return ReasonIncomplete, err
	}
	stored, err := decode(object)
	switch {
	case err != nil:
		return ReasonIncomplete, err
	case stored.Platform() == "" && sent.Platform() != "":
		return ReasonPlatformDropped, fmt.Errorf(
			"this CDI does not store the platform (%s), so any architecture's image could be imported: nothing is created; upgrade CDI", sent.Platform())
	case stored.Platform() != sent.Platform():
		return ReasonIncomplete, fmt.Errorf("something on its way through the API server makes its platform %q (wanted %q): nothing is created", stored.Platform(), sent.Platform())
	case it.arch != "" && !stored.CompleteFor(it.arch):
		return ReasonIncomplete, fmt.Errorf("something on its way through the API server changes it (%s): nothing is created", strings.Join(stored.Missing(it.arch), ", "))
	default:
		return "", nil
	}
}

func decode(object *unstructured.Unstructured) (*arch.DataImportCron, error) {
	raw, err := object.MarshalJSON()
	if err != nil {
		return nil, err
	}
	d := &arch.DataImportCron{}
	_, err = arch.Decode(raw, d)
	return d, err
}

// writeReason tells people why the API server refused.
func writeReason(err error) Reason {
	switch {
	case apierrors.IsNotFound(err) && strings.HasPrefix(err.Error(), "namespaces "),
		apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return ReasonNamespaceMissing
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), `is forbidden: User "`):
		return ReasonWriteForbidden
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return ReasonWriteRejected
	default:
		return ReasonWriteFailed
	}
}

// advice is what to do about a refused write.
var advice = map[Reason]string{
	ReasonNamespaceMissing: "; create it: dicer creates no namespace",
	ReasonWriteForbidden:   "; is the namespace there, and dicer's Role in it?",
}

// knownVersion tells whether a recorded hash can be compared.
func knownVersion(hash string) bool { return strings.HasPrefix(hash, hashVersion) }
