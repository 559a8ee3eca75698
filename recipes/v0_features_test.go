package recipes

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms"
)

var updateV0 = flag.Bool("update-v0", false, "ask conda-build (FORGE_CONDA_BUILD) for testdata/v0/*/want.jsonl anew")

// v0Oracle renders recipes with conda-build itself, one line of JSON each, as the vectors have them.
const v0Oracle = `
import json, logging, sys, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from conda_build import api
from conda_build.config import Config

def texts(m, key):
    v = m.get_value(key)
    return [] if v is None else v if isinstance(v, (list, dict)) else [v]

for line in sys.stdin:
    c = json.loads(line)
    system, arch = c["platform"].split("-", 1)
    answer = {"recipe": c["recipe"], "platform": c["platform"], "outputs": []}
    config = Config(platform=system, arch=arch, variant_config_files=[], ignore_system_variants=True, set_build_id=False)
    seen = set()
    for m, _, _ in api.render(c["folder"], config=config, finalize=False, bypass_env_check=True,
                              permit_unsatisfiable_variants=True, no_download_source=True):
        hashed = m.get_hash_contents()
        source = m.get_section("source") or []
        o = {"name": m.name(), "version": m.version(), "number": m.build_number(), "build_string": m.build_id(),
             "hash_input": hashed, "used": sorted(m.get_used_vars()), "noarch": m.noarch, "build": texts(m, "requirements/build"),
             "host": texts(m, "requirements/host"), "run": texts(m, "requirements/run"),
             "run_constrained": texts(m, "requirements/run_constrained"), "source": [source] if isinstance(source, dict) else source,
             "run_exports": m.get_value("build/run_exports") or None, "test": m.meta.get("test"), "about": m.meta.get("about") or {}}
        key = json.dumps([o["name"], o["build_string"], hashed], sort_keys=True)
        if not m.skip() and key not in seen:
            seen.add(key)
            answer["outputs"].append(o)
    answer["outputs"].sort(key=lambda o: json.dumps([o["name"], o["build_string"], o["hash_input"]], sort_keys=True))
    print("ANSWER " + json.dumps(answer, sort_keys=True))
    sys.stdout.flush()
`

// v0FeatureCase is a recipe of testdata/v0 on one platform.
type v0FeatureCase struct {
	Recipe   string `json:"recipe"`
	Platform string `json:"platform"`
	Folder   string `json:"folder"`
}

func v0FeatureCases(t *testing.T) (cases []v0FeatureCase) {
	folders, err := filepath.Glob("testdata/v0/*")
	if err != nil || len(folders) < 20 {
		t.Fatalf("%d recipes: %v", len(folders), err)
	}
	for _, folder := range folders {
		abs, err := filepath.Abs(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, platform := range []string{"linux-64", "osx-arm64", "win-64"} {
			cases = append(cases, v0FeatureCase{filepath.Base(folder), platform, abs})
		}
	}
	return cases
}

// TestV0Features renders recipes that each show some features of meta.yaml, and wants what conda-build 26.7
// rendered of them on three platforms.
func TestV0Features(t *testing.T) {
	for _, c := range v0FeatureCases(t) {
		if *updateV0 {
			continue
		}
		found := false
		eachLine(t, filepath.Join(c.Folder, "want.jsonl"), func(line []byte) {
			var want v0Want
			if err := json.Unmarshal(line, &want); err != nil {
				t.Fatal(err)
			}
			if want.Platform != c.Platform {
				return
			}
			found = true
			if d := v0Differs(RenderFile(filepath.Join(c.Folder, "meta.yaml"), v0FeatureOptions(t, c)), &want); d != "" {
				t.Errorf("%s on %s: %s", c.Recipe, c.Platform, d)
			}
		})
		if !found {
			t.Errorf("%s: no answer for %s", c.Recipe, c.Platform)
		}
	}
}

func v0FeatureOptions(t *testing.T, c v0FeatureCase) RenderOptions {
	p, err := platforms.Parse(c.Platform)
	if err != nil {
		t.Fatal(err)
	}
	return RenderOptions{BuildPlatform: p, HostPlatform: p, TargetPlatform: p, keepPins: true, noScripts: true}
}

// TestV0FeaturesConformance asks conda-build itself, so that want.jsonl is its answer. FORGE_CONDA_BUILD names a
// Python, or a program that runs one, that has conda_build; without one, the test is skipped.
func TestV0FeaturesConformance(t *testing.T) {
	python := os.Getenv("FORGE_CONDA_BUILD")
	if python == "" {
		python = "python3"
	}
	ask := func(script string) *exec.Cmd {
		cmd := exec.Command(python, "-c", script)
		cmd.Env = append(os.Environ(), "PYTHONHASHSEED=0") // some of its lists come out of sets
		cmd.Dir = t.TempDir()                              // Python imports from where it is, and here are folders with names of its packages
		return cmd
	}
	if ask("import conda_build.api").Run() != nil {
		t.Skip("no Python with conda_build here (FORGE_CONDA_BUILD names one)")
	}
	var in, out bytes.Buffer
	for _, c := range v0FeatureCases(t) {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := ask(v0Oracle)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for line := range strings.Lines(out.String()) {
		if line, ok := strings.CutPrefix(line, "ANSWER "); ok {
			var a v0FeatureCase
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				t.Fatal(err)
			}
			answers[a.Recipe] += line
		}
	}
	for recipe, answer := range answers {
		file := filepath.Join("testdata/v0", recipe, "want.jsonl")
		if *updateV0 {
			if err := os.WriteFile(file, []byte(answer), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(golden), answer); d != "" {
			t.Errorf("%s: (-want.jsonl +conda-build)\n%s", recipe, d)
		}
	}
	if len(answers) < 20 {
		t.Errorf("answers to %d recipes", len(answers))
	}
}
