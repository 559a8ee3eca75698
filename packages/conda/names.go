package conda

import (
	"regexp"
	"sync"
)

var (
	// What conda allows in the parts of a file name (CEP 26); build strings have no dash.
	packageName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.+-]+$`) })
	packagePart   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.+!~]+$`) })
	subdirPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9_]+)?$`) })
	pythonVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+\.[0-9]+t?$`) })
)
