package main

// The manifests, by their path in the repository.
const (
	seedSSP         = "pkg/arch/testdata/ssp-rhel10.yaml"
	legacyTemplate  = "hack/demo/manifests/template-rhel10-legacy.yaml"
	handwritten     = "hack/demo/manifests/dic-centos-stream10.yaml"
	handwrittenToo  = "hack/demo/manifests/dic-fedora-arm64.yaml"
	amd64Cron       = "rhel10-image-cron-amd64"
	arm64Cron       = "rhel10-image-cron-arm64"
	listedBoth      = `ssp.kubevirt.io/dict.architectures: "amd64,arm64"`
	listedAMD64     = `ssp.kubevirt.io/dict.architectures: "amd64"`
	credentials     = `kubevirt.io/dynamic-credentials-support: "true"`
	credentialsNone = `kubevirt.io/dynamic-credentials-support: "false"`
)

// step runs one kubectl command and knows what must come of it.
type step struct {
	title string
	// file is applied, with an edit to what the steps before have made of it:
	// old becomes new, and the text of the file add is appended.
	file, old, new, add string
	// serverSide applies it as GitOps tools do.
	serverSide bool
	// delete is what is deleted instead.
	delete []string
	// answers must be in what kubectl prints.
	answers  []string
	rejected bool
	// fates are what becomes of the DataImportCrons. Others stay as they are.
	fates fates
	// event must be told on the SSP anew, about each of fates.
	event string
	// like compares what stands with the files of pkg/arch/testdata.
	like map[string]string
	// table shows what stands.
	table bool
}

var steps = []step{
	{
		title: "The SSP with one template and two architectures: two DataImportCrons",
		file:  seedSSP, answers: []string{"created"},
		fates: fates{amd64Cron: created, arm64Cron: created}, event: "Created", table: true,
		like: map[string]string{amd64Cron: "dic-rhel10-amd64.yaml", arm64Cron: "dic-rhel10-arm64.yaml"},
	},
	{
		title: "A label of the template is edited: changed in place",
		file:  seedSSP, old: credentials, new: credentialsNone, answers: []string{"configured"},
		fates: fates{amd64Cron: changed, arm64Cron: changed}, event: "Updated",
	},
	{
		title: "The schedule is edited: CDI lets nobody change a spec, so both are replaced",
		file:  seedSSP, old: "schedule: 4 8/12 * * *", new: "schedule: 30 2 * * *", answers: []string{"configured"},
		fates: fates{amd64Cron: replaced, arm64Cron: replaced}, event: "Replacing",
	},
	{
		title: "The list is shrunk: arm64's goes, amd64's is not touched",
		file:  seedSSP, old: listedBoth, new: listedAMD64, answers: []string{"configured"},
		fates: fates{arm64Cron: deleted}, event: "Deleted",
	},
	{
		title: "arm64 is wanted back, with a typo, of which the SSP operator would say nothing",
		file:  seedSSP, old: listedAMD64, new: `ssp.kubevirt.io/dict.architectures: "amd64,arn64"`, rejected: true,
		answers: []string{`"arn64"`, `did you mean "arm64"?`},
	},
	{
		title: "A duplicate",
		file:  seedSSP, old: listedAMD64, new: `ssp.kubevirt.io/dict.architectures: "amd64,arm64,amd64"`, rejected: true,
		answers: []string{"Duplicate value", "list it once"},
	},
	{
		title: "Names of other tools",
		file:  seedSSP, old: listedAMD64, new: `ssp.kubevirt.io/dict.architectures: "x86_64,aarch64"`, rejected: true,
		answers: []string{`did you mean "amd64"?`, `did you mean "arm64"?`},
	},
	{
		title: "A second template, and both end at one DataSource",
		file:  seedSSP, add: legacyTemplate, rejected: true,
		answers: []string{`template "rhel10-image-cron" needs DataSource "rhel10-amd64" too`},
	},
	{
		title: "The list as it was meant: arm64's is back, amd64's is not touched",
		file:  seedSSP, old: listedAMD64, new: listedBoth, answers: []string{"configured"},
		fates: fates{arm64Cron: created}, event: "Created",
	},
	{
		title: "Two DataImportCrons by hand, in a template's form: the webhook completes them by a patch",
		file:  handwritten,
		answers: []string{
			`renamed to "centos-stream10-amd64"`, `renamed to "centos-stream10-arm64"`, "created",
		},
		fates: fates{"centos-stream10-image-cron-amd64": created, "centos-stream10-image-cron-arm64": created},
	},
	{
		title: "One more, by its architecture label, as GitOps tools apply: completed",
		file:  handwrittenToo, serverSide: true, answers: []string{`renamed to "fedora-arm64"`, "serverside-applied"},
		fates: fates{"fedora-image-cron-arm64": created},
	},
	{
		title: "The same one again: nothing changes",
		file:  handwrittenToo, serverSide: true, answers: []string{"serverside-applied"},
	},
	{
		title:  "The SSP is deleted: what was made for it goes, what was written by hand stays",
		delete: []string{"ssp", "ssp", "--namespace=kubevirt"}, answers: []string{"deleted"},
		fates: fates{amd64Cron: deleted, arm64Cron: deleted}, table: true,
	},
}
