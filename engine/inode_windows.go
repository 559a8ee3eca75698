package engine

import "io/fs"

// inodeOf answers 0: size and times alone tell files apart here.
func inodeOf(fs.FileInfo) uint64 { return 0 }

// linksOf answers 0: not known.
func linksOf(fs.FileInfo) uint64 { return 0 }
