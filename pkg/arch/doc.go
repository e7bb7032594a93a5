// Package arch holds the rules of multi-architecture golden images: how the
// list annotation is read, how a template is cut into one DataImportCron per
// architecture, and what contradicts what.
//
// # The list
//
// The annotation ssp.kubevirt.io/dict.architectures of a template names the
// architectures to import:
//
//	value            meaning
//	missing, ""      not multi-architecture: nothing changes
//	"amd64,arm64"    one DataImportCron for amd64, one for arm64
//	" amd64 ,arm64"  the same: items are trimmed as strings.TrimSpace does
//	"arn64"          rejected: unknown, did you mean "arm64"?
//	"x86_64"         rejected: unknown, did you mean "amd64"?
//	"amd64,amd64"    rejected: listed twice
//	"amd64,,arm64"   rejected: an item is empty, as in "amd64," and ","
//	"  "             rejected: an item is empty
//
// An item is exactly one of the accepted architectures (amd64, arm64 and
// s390x unless the administrator says otherwise). Every finding is reported,
// never only the first.
//
// # The six changes
//
// A template and an architecture A become a DataImportCron by:
//
//  1. name: the template's + "-A"
//  2. spec.template.spec.source.registry.platform.architecture: A, where the
//     source is a registry
//  3. spec.managedDataSource: the template's + "-A"
//  4. label template.kubevirt.io/architecture: A
//  5. label cdi.kubevirt.io/storage.import.datasource-name: the template's
//     managedDataSource
//  6. the list is not carried over
//
// They exist once, as a JSON patch (see [Cut] and [Declaration.Completion]). Objects are
// read through a view of the few fields that matter ([DataImportCron]) and
// never written back through it, so no field is lost.
//
// The package is pure: it imports no client, server or logger, and reads no
// clock, host or environment.
package arch
