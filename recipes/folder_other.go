//go:build !linux

package recipes

import "os"

// folderNames lists a folder in any order.
func folderNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
