package conda

import "regexp"

var (
	// What conda allows in the parts of a file name (CEP 26); build strings have no dash.
	packageName   = regexp.MustCompile(`^[A-Za-z0-9_.+-]+$`)
	packagePart   = regexp.MustCompile(`^[A-Za-z0-9_.+!~]+$`)
	subdirPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9_]+)?$`)
	pythonVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+t?$`)
)
