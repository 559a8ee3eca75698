package archive

import (
	"path"
	"strings"
)

// maxFollow is how many links one path may go through, as the kernel has it.
const maxFollow = 40

// LinkStays tells whether the target of the link at name stays in the tree both are in, following the tree's
// other links as a kernel would: "b/b/b/../../.." with "b -> ." climbs although it looks harmless. links gives
// the target of the link at a path of the tree, if there is one. A loop stays inside; it leads nowhere.
func LinkStays(links func(path string) (string, bool), name, target string) bool {
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
		next, ok := links(strings.Join(at, "/"))
		if !ok {
			continue
		}
		if followed++; followed > maxFollow {
			return true // ELOOP for whoever tries
		}
		if strings.HasPrefix(next, "/") {
			return false
		}
		at = at[:len(at)-1]
		todo = append(strings.Split(next, "/"), todo...)
	}
	return true
}

func splitPath(p string) []string {
	if p == "." || p == "" {
		return nil
	}
	return strings.Split(p, "/")
}
