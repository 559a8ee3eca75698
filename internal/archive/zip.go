package archive

import (
	"archive/zip"
	"os"
)

// zip reads with the standard library, which checks CRC and size of every member. Before that the
// local headers are held against the directory at the end: the two may not tell different stories.
func (w *walker) zip(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	zr, err := zip.NewReader(f, st.Size())
	if err != nil {
		return err
	}
	if _, err := checkLocal(f, st.Size(), zr.File); err != nil {
		return err
	}
	for _, zf := range zr.File {
		if err := w.packedMember(zf.Name, zf.Mode(), zf.Modified, zf.Open); err != nil {
			return err
		}
	}
	return nil
}
