package trust

// Where the configuration folder is looked for.
var configVariables = []string{"XDG_CONFIG_HOME", "AppData"}

const (
	homeVariable = "USERPROFILE"
	homeConfig   = `AppData\Roaming`
)
