package archive

import (
	"path"
	"strings"
)

// maxFollow is how many links one path may go through, as the kernel has it.
const maxFollow = 40

// inside tells whether the target of the link at name stays in the tree, following the tree's other
// links as a kernel would: "b/b/b/../../.." with "b -> ." climbs although it looks harmless.
// A loop stays inside; it leads nowhere.
func (t *tree) inside(name, target string) bool {
	if strings.HasPrefix(target, "/") {
		return false
	}
	at := splitPath(path.Dir(name))
	todo := strings.Split(target, "/")
	for followed := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return false
			}
			at = at[:len(at)-1]
			continue
		}
		at = append(at[:len(at):len(at)], part)
		n := t.paths[strings.Join(at, "/")]
		if n == nil || n.kind != kindLink {
			continue
		}
		if followed++; followed > maxFollow {
			return true // ELOOP for whoever tries
		}
		if strings.HasPrefix(n.target, "/") {
			return false
		}
		at = at[:len(at)-1]
		todo = append(strings.Split(n.target, "/"), todo...)
	}
	return true
}

func splitPath(p string) []string {
	if p == "." || p == "" {
		return nil
	}
	return strings.Split(p, "/")
}
