package trust

// Where the configuration folder is looked for.
var configVariables = []string{"XDG_CONFIG_HOME"}

const (
	homeVariable = "HOME"
	homeConfig   = "Library/Application Support"
)
