package yamlx

// Text is what Load makes of a file's bytes before it reads YAML: UTF-8 text without a byte order mark.
// The second result says what is wrong with them; it is empty where nothing is.
func Text(data []byte) (text, problem string) { return decode(data) }
