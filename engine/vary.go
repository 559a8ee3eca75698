package engine

import (
	"fmt"
	"strings"

	"forge/internal/diag"
	"forge/sandbox"
)

// Dimensions are what a rebuild can be made to differ in, with the class of difference each reveals.
// The clock moves by itself; readdir order and the kernel's name cannot be varied from here.
var dimensions = []struct{ name, class string }{
	{"path", ClassPath}, {"uid", ClassUser}, {"hostname", ClassHost}, {"locale", ClassLocale}, {"jobs", ClassCPU}, {"timezone", ClassTimestamp},
}

// variation is what is different about a build on purpose. The zero value is the usual build.
type variation map[string]bool

// ParseVariations reads the words of --vary; "all" is every one of them.
func ParseVariations(words []string) ([]string, error) {
	var names []string
	for _, d := range dimensions {
		names = append(names, d.name)
	}
	var list []string
	for _, w := range words {
		switch {
		case w == "all":
			list = append(list, names...)
		case classOf(w) != "":
			list = append(list, w)
		default:
			err := fmt.Errorf("cannot vary %q: want all or some of %s", w, strings.Join(names, ", "))
			if near := diag.Nearest(w, names); near != "" {
				err = fmt.Errorf("%w; did you mean %q?", err, near)
			}
			return nil, err
		}
	}
	return unique(list), nil
}

// VaryWords are the words of --vary.
func VaryWords() []string {
	words := []string{"all"}
	for _, d := range dimensions {
		words = append(words, d.name)
	}
	return words
}

func classOf(dimension string) string {
	for _, d := range dimensions {
		if d.name == dimension {
			return d.class
		}
	}
	return ""
}

// layout is the inside of a build: at other paths, but for PREFIX, which is the placeholder that
// packages are allowed to hold.
func (v variation) layout() layout {
	at := insideLayout()
	if v["path"] {
		const other = "/elsewhere/for-a-rebuild"
		at.root, at.work, at.build, at.recipe, at.extra = other, other+"/source", other+"/tools", other+"/instructions", other+"/more"
	}
	return at
}

// cpus is CPU_COUNT.
func (v variation) cpus(usual int) int {
	if v["jobs"] {
		return usual + 3
	}
	return usual
}

// apply changes environment and sandbox of a build.
func (v variation) apply(env map[string]string, spec *sandbox.Spec) {
	if v["uid"] {
		spec.UID, spec.GID, spec.User = buildUID+234, buildGID+234, "someone"
		env["USER"], env["LOGNAME"] = spec.User, spec.User
		for i, f := range spec.Files {
			if f.Path == "/etc/passwd" || f.Path == "/etc/group" {
				spec.Files[i].Data = strings.NewReplacer(buildUser+":x", spec.User+":x", fmt.Sprintf(":%d:", buildUID), fmt.Sprintf(":%d:", spec.UID)).Replace(f.Data)
			}
		}
	}
	if v["hostname"] {
		spec.Hostname = "another-machine"
	}
	if v["locale"] {
		env["LANG"], env["LC_ALL"], env["LANGUAGE"] = "et_EE.ISO-8859-15", "C", "et"
	}
	if v["timezone"] {
		env["TZ"] = "Pacific/Kiritimati"
	}
}
