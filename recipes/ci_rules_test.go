package recipes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"

	"github.com/google/go-cmp/cmp"
)

// TestCIVariants holds the rules that the corpus shows against small recipes.
func TestCIVariants(t *testing.T) {
	two := `schema_version: 1
recipe: {name: two, version: "1"}
outputs:
  - package: {name: one}
    requirements: {host: ["zlib ${{ zlib }}.*", "python ${{ python }}.*"]}
  - package: {name: other}
    build: {noarch: generic}
    requirements: {run: ["zlib ${{ zlib }}.*", "python >=${{ python_min }}"]}
`
	long := strings.Repeat("x", 200)
	for _, c := range []struct {
		name, file, recipe, variants string
		opts                         CIOptions
		want                         map[string]string // job → keys with their values
	}{
		{"noarch outputs are left out", "recipe.yaml", two, "zlib: [1, 2]\npython: [3, 4]\npython_min: ['3.10']\n", CIOptions{},
			map[string]string{
				"linux_64_python3zlib1": "python=3 python_min=3.10 target_platform=linux-64 zlib=1",
				"linux_64_python3zlib2": "python=3 python_min=3.10 target_platform=linux-64 zlib=2",
				"linux_64_python4zlib1": "python=4 python_min=3.10 target_platform=linux-64 zlib=1",
				"linux_64_python4zlib2": "python=4 python_min=3.10 target_platform=linux-64 zlib=2"}},
		{"jobs differ in what all outputs use", "recipe.yaml", two, "zlib: [1, 2]\npython: [3, 4]\npython_min: ['3.10']\n", CIOptions{NoArch: true},
			map[string]string{
				"linux_64_zlib1": "python=3,4 python_min=3.10 target_platform=linux-64 zlib=1",
				"linux_64_zlib2": "python=3,4 python_min=3.10 target_platform=linux-64 zlib=2"}},
		{"labels are for GitHub Actions", "meta.yaml", "package: {name: p, version: 1}\n", "github_actions_labels: [big]\n", CIOptions{GitHubActions: true},
			map[string]string{"linux_64_": "github_actions_labels=big target_platform=linux-64"}},
		{"and for nothing else", "meta.yaml", "package: {name: p, version: 1}\n", "github_actions_labels: [big]\n", CIOptions{},
			map[string]string{"linux_64_": "target_platform=linux-64"}},
		{"a job runs in one image", "meta.yaml", "package: {name: p, version: 1}\n", "docker_image: [b, a]\n", CIOptions{},
			map[string]string{"linux_64_": "docker_image=b target_platform=linux-64"}},
		{"names hold no character that Windows refuses", "meta.yaml", "package: {name: p, version: 1}\nrequirements:\n  host:\n    - zlib\n", "zlib: ['1 *', '>2']\n", CIOptions{},
			map[string]string{
				"linux_64_zlib1__": "target_platform=linux-64 zlib=1 *",
				"linux_64_zlib2":   "target_platform=linux-64 zlib=>2"}},
		// 259 - len("C:/Users/runnerx/_work/p-feedstock/p-feedstock/.ci_support/") - 15 are 185; the digest is sha256sum's.
		{"long names end with a digest", "meta.yaml", "package: {name: p, version: 1}\nrequirements:\n  host:\n    - zlib\n", "zlib: [a, " + long + "]\n", CIOptions{},
			map[string]string{
				"linux_64_zliba": "target_platform=linux-64 zlib=a",
				"linux_64_zlib" + long[:172] + "_hacb7b7cc": "target_platform=linux-64 zlib=" + long}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(path, []byte(c.recipe), 0o644); err != nil {
				t.Fatal(err)
			}
			linux, err := platforms.Parse("linux-64")
			if err != nil {
				t.Fatal(err)
			}
			c.opts.RenderOptions = RenderOptions{TargetPlatform: linux, HostPlatform: linux, BuildPlatform: linux,
				Variants: []VariantFile{{Path: "variants.yaml", Data: []byte(c.variants)}}}
			jobs, list := CIVariants(path, c.opts)
			if list.HasErrors() {
				t.Fatal(list.Err())
			}
			got := map[string]string{}
			for _, j := range jobs {
				got[j.Name] = valuesText(j.Values)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func valuesText(values map[string][]string) string {
	var words []string
	for _, k := range sortedNames(values) {
		words = append(words, k+"="+strings.Join(values[k], ","))
	}
	return strings.Join(words, " ")
}

// TestMigrate holds migrations against what CFEP-9 and conda-smithy's variant_algebra make of them.
func TestMigrate(t *testing.T) {
	const pinned = "cuda: [None, '12.9']\ngcc: ['15', '14']\narm: [sbsa]\nmpi: [y, x]\nzip_keys: [[cuda, gcc]]\n"
	for _, c := range []struct{ name, migration, want string }{
		{"a row that is new by what joins it", `
__migrator:
  operation: key_add
  primary_key: cuda
  ordering: {cuda: [None, '12.9']}
  additional_zip_keys: [arm]
cuda: ['12.9']
gcc: ['14']
arm: [tegra]
`, "arm=sbsa,sbsa,tegra cuda=None,12.9,12.9 gcc=15,14,14 mpi=y,x"},
		{"a row that is there", `
__migrator: {operation: key_add, primary_key: cuda, ordering: {cuda: [None, '12.9']}}
cuda: ['12.9']
gcc: ['14']
`, "arm=sbsa cuda=None,12.9 gcc=15,14 mpi=y,x"},
		{"the last of an order", "__migrator: {ordering: {mpi: [x, y, z]}}\nmpi: [z]\n", "arm=sbsa cuda=None,12.9 gcc=15,14 mpi=y,z"},
		{"higher versions, place by place", "__migrator: {kind: version}\ngcc: ['14', '16']\n", "arm=sbsa cuda=None,12.9 gcc=15,16 mpi=y,x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			linux, err := platforms.Parse("linux-64")
			if err != nil {
				t.Fatal(err)
			}
			opts := RenderOptions{TargetPlatform: linux, HostPlatform: linux, BuildPlatform: linux, IgnoreRecipeVariants: true,
				Variants: []VariantFile{{Path: "variants.yaml", Data: []byte(pinned)}}}.withDefaults()
			config, list := ciConfig("meta.yaml", opts, []VariantFile{{Path: "migration.yaml", Data: []byte(c.migration)}})
			if list.HasErrors() {
				t.Fatal(list.Err())
			}
			got := map[string][]string{}
			for _, k := range []string{"cuda", "gcc", "arm", "mpi"} {
				got[k] = config.vals[k]
			}
			if diff := cmp.Diff(c.want, valuesText(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
