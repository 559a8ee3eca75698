package recipes

import (
	"strings"
	"sync"

	"forge/internal/diag"
	"forge/recipes/internal/yamlx"

	"gopkg.in/yaml.v3"
)

// v0Fields are the keys of each section of a meta.yaml (conda_build/metadata.py, FIELDS, and the few
// that its code reads beside them).
func v0Fields(section string) []string { return v0SectionFields()[section] }

var v0SectionFields = sync.OnceValue(func() map[string][]string {
	words := map[string]string{
		"package": "name version",
		"source": `fn url md5 sha1 sha224 sha256 sha384 sha512 content_sha256 content_sha384 content_sha512 content_hash_skip path path_via_symlink
			git_url git_tag git_branch git_rev git_depth hg_url hg_tag svn_url svn_rev svn_ignore_externals svn_username svn_password folder no_hoist patches`,
		"build": `number string entry_points osx_is_app disable_pip features track_features preserve_egg_dir no_link binary_relocation script noarch
			noarch_python python_version_independent has_prefix_files binary_has_prefix_files ignore_prefix_files detect_binary_files_with_prefix
			skip_compile_pyc rpaths rpaths_patcher script_env always_include_files skip msvc_compiler pin_depends include_recipe preferred_env
			preferred_env_executable_paths run_exports ignore_run_exports ignore_run_exports_from requires_features provides_features force_use_keys
			force_ignore_keys merge_build_host pre-link post-link pre-unlink missing_dso_whitelist missing_dso_allowlist runpath_whitelist
			runpath_allowlist error_overdepending error_overlinking overlinking_ignore_patterns python_site_packages_path
			activate_in_script ignore_verify_codes no_move_top_level_workdir_loops noarch_python_build_age`,
		"outputs":      "name version number entry_points script script_interpreter build requirements test about extra files type run_exports target noarch string",
		"requirements": "build host run conflicts run_constrained",
		"app":          "entry icon summary type cli_opts own_environment",
		"test":         "requires commands files imports source_files downstreams script",
		"about": `home dev_url doc_url doc_source_url license_url license summary description license_family identifiers tags keywords license_file
			prelink_message readme recipe_log_file`,
		"extra": "",
	}
	fields := make(map[string][]string, len(words))
	for section, names := range words {
		fields[section] = strings.Fields(names)
	}
	return fields
})

func v0Sections() []string {
	return []string{"package", "source", "build", "requirements", "outputs", "app", "test", "about", "extra"}
}

// checkFields reports unknown sections and keys of a rendered recipe.
func (v *v0) checkFields(doc *yamlx.Document) {
	for k, n := range yamlx.Pairs(doc.Root) {
		switch k.Value {
		case "extra":
		case "source", "outputs":
			for _, e := range list1(n) {
				v.checkSection(doc, k.Value, e)
			}
		case "package", "build", "requirements", "app", "test", "about":
			v.checkSection(doc, k.Value, n)
		default:
			v.unknown(doc, k, "the recipe", v0Sections())
		}
	}
}

func (v *v0) checkSection(doc *yamlx.Document, section string, n *yaml.Node) {
	if yamlx.IsNull(n) || n.Kind == yaml.ScalarNode && (n.Value == "" || section == "outputs") {
		return
	}
	if n.Kind == yaml.SequenceNode && section == "requirements" {
		return
	}
	if n.Kind != yaml.MappingNode {
		v.found.add(v.at(doc, n, "wrong-type", "%s is a mapping, this is %s", section, yamlx.Kind(n)))
		return
	}
	known := v0Fields(section)
	for k, value := range yamlx.Pairs(n) {
		if !contains(known, k.Value) {
			v.unknown(doc, k, section, known)
			continue
		}
		if section == "outputs" {
			switch k.Value {
			case "build", "requirements", "test", "about":
				if k.Value != "test" || value.Kind == yaml.MappingNode {
					found := len(v.found.list)
					v.checkSection(doc, k.Value, value)
					if k.Value == "requirements" {
						passedOver(v.found.list[found:])
					}
				}
			}
		}
	}
}

// passedOver makes warnings of unknown keys in the requirements of an output: conda-build builds published feedstocks
// that have them (c-ares-feedstock's run_constraint), and refuses them at the top of a recipe alone.
func passedOver(list diag.List) {
	for i, d := range list {
		if d.Code == "unknown-key" && d.Severity == diag.Error {
			list[i].Severity = diag.Warning
			list[i].Summary += "; conda-build passes over it, and so does Forge"
		}
	}
}

// unknown reports a key that means nothing at its place. One that belongs to another section is a
// warning, since conda-build passes over it; anything else is more likely a slip of the pen.
func (v *v0) unknown(doc *yamlx.Document, k *yaml.Node, where string, known []string) {
	d := v.at(doc, k, "unknown-key", "unknown key %q in %s", k.Value, where)
	near, home := diag.Nearest(k.Value, known), v0Home(k.Value)
	switch {
	case home != "":
		d.Severity = diag.Warning
		d.Summary = "the key " + quoted(k.Value) + " means nothing in " + where
		d.Suggestion = "it belongs to " + home
		if near != "" {
			d.Suggestion += "; did you mean " + quoted(near) + "?"
		}
	case near != "":
		d.Suggestion = "did you mean " + quoted(near) + "?"
	case olderKeys()[k.Value] != "":
		d.Suggestion = "meta.yaml writes it " + quoted(olderKeys()[k.Value])
	}
	if d.Suggestion == "" {
		d.Detail = "known keys: " + strings.Join(known, ", ")
	}
	v.found.add(d)
}

// v0Home is a section that has the key.
func v0Home(key string) string {
	for _, s := range v0Sections() {
		if contains(v0Fields(s), key) || s == key {
			return s
		}
	}
	return ""
}

// olderKeys are keys of recipe.yaml and what meta.yaml calls them.
func olderKeys() map[string]string {
	return map[string]string{"target_directory": "folder", "file_name": "fn", "homepage": "home", "repository": "dev_url", "documentation": "doc_url",
		"run_constraints": "run_constrained", "tests": "test", "git": "git_url", "rev": "git_rev"}
}
