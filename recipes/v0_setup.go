package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"forge/recipes/internal/expr"
	"forge/recipes/internal/yamlx"

	"github.com/pelletier/go-toml/v2"
)

// setupData is load_setup_py_data: what a Python project says of itself, read from its pyproject.toml,
// setup.cfg, PKG-INFO and the literals of its setup.py. conda-build runs the latter; nothing is run here.
func (p *v0Pass) setupData(a expr.Args) (expr.Value, error) {
	v, err := a.Bind("load_setup_py_data", "setup_file?", "from_recipe_dir?", "recipe_dir?", "work_dir?", "permit_undefined_jinja?")
	if err != nil {
		return nil, err
	}
	file, _ := v[0].(string)
	if file == "" {
		file = "setup.py"
	}
	dir := p.projectDir(expr.Truth(v[1]))
	if dir == "" {
		return nil, fmt.Errorf("load_setup_py_data() would unpack the source and run its setup.py; write the version in the recipe, as in `{%% set version = \"1.0\" %%}`, or name the project with `source: path:` so that its pyproject.toml or setup.cfg can be read")
	}
	dir = filepath.Join(dir, filepath.Dir(filepath.FromSlash(file)))
	data := readProject(dir, filepath.Base(file))
	if data["version"] == nil {
		return nil, fmt.Errorf("load_setup_py_data(): no file of %s names a version without being run; write it in pyproject.toml, or in the recipe", filepath.Base(dir))
	}
	return expr.FromGo(data), nil
}

// projectDir is the folder of a project that is on this machine: the recipe's, or its path source.
func (p *v0Pass) projectDir(ofRecipe bool) string {
	if ofRecipe {
		return p.dir
	}
	if p.permissive {
		return ""
	}
	if p.early == nil {
		p.early = p.firstPass()
	}
	path := filepath.FromSlash(recipeRelative(p.early.path))
	if path == "" || strings.Contains(p.early.path, lateOpen) {
		return ""
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(p.dir, path)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return ""
	}
	return path
}

// readProject merges the files that describe a project; the more formal ones win.
func readProject(dir, setupFile string) map[string]any {
	data := map[string]any{}
	read := func(name string, parse func(text string) map[string]any) {
		if text, err := readScript(dir, name); err == nil {
			for k, v := range parse(text) {
				data[k] = v
			}
		}
	}
	read(setupFile, readSetupPy)
	read("setup.cfg", readSetupCfg)
	read("pyproject.toml", readPyproject)
	read("PKG-INFO", readPackageInfo)
	return data
}

var (
	setupKeyword = pattern{src: `(?m)\b(name|version|description|url|license|author|python_requires)\s*=\s*(?:["']([^"'\n]*)["']|([A-Za-z_]\w*))\s*[,)\n]`}
	assignment   = pattern{src: `(?m)^([A-Za-z_]\w*)\s*=\s*["']([^"'\n]*)["']`}
)

// readSetupPy reads the keywords of a setup() call that are literals, or names that were given one.
func readSetupPy(text string) map[string]any {
	data := map[string]any{}
	_, call, ok := strings.Cut(text, "setup(")
	if !ok {
		return data
	}
	names := map[string]string{}
	for _, m := range assignment.FindAllStringSubmatch(text, -1) {
		names[m[1]] = m[2]
	}
	for _, m := range setupKeyword.FindAllStringSubmatch(call, -1) {
		value := m[2]
		if m[3] != "" {
			if value, ok = names[m[3]]; !ok {
				continue
			}
		}
		if data[m[1]] == nil {
			data[m[1]] = value
		}
	}
	return data
}

// readSetupCfg reads [metadata] and [options] of setuptools' declarative form.
func readSetupCfg(text string) map[string]any {
	data := map[string]any{}
	section, key := "", ""
	for _, line := range strings.Split(text, "\n") {
		t := strings.TrimSpace(line)
		switch {
		case t == "" || t[0] == '#' || t[0] == ';':
		case t[0] == '[':
			section, key = strings.Trim(t, "[]"), ""
		case line[0] == ' ' || line[0] == '\t':
			if list, ok := data[key].([]any); ok {
				data[key] = append(list, t)
			}
		default:
			k, v, _ := strings.Cut(t, "=")
			k, v = strings.TrimSpace(k), strings.TrimSpace(v)
			key = strings.ReplaceAll(k, "-", "_")
			switch {
			case section == "metadata" && v != "" && !strings.HasPrefix(v, "attr:") && !strings.HasPrefix(v, "file:"):
				data[key] = v
			case section == "options" && key == "install_requires":
				data[key] = []any{}
				if v != "" {
					data[key] = []any{v}
				}
			case section == "options" && v != "":
				data[key] = v
			default:
				key = ""
			}
		}
	}
	return data
}

// readPyproject reads [project] (PEP 621) or [tool.poetry].
func readPyproject(text string) map[string]any {
	var doc struct {
		Project map[string]any
		Tool    struct{ Poetry map[string]any }
	}
	data := map[string]any{}
	if toml.Unmarshal([]byte(text), &doc) != nil {
		return data
	}
	project := doc.Project
	if project == nil {
		project = doc.Tool.Poetry
	}
	for k, v := range project {
		switch v.(type) {
		case string, []any:
			data[strings.ReplaceAll(k, "-", "_")] = v
		}
	}
	if v := project["dependencies"]; v != nil {
		if list, ok := v.([]any); ok {
			data["install_requires"] = list
		}
	}
	if v := project["requires-python"]; v != nil {
		data["python_requires"] = v
	}
	if urls, ok := project["urls"].(map[string]any); ok {
		for _, k := range []string{"Homepage", "homepage", "Home"} {
			if u, ok := urls[k].(string); ok {
				data["url"] = u
			}
		}
	}
	return data
}

// readPackageInfo reads the headers of a source distribution's metadata (PEP 314).
func readPackageInfo(text string) map[string]any {
	data := map[string]any{}
	for _, line := range strings.Split(text, "\n") {
		k, v, ok := strings.Cut(strings.TrimRight(line, "\r"), ": ")
		if !ok {
			break
		}
		key := map[string]string{"Name": "name", "Version": "version", "Summary": "description", "Home-page": "url", "License": "license",
			"Author": "author", "Requires-Python": "python_requires"}[k]
		if key != "" {
			data[key] = v
		}
		if k == "Requires-Dist" {
			list, _ := data["install_requires"].([]any)
			data["install_requires"] = append(list, v)
		}
	}
	return data
}

// earlyPath is the path of the first source that has one.
func earlyPath(doc *yamlx.Document) string {
	for _, n := range list1(yamlx.Get(doc.Root, "source")) {
		if s := scalar(yamlx.Get(n, "path")); s != "" {
			return s
		}
	}
	return ""
}
