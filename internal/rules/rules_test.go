package rules

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/callboard-dev/callboard"
)

func list(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// pure are the packages that are told everything and reach nothing.
var pure = []string{"internal/telephony", "internal/tracker", "internal/board"}

// TestPurePackagesReachNothing holds that the rules of calls and of the board reach no network, no SQL, no logging and no
// clock, not even through others.
func TestPurePackagesReachNothing(t *testing.T) {
	t.Parallel()
	forbidden := []string{"net", "net/http", "os/exec", "database/sql", "log", "log/slog"}
	for _, p := range pure {
		for _, dep := range list(t, "-deps", "./"+p) {
			if slices.Contains(forbidden, dep) {
				t.Errorf("%s depends on %s", p, dep)
			}
		}
		files := parse(t, filepath.Join(root, p))
		for name, file := range files {
			for _, i := range file.Imports {
				if i.Path.Value == `"os"` {
					t.Errorf("%s imports os", name)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := call.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, call.Sel.Name) {
					t.Errorf("%s asks the clock: time.%s", name, call.Sel.Name)
				}
				return true
			})
		}
	}
}

var clocks = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}

// parse reads a package's files but for its tests.
func parse(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no Go files in %s", folder)
	}
	files := map[string]*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	return files
}

// TestFloors holds the arrows of docs/architecture.md: what each package may know of ours.
func TestFloors(t *testing.T) {
	t.Parallel()
	rules := []string{"telephony"}
	may := map[string][]string{
		"telephony":    nil,
		"tracker":      rules,
		"board":        rules,
		"connector":    rules,
		"crash":        nil,
		"line":         {"telephony", "tracker", "board", "connector", "crash"},
		"erasure":      {"telephony", "board"},
		"asterisk":     rules,
		"asterisk/ami": {"telephony", "connector", "asterisk"},
		"asterisk/cdr": {"telephony", "asterisk"},
		"demopbx":      nil,
		"config":       nil,
		"store":        {"board", "telephony", "crash"},
		"delivery":     {"board"},
		"export":       {"telephony", "board"},
		"retention":    {"board"},
		"server":       {"board", "telephony", "delivery", "export", "crash"},
		"webhook":      {"board", "telephony"},
		"history":      {"board", "telephony"},
		"telemetry":    {"board", "telephony"},
	}
	prefix := module + "/internal/"
	for name, allowed := range may {
		for _, imported := range list(t, "-f", `{{join .Imports "\n"}}`, "./internal/"+name) {
			other, ours := strings.CutPrefix(imported, prefix)
			if ours && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s; it may know %v", name, other, allowed)
			}
		}
	}
	for _, p := range list(t, "./internal/...") {
		name := strings.TrimPrefix(p, prefix)
		if _, known := may[name]; !known && !slices.Contains([]string{"app", "rules", "history", "connector/connectortest", "server/servertest", "store/disktest", "store/pgtest", "tracker/trackertest"}, name) {
			t.Errorf("%s has no floor: give it one here and in docs/architecture.md", name)
		}
	}
}

// TestPageAndExamplesAreOrdinaryApps holds that what we ship, and what measures it, speaks the public API and nothing else.
func TestPageAndExamplesAreOrdinaryApps(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"./client/...", "./examples/...", "./webui/...", "./sdk/...", "./bench/..."} {
		for _, dep := range list(t, "-deps", folder) {
			if strings.HasPrefix(dep, module+"/internal/") {
				t.Errorf("%s depends on %s", folder, dep)
			}
		}
	}
}

// TestPackageComments holds that every package says what it is for.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	for _, folder := range list(t, "-f", "{{.Dir}}", "./...") {
		documented := false
		for _, file := range parse(t, folder) {
			documented = documented || file.Doc != nil && len(file.Doc.Text()) > 40
		}
		if !documented {
			t.Errorf("%s has no package comment", folder)
		}
	}
}

// TestGeneratedIsCurrent generates the Go files anew, beside the tree, and compares. The npm packages compare theirs by
// themselves (npm run check).
func TestGeneratedIsCurrent(t *testing.T) {
	t.Parallel()
	for _, g := range []struct{ folder, config, file string }{
		{"api", "oapi-codegen.yaml", "models.gen.go"},
		{"internal/server", "oapi-codegen.yaml", "routes.gen.go"},
	} {
		fresh := filepath.Join(t.TempDir(), g.file)
		spec, err := filepath.Abs(filepath.Join(root, "api/openapi.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		tools, err := filepath.Abs(filepath.Join(root, "tools/go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		config := bytes.Replace(read(t, filepath.Join(root, g.folder, g.config)), []byte("output: "+g.file), []byte("output: "+fresh), 1)
		elsewhere := filepath.Join(t.TempDir(), g.config)
		if err := os.WriteFile(elsewhere, config, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", "tool", "-modfile="+tools, "oapi-codegen", "-config", elsewhere, spec)
		cmd.Dir = filepath.Join(root, g.folder)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
		}
		if got, want := read(t, filepath.Join(root, g.folder, g.file)), read(t, fresh); !bytes.Equal(got, want) {
			t.Errorf("%s/%s is not what api/openapi.yaml says: run `make generate`", g.folder, g.file)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks holds that every relative link in the documents leads somewhere.
func TestLinks(t *testing.T) {
	t.Parallel()
	documents := []string{filepath.Join(root, "README.md")}
	for _, folder := range []string{"docs", "examples", "sdk/js", "testdata", "lab"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "node_modules" {
				return fs.SkipDir
			}
			if err == nil && strings.HasSuffix(path, ".md") {
				documents = append(documents, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, document := range documents {
		for _, found := range link.FindAllSubmatch(read(t, document), -1) {
			target := filepath.Join(filepath.Dir(document), string(found[1]))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", document, found[1])
			}
		}
	}
}
